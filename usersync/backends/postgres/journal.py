"""Lines of the journal as statements and as rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from psycopg import sql

from usersync.backends import BatchResult
from usersync.model import JournalEvent
from usersync.sql import compose, load

_FIELDS = (
    "at", "run_id", "event", "task", "target", "table", "actor", "reason", "run_url",
    "tool_version", "digest", "exit_code",
)  # fmt: skip


def counted(event: JournalEvent, result: BatchResult) -> JournalEvent:
    """The line of a unit with what the unit did."""
    return replace(
        event,
        counts={"created": result.created, "failed": len(result.failures)},
        user_ids=event.user_ids or tuple(failure.user_id for failure in result.failures),
    )


def append(event: JournalEvent, ours: sql.Identifier) -> sql.Composed:
    """The statement that writes a line into the journal of our schema."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _FIELDS}
    values |= {"counts": json.dumps(event.counts), "user_ids": list(event.user_ids)}
    return compose(
        load("queries/journal_append"),
        {"ours": ours} | {name: sql.Literal(value) for name, value in values.items()},
    )
