"""Batches over a network that may lose an answer: none is counted twice, and none is forgotten."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from usersync.backends.api.client import Caller
from usersync.errors import CouldNotTell, LostAnswer

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 8.0


class Batches:
    """Sends batches, each again until it is answered.

    To create profiles is safe to repeat: who has one by now is left alone. Only the numbers of a
    lost answer are missing, and those stand in the journal, committed with the batch.

    Args:
        caller: that of the door.
        retry_s: how long one batch is tried again; 0 for never.
        sleep: waits for so many seconds, unless somebody cancels.
    """

    def __init__(self, caller: Caller, retry_s: float, sleep: Callable[[float], None]) -> None:
        self._caller = caller
        self._retry_s = retry_s
        self._sleep = sleep
        self._numbers = itertools.count(1)
        self.lease: str | None = None
        """Who holds the turn that these batches belong to."""
        self.is_alone = False
        """Whether that turn is for everything that this run does."""

    def through(self, caller: Caller) -> Batches:
        """The same batches, numbered on and in the same turn, through another door."""
        other = Batches(caller, self._retry_s, caller.pause)
        other._numbers, other.lease = self._numbers, self.lease
        return other

    def create(self, function: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the function answers, what a lost answer told included.

        Args:
            function: ``usersync_create`` or ``usersync_create_blocks``.
            given: its input.

        Raises:
            LostAnswer: no answer came in time.
            CouldNotTell: the turn of this run is over; nothing was done.
        """
        from tenacity import (
            Retrying,
            retry_if_exception_type,
            stop_before_delay,
            wait_random_exponential,
        )

        lost: list[int] = []

        def send() -> dict[str, Any]:
            number = next(self._numbers)
            try:
                answer = self._caller.call(function, **given, batch=number, lease=self.lease)
            except LostAnswer:
                lost.append(number)
                raise
            if answer.get("turn_lost"):
                raise CouldNotTell(
                    "this run has lost its turn: it was not heard of for too long",
                    "run the same command again: what was committed stays, nothing is done twice",
                )
            return answer

        output = Retrying(
            retry=retry_if_exception_type(LostAnswer),
            stop=stop_before_delay(self._retry_s),
            wait=wait_random_exponential(_FIRST_WAIT_S, _LONGEST_WAIT_S),
            sleep=self._sleep,
            reraise=True,
        )(send)
        if lost and given.get("event"):
            told = sum(self._told(given["event"]["run_id"], number) for number in lost)
            for name in ("created", "found"):
                output[name] += told
            # Whom a lost batch gave a profile, the next one met with it.
            output["already_there"] = max(output["already_there"] - told, 0)
        return output

    def _told(self, run_id: str, number: int) -> int:
        """How many profiles a batch created whose answer was lost; 0 when it did not arrive."""
        rows = self._caller.rows("usersync_journal_batch", run_id=run_id, batch=number)
        return int(rows[0]["created"]) if rows else 0
