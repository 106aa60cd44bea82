"""Calls of our functions in the target, over the project's API: the one door to supabase-py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from usersync import __version__
from usersync.backends.api import failures
from usersync.backends.api.address import Address, read_url
from usersync.backends.api.keys import Key, read_key
from usersync.backends.api.transport import BadAnswer, Transport, build_client
from usersync.config import Api, Settings
from usersync.errors import CouldNotTell, Interrupted, Refused
from usersync.sql.api import FUNCTIONS

if TYPE_CHECKING:
    import httpx
    from supabase import Client

Row = dict[str, Any]
Built = TypeVar("Built")

#: What may be asked again without harm, and cannot write.
STABLE = frozenset(function.name for function in FUNCTIONS if not function.writes)

#: How much later than Postgres we give up, so that it is Postgres who ends a slow statement.
_LATENCY_S = 5.0

_INSTALL = (
    "install them over a database connection: set SUPABASE_DB_URL and run migration.apply\n"
    "or write them as files for the Supabase CLI, also over a connection: migration.export"
)


def installing(settings: Settings) -> str:
    """The two ways to install our functions, behind what usersync.yaml must say first."""
    lacks = settings.install.lacks("full")
    return f"{lacks}; then\n{_INSTALL}" if lacks else _INSTALL


def _installing_again(settings: Settings) -> str:
    """How functions that are there come to be what they should be."""
    lacks = settings.install.lacks("full")
    first = f"{lacks}; then " if lacks else ""
    return f"over a database connection: {first}migration.apply"


class NotInstalled(CouldNotTell):
    """Our functions are not in the target."""


class Caller:
    """One client of one project.

    Args:
        api: where it is, and the key.
        settings: time-outs and retries.
        configuration: stands for the settings that the functions must have been made from.
        read_only: whether anything that could write is refused before it leaves.
    """

    def __init__(
        self, api: Api, settings: Settings, configuration: str, *, read_only: bool
    ) -> None:
        self.address: Address = read_url(api.url, variable=api.url_env)
        self.key: Key = read_key(
            api.key.get_secret_value(),
            variable=api.key_env,
            project_ref=self.address.project_ref,
            now=datetime.now(UTC),
        )
        self._settings = settings
        self._configuration = configuration
        self._cancelled = threading.Event()
        self._transport = Transport(
            self.address.base_url,
            stable_functions=STABLE,
            retry_s=settings.retry_s,
            read_only=read_only,
            sleep=self.pause,
        )
        self._http = build_client(
            self._transport,
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.statement_timeout_s + _LATENCY_S,
        )
        self._client = connect(self.address, api, self._http)

    @property
    def requests(self) -> int:
        """How many requests have left, those that were tried again included."""
        return self._transport.requests

    def rows(self, function: str, **given: Any) -> list[Row]:
        """The rows that a function answers, with times and dates as such."""
        rows = self.call(function, **given).get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._unknown(function)
        return [self._known(function, natural(row)) for row in rows]

    def call(self, function: str, **given: Any) -> Row:
        """What a function answers.

        Args:
            function: the name of one of `FUNCTIONS`.
            given: its input.

        Raises:
            NotInstalled: there is no such function.
            Refused: it was made by another version, or from another configuration.
            CouldNotTell: no answer, or not ours.
        """
        self.pause(0)
        try:
            answer = self._client.rpc(function, {"input": _plain(given)}).execute().data
        except Exception as error:
            self.pause(0)
            raise self._explained(error, function) from error
        if not isinstance(answer, dict) or "version" not in answer:
            raise CouldNotTell(
                f"{self.address.host} answered something that is not from usersync",
                "check SUPABASE_URL: it is https://PROJECT_REF.supabase.co",
            )
        self._refuse_strangers(answer)
        return self._known(function, answer)

    def cancel(self) -> None:
        """End what runs and start nothing any more; safe from another thread."""
        self._cancelled.set()
        self._transport.cancel()

    def pause(self, seconds: float) -> None:
        """Wait for so many seconds.

        Raises:
            Interrupted: somebody cancelled meanwhile.
        """
        if self._cancelled.wait(seconds):
            raise Interrupted("interrupted; what was committed stays, nothing else ran")

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _known(self, function: str, fields: Mapping[str, Any]) -> Row:
        return _Fields(fields, self._unknown(function))

    def _unknown(self, function: str) -> CouldNotTell:
        return CouldNotTell(
            f"{self.address.host}: {function} answered something that usersync does not know",
            "somebody may have replaced it; over a database connection: migration.verify",
        )

    def _refuse_strangers(self, answer: Mapping[str, Any]) -> None:
        version = str(answer["version"])
        if version != __version__:
            raise Refused(
                f"the functions in {self.address.host} are of usersync {version}, and this is"
                f" {__version__}",
                f"use usersync {version}, or {_installing_again(self._settings)}",
            )
        if answer["configuration"] != self._configuration:
            raise Refused(
                f"the functions in {self.address.host} were made from another configuration",
                "use the usersync.yaml that they were made from, or "
                + _installing_again(self._settings),
            )

    def _explained(self, error: Exception, function: str) -> Exception:
        code = error.code if isinstance(error, BadAnswer) else ""
        if code in ("PGRST202", "42883"):
            return NotInstalled(
                f"{self.address.host} has no function public.{function}: usersync is not installed"
                " there, or the API has not noticed yet",
                f"{installing(self._settings)}\nwhen it has just been installed: wait a moment",
            )
        if code == "P0002":
            return Refused(
                f"the functions in {self.address.host} were made for other profile tables",
                _installing_again(self._settings),
            )
        if code == "42501":
            again = f"{_installing_again(self._settings)}, which grants what is needed"
            return Refused(f"{self.address.host}: the key may not do that", again)
        return failures.explain(error, host=self.address.host)


class _Fields(dict[str, Any]):
    """The fields of an answer; one that is missing is no bug of ours.

    Args:
        fields: name and value of each.
        missing: what to raise for another name.
    """

    def __init__(self, fields: Mapping[str, Any], missing: CouldNotTell) -> None:
        super().__init__(fields)
        self._missing = missing

    def __missing__(self, _name: str) -> NoReturn:
        raise self._missing


def built(kind: Callable[..., Built], row: Row) -> Built:
    """An object of the fields of a row.

    Raises:
        CouldNotTell: they are not those that it has.
    """
    try:
        return kind(**row)
    except TypeError:
        raise (row._missing if isinstance(row, _Fields) else CouldNotTell("odd answer")) from None


def connect(address: Address, api: Api, http: httpx.Client) -> Client:
    """Supabase's client for a project, with a key that was read already.

    Args:
        address: where the project is.
        api: holds the key.
        http: what carries its requests.
    """
    from supabase import Client, ClientOptions
    from supabase_auth import SyncMemoryStorage

    options = ClientOptions(
        auto_refresh_token=False,
        persist_session=False,
        postgrest_client_retry=False,
        storage=SyncMemoryStorage(),
        httpx_client=http,
    )
    return Client(address.base_url, api.key.get_secret_value().strip(), options)


def natural(row: Mapping[str, Any]) -> Row:
    """A row of JSON with its times and dates as such: our queries name them ``…_at``, ``day``."""
    return {name: _natural(name, value) for name, value in row.items()}


def _natural(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name == "day":
        return date.fromisoformat(value)
    if name in ("at", "as_of") or name.endswith("_at"):
        return datetime.fromisoformat(value)
    return value


def _plain(given: Mapping[str, Any]) -> Row:
    """The input as JSON has it; what is not given is left out."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in given.items()
        if value is not None
    }
