"""Calls of our functions in the target, over the project's API: the one door to supabase-py."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast

from usersync import __version__
from usersync.backends.api import failures
from usersync.backends.api.address import Address, read_url
from usersync.backends.api.keys import Key, read_key
from usersync.backends.api.transport import build_client
from usersync.config import Api, Settings
from usersync.errors import CouldNotTell, Interrupted, Refused
from usersync.sql.api import FUNCTIONS

if TYPE_CHECKING:
    import httpx
    from supabase import Client

Row = dict[str, Any]

#: What may be asked again without harm, and cannot write.
STABLE = frozenset(function.name for function in FUNCTIONS if not function.writes)

#: The two ways to install our functions.
INSTALL = (
    "install them over a database connection: set SUPABASE_DB_URL and run migration.apply\n"
    "or write them as files for the Supabase CLI, also over a connection: migration.export"
)


class NotInstalled(CouldNotTell):
    """Our functions are not in the target."""


class Caller:
    """One client of one project.

    Args:
        api: where it is, and the key.
        settings: time-outs and retries.
        configuration: stands for the settings that the functions must have been made from.
    """

    def __init__(self, api: Api, settings: Settings, configuration: str) -> None:
        self.address: Address = read_url(api.url, variable=api.url_env)
        self.key: Key = read_key(
            api.key.get_secret_value(),
            variable=api.key_env,
            project_ref=self.address.project_ref,
            now=datetime.now(UTC),
        )
        self._configuration = configuration
        self._cancelled = threading.Event()
        self._http = build_client(
            base_url=self.address.base_url,
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.statement_timeout_s,
            retry_s=settings.retry_s,
            stable_functions=STABLE,
            read_only=False,
            sleep=self._sleep,
        )
        self._client = connect(self.address, api, self._http)

    def rows(self, function: str, **given: Any) -> list[Row]:
        """The rows that a function answers, with times and dates as such."""
        return [natural(row) for row in self.call(function, **given)["rows"]]

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
        if self._cancelled.is_set():
            raise Interrupted("interrupted; what was committed stays, nothing else ran")
        try:
            answer = self._client.rpc(function, {"input": _plain(given)}).execute().data
        except Exception as error:
            raise self._explained(error, function) from error
        if not isinstance(answer, dict) or "version" not in answer:
            raise CouldNotTell(
                f"{self.address.host} answered something that is not from usersync",
                "check SUPABASE_URL: it is https://PROJECT_REF.supabase.co",
            )
        self._refuse_strangers(answer)
        return cast("Row", answer)

    def cancel(self) -> None:
        """Start nothing any more; safe from another thread."""
        self._cancelled.set()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _refuse_strangers(self, answer: Mapping[str, Any]) -> None:
        version = str(answer["version"])
        if version != __version__:
            raise Refused(
                f"the functions in {self.address.host} are of usersync {version}, and this is"
                f" {__version__}",
                f"use usersync {version}, or over a database connection: migration.apply",
            )
        if answer["configuration"] != self._configuration:
            raise Refused(
                f"the functions in {self.address.host} were made from another configuration",
                "use the usersync.yaml that they were made from, or over a database connection:"
                " migration.apply",
            )

    def _explained(self, error: Exception, function: str) -> Exception:
        code = str(getattr(error, "code", "") or "")
        if code in ("PGRST202", "42883"):
            return NotInstalled(
                f"{self.address.host} has no function public.{function}: usersync is not installed"
                " there, or the API has not noticed yet",
                f"{INSTALL}\nwhen it has just been installed: wait a moment",
            )
        if code == "P0002":
            return Refused(
                f"the functions in {self.address.host} were made for other profile tables",
                "over a database connection: migration.apply",
            )
        return failures.explain(error, host=self.address.host)

    def _sleep(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise Interrupted("interrupted; what was committed stays, nothing else ran")


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
