"""What is answered for some seconds to everybody who asks, so that no monitor loads a database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from usersync.config import Target
from usersync.health import state
from usersync.health.state import State

Answer = TypeVar("Answer")


class Shared(Generic[Answer]):
    """One answer for all: whoever asks while it is looked for waits for the same one.

    Args:
        look: finds the answer, in a thread.
        fresh_s: how long an answer holds.
        patience_s: how long anybody waits for one.
        otherwise: what to say to those who have waited in vain; the search goes on.
    """

    def __init__(
        self,
        look: Callable[[], Answer],
        *,
        fresh_s: float,
        patience_s: float,
        otherwise: Callable[[], Answer],
    ) -> None:
        self._look = look
        self._fresh_s = fresh_s
        self._patience_s = patience_s
        self._otherwise = otherwise
        self._search: asyncio.Task[Answer] | None = None
        self._stale_at = 0.0

    async def get(self) -> Answer:
        """The answer: the last one while it is fresh, otherwise a new one."""
        search = self._search
        if search is None or (search.done() and time.monotonic() >= self._stale_at):
            search = self._search = asyncio.create_task(self._find())
        try:
            return await asyncio.wait_for(asyncio.shield(search), self._patience_s)
        except TimeoutError:
            return self._otherwise()

    async def _find(self) -> Answer:
        try:
            return await asyncio.to_thread(self._look)
        except Exception:  # noqa: BLE001 - a fault of ours must not take the endpoint away
            return self._otherwise()
        finally:
            self._stale_at = time.monotonic() + self._fresh_s


class Board:
    """All that the endpoints answer from.

    Args:
        target: the one that is served.
    """

    def __init__(self, target: Target) -> None:
        settings = target.settings.health
        self.reachable: Shared[bool] = Shared(
            lambda: state.reachable(target),
            fresh_s=settings.cache_s,
            patience_s=settings.timeout_s,
            otherwise=lambda: False,
        )
        self.state: Shared[State] = Shared(
            lambda: state.look(target),
            fresh_s=settings.cache_s,
            patience_s=settings.timeout_s,
            otherwise=lambda: state.unknown(target, "no answer in time"),
        )
