"""One project without our functions: its address, its key, and what carries requests there."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from usersync.backends.api import failures
from usersync.backends.api.address import read_url
from usersync.backends.api.client import connect
from usersync.backends.api.keys import read_key
from usersync.backends.api.transport import Transport, build_client
from usersync.config import Api, Settings
from usersync.errors import Interrupted, UsersyncError

if TYPE_CHECKING:
    import httpx


class Project:
    """The API of one project.

    What reads goes through a client that refuses to send anything else; the other is made when
    something is written.

    Args:
        api: where it is, and the key.
        settings: time-outs and retries.
    """

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._settings = settings
        self.address = read_url(api.url, variable=api.url_env)
        self.key = read_key(
            api.key.get_secret_value(),
            variable=api.key_env,
            project_ref=self.address.project_ref,
            now=datetime.now(UTC),
        )
        self._cancelled = threading.Event()
        self._made: list[httpx.Client] = []
        self._transports: list[Transport] = []

    @cached_property
    def reading(self) -> httpx.Client:
        """Sends GET and HEAD, and nothing else."""
        return self._client(read_only=True)

    @cached_property
    def writing(self) -> httpx.Client:
        """Sends anything, once."""
        return self._client(read_only=False)

    @cached_property
    def tables_reading(self) -> Any:
        """Supabase's client over `reading`."""
        return connect(self.address, self._api, self.reading)

    @cached_property
    def tables_writing(self) -> Any:
        """Supabase's client over `writing`."""
        return connect(self.address, self._api, self.writing)

    @property
    def headers(self) -> dict[str, str]:
        """The key, in both places where servers look for it, and which errors are wanted."""
        key = self._api.key.get_secret_value().strip()
        return {
            "apikey": key,
            "Authorization": f"Bearer {key}",
            # Errors without what Postgres said about somebody's values.
            "X-Supabase-Api-Version": "2024-01-01",
        }

    def explained(self, error: Exception) -> UsersyncError:
        """What went wrong, in one line, with the remedy."""
        return failures.explain(error, host=self.address.host)

    def refuse_cancelled(self) -> None:
        """Start nothing once somebody has cancelled.

        Raises:
            Interrupted: somebody has.
        """
        self._pause(0)

    def cancel(self) -> None:
        """End what runs and start nothing any more; safe from another thread."""
        self._cancelled.set()
        for transport in self._transports:
            transport.cancel()

    def close(self) -> None:
        """Let go of the connections."""
        for client in self._made:
            client.close()

    def _client(self, *, read_only: bool) -> httpx.Client:
        transport = Transport(
            self.address.base_url,
            stable_functions=frozenset(),
            retry_s=self._settings.retry_s,
            read_only=read_only,
            sleep=self._pause,
        )
        client = build_client(
            transport,
            connect_timeout_s=self._settings.connect_timeout_s,
            read_timeout_s=self._settings.statement_timeout_s,
        )
        self._transports.append(transport)
        self._made.append(client)
        return client

    def _pause(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise Interrupted("interrupted; what was committed stays, nothing else ran")
