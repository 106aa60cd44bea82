"""What one step came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from usersync.errors import UsersyncError

Status = Literal[
    "ok",
    "changed",
    "would-change",
    "finding",
    "skipped",
    "failed",
    "undone",
    "not-reached",
    "unknown",
]

#: What an error of a change means for its step; others leave it failed.
_BY_CODE: Mapping[int, Status] = {4: "not-reached", 5: "undone", 7: "not-reached"}


@dataclass(frozen=True, slots=True)
class Told:
    """A status and what belongs to it.

    Args:
        status: one of the nine.
        detail: one line.
        lines: more of them, below it.
        exit_code: what it means for the run.
        fields: what expressions may read of it; None when nothing is known.
        stops: whether nothing behind it is done.
        next_steps: what a person may do now.
    """

    status: Status
    detail: str = ""
    lines: tuple[str, ...] = ()
    exit_code: int = 0
    fields: Mapping[str, Any] | None = None
    stops: bool = False
    next_steps: tuple[str, ...] = ()


def of_error(error: UsersyncError, *, stops: bool, changes: bool) -> Told:
    """What an error means for the step that raised it.

    Args:
        error: what was raised.
        stops: whether nothing behind the step is done.
        changes: whether it was a change; a check that cannot be made is unknown.
    """
    status: Status = _BY_CODE.get(error.exit_code, "failed") if changes else "unknown"
    return Told(
        status,
        error.message,
        tuple(error.next_step.splitlines()),
        exit_code=error.exit_code,
        stops=stops,
    )
