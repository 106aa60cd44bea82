"""Which trigger, function, line and constraint made a statement fail; no value of any row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from usersync.backends.postgres.failures import condition_name

_FRAME = re.compile(r"^PL/pgSQL function (.+?\)) line (\d+)", re.MULTILINE)


def told(error: psycopg.Error, triggers: Sequence[Mapping[str, Any]]) -> str:
    """What failed and where.

    Args:
        error: as Postgres raised it.
        triggers: names and functions of those that may have run.
    """
    state = error.sqlstate or "no SQLSTATE"
    diag = error.diag
    told = f"{state} {condition_name(state)}"
    subject = [
        part
        for part in (
            f"constraint {diag.constraint_name}" if diag.constraint_name else "",
            f"column {diag.column_name}" if diag.column_name else "",
            f"table {diag.schema_name}.{diag.table_name}" if diag.table_name else "",
        )
        if part
    ]
    if subject:
        told += f" ({', '.join(subject)})"
    # What is wrong with names and rights quotes no value.
    if state.startswith("42") and diag.message_primary:
        told += f": {diag.message_primary}"
    frames = _FRAME.findall(diag.context or "")
    if frames:
        inner, line = frames[0]
        outer = frames[-1][0]
        trigger = next((one["name"] for one in triggers if one["function"] == outer), "")
        told += f", in {inner} line {line}"
        if outer != inner:
            told += f", called by {outer}"
        if trigger:
            told += f", trigger {trigger}"
    return told


def remedy(error: psycopg.Error, timeout_s: float) -> str:
    """What to do about it."""
    state = error.sqlstate or ""
    if state == "57014":
        return f"it took longer than {timeout_s:g} s: the Auth server gives up after 10 s"
    if state == "55P03":
        return "somebody holds a lock: run it again"
    return "migration.pause lets sign-ups pass until the function is corrected"
