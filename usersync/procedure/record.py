"""The lines of a runbook in the journal: the run, what was said to it, and each of its steps."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from usersync.errors import Refused, UsersyncError
from usersync.journal import Journal
from usersync.model import JournalEvent
from usersync.procedure.told import Told
from usersync.reference import any_id

#: The line that says what was said to a run begins with this.
_INPUTS = "inputs "


def inputs_hash(values: Mapping[str, Any]) -> str:
    """Stands for everything that was said to a run, without telling it."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def masked_line(masked: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """The inputs as the journal keeps them, with what stands for the whole of them."""
    said = ", ".join(f"{name}={one}" for name, one in masked.items())
    return f"{_INPUTS}{inputs_hash(values)}: {said or 'none'}"


class Record:
    """What is written down of one run; a run that cannot change anything writes nothing.

    Args:
        journal: that of the run.
        writes: whether it is written.
    """

    def __init__(self, journal: Journal, *, writes: bool) -> None:
        self._journal = journal
        self._writes = writes

    def run_started(self, digest: str, inputs: str, steps: int) -> None:
        """The run begins; said before anything else.

        Args:
            digest: stands for the runbook's files.
            inputs: what was said to it.
            steps: how many there are.
        """
        if self._writes:
            self._journal.started("", digest=digest, counts={"steps": steps})
            self._journal.started(inputs, counts={})

    def step_started(self, step: str, digest: str = "") -> None:
        """A step begins; the digest is what opened a gate."""
        if self._writes:
            self._journal.started(f"step {step}", digest=digest, counts={})

    def step_ended(self, step: str, told: Told) -> None:
        """A step is over."""
        self._ended(f"step {step}", {told.status: 1}, told.exit_code)

    def run_ended(self, exit_code: int) -> None:
        """The run is over."""
        self._ended("", {}, exit_code)

    def _ended(self, what: str, counts: Mapping[str, int], exit_code: int) -> None:
        if self._writes:
            # What ended the run is told, also when there is no connection left for its last lines.
            with contextlib.suppress(UsersyncError):
                self._journal.ended(what, counts=counts, exit_code=exit_code)


def earlier_run(lines: tuple[JournalEvent, ...], run_id: str, task: str) -> tuple[str, str]:
    """What the journal tells of a run that is to be resumed.

    Args:
        lines: of the journal.
        run_id: the run's.
        task: the task that it must have been.

    Returns:
        The hash of the runbook's files, and that of the inputs.

    Raises:
        Refused: there is no such run, or it was of another runbook.
    """
    wanted = any_id(run_id) or "nothing"
    mine = [one for one in lines if one.run_id.startswith(wanted) and one.event == "started"]
    # Operations begin runs of their own within it.
    first = next((one for one in mine if not one.table and "steps" in one.counts), None)
    if first is None:
        raise Refused(
            f"the journal knows no run {run_id}",
            "its id is in the output of `status --history 50`; or give the file that --out wrote",
        )
    if first.task != task:
        raise Refused(f"run {run_id} was {first.task}, not {task}", "resume it by its own name")
    said = next((one.table for one in mine if one.table.startswith(_INPUTS)), "")
    return first.digest, said.removeprefix(_INPUTS).partition(":")[0]
