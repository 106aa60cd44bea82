"""Lines of the journal as statements and as rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from psycopg import sql

from usersync.backends import BatchResult
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import Settings
from usersync.model import JournalEvent
from usersync.sql import compose, load

_FIELDS = (
    "at", "run_id", "event", "task", "target", "table", "actor", "reason", "run_url",
    "tool_version", "digest", "exit_code", "commit_sha", "approver",
)  # fmt: skip


def counted(event: JournalEvent, result: BatchResult) -> JournalEvent:
    """The line of a unit with what the unit did."""
    return replace(
        event,
        counts={"created": result.created, "failed": len(result.failures)},
        user_ids=event.user_ids or tuple(failure.user_id for failure in result.failures),
    )


def forget(transactions: Transactions, ours: sql.Identifier, user_id: str) -> int:
    """Take a user's id out of every line; answers out of how many."""
    named = {"ours": ours, "user_id": sql.Literal(user_id)}
    return _change(transactions, compose(load("queries/journal_forget"), named))


def prune(transactions: Transactions, ours: sql.Identifier, days: int) -> int:
    """Remove the lines that are older than so many days; answers how many."""
    named = {"ours": ours, "days": sql.Literal(days)}
    return _change(transactions, compose(load("queries/journal_prune"), named))


def _change(transactions: Transactions, statement: sql.Composed) -> int:
    def work(cursor: RowCursor) -> int:
        cursor.execute(compose(load("queries/journal_forgets"), {}))
        return cursor.execute(statement).rowcount

    return transactions.write(work)


def write(cursor: RowCursor, settings: Settings, event: JournalEvent) -> None:
    """Write a line, if our journal stands here as this transaction sees it."""
    name = settings.install.schema_name
    facts = fetch_all(cursor, compose(load("queries/access"), {"ours_text": sql.Literal(name)}))[0]
    if facts["journal"]:
        is_whole = bool(facts["journal_names_approver"])
        cursor.execute(append(event, sql.Identifier(name), is_whole=is_whole))


def append(event: JournalEvent, ours: sql.Identifier, *, is_whole: bool) -> sql.Composed:
    """The statement that writes a line into the journal of our schema.

    Args:
        event: the line.
        ours: our schema.
        is_whole: whether the table has every column, and was not made by an earlier usersync.
    """
    values: dict[str, Any] = {name: getattr(event, name) for name in _FIELDS}
    values |= {"counts": json.dumps(event.counts), "user_ids": list(event.user_ids)}
    return compose(
        load("queries/journal_append" if is_whole else "queries/journal_append_older"),
        {"ours": ours} | {name: sql.Literal(value) for name, value in values.items()},
    )
