"""Which trigger, function, line and constraint made a statement fail; no value of any row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_FRAME = re.compile(r"^PL/pgSQL function (.+?\)) line (\d+)", re.MULTILINE)

#: The function of the API that runs the canary: never to blame.
_OURS = re.compile(r"(public\.)?usersync_canary\(")


@dataclass(frozen=True, slots=True)
class Error:
    """An error of Postgres, as either door tells it; the message may quote values."""

    sqlstate: str
    condition: str
    """Postgres's own name of the SQLSTATE."""
    message: str = ""
    context: str = ""
    constraint: str = ""
    column: str = ""
    table: str = ""
    """With its schema."""


def place(context: str) -> str:
    """The function in which it failed, with the line; empty when no function did.

    Args:
        context: where Postgres was.
    """
    frames = [frame for frame in _FRAME.findall(context) if not _OURS.match(frame[0])]
    return f"{frames[0][0]} line {frames[0][1]}" if frames else ""


def told(error: Error, triggers: Sequence[Mapping[str, Any]]) -> str:
    """What failed and where.

    Args:
        error: as Postgres raised it.
        triggers: names and functions of those that may have run.
    """
    told = f"{error.sqlstate or 'no SQLSTATE'} {error.condition}".rstrip()
    subject = [
        part
        for part in (
            f"constraint {error.constraint}" if error.constraint else "",
            f"column {error.column}" if error.column else "",
            f"table {error.table}" if error.table else "",
        )
        if part
    ]
    if subject:
        told += f" ({', '.join(subject)})"
    # What is wrong with names and rights quotes no value.
    if error.sqlstate.startswith(("42", "3F")) and error.message:
        told += f": {error.message}"
    frames = [frame for frame in _FRAME.findall(error.context) if not _OURS.match(frame[0])]
    if frames:
        inner, line = frames[0]
        outer = frames[-1][0]
        trigger = next((one["name"] for one in triggers if _is(one["function"], outer)), "")
        told += f", in {inner} line {line}"
        if outer != inner:
            told += f", called by {outer}"
        if trigger:
            told += f", trigger {trigger}"
    return told


def remedy(error: Error, timeout_s: float) -> str:
    """What to do about it."""
    if error.sqlstate == "57014":
        return f"it took longer than {timeout_s:g} s: the Auth server gives up after 10 s"
    if error.sqlstate == "55P03":
        return "somebody holds a lock: run it again"
    return "migration.pause lets sign-ups pass until the function is corrected"


def _is(function: str, frame: str) -> bool:
    """Whether a frame, whose name may lack the schema, is of this function."""
    return frame in (function, function.partition(".")[2])
