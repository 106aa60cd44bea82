"""A team's own SQL in a transaction of the direct door: one query that reads, or one change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
from psycopg import sql

from usersync.backends import checks
from usersync.backends.catalog import Ask
from usersync.backends.postgres import journal
from usersync.backends.postgres.checkup import why
from usersync.backends.postgres.failures import explain, is_timeout
from usersync.backends.postgres.rows import Row, RowCursor
from usersync.backends.postgres.transactions import Transactions
from usersync.config import Settings
from usersync.errors import StepFailed, TooSlow
from usersync.model import LIST_LENGTH, CheckResult, JournalEvent, Level
from usersync.sql import compose, load

#: What the server says it did, of the statements that count as rows.
_COUNTED = ("INSERT", "UPDATE", "DELETE", "MERGE")


def ask(
    transactions: Transactions,
    settings: Settings,
    name: str,
    header: Mapping[str, str],
    text: str,
    values: Mapping[str, Any],
) -> CheckResult:
    """Run a check of somebody's own in a READ ONLY transaction.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        name: what its findings are called by.
        header: the head of its file.
        text: one query; its columns are ``subject`` and ``detail``.
        values: what is bound to ``%(name)s`` in it.
    """

    def work(cursor: RowCursor) -> CheckResult:
        return _asked(cursor, settings, name, header, text, values)

    return transactions.read(work)


def change(
    transactions: Transactions,
    settings: Settings,
    text: str,
    values: Mapping[str, Any],
    *,
    max_rows: int,
    verify: Callable[[Ask], bool],
    event: JournalEvent | None,
    keep: bool,
) -> int:
    """Run statements of somebody's own as one transaction.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        text: the statements; one when there are values.
        values: what is bound to ``%(name)s`` in it.
        max_rows: more rows than this undo it.
        verify: looks, in the transaction, whether it did what it should.
        event: the journal line to commit with it; the rows are filled in.
        keep: whether to commit; otherwise everything is rolled back.

    Returns:
        How many rows it wrote.

    Raises:
        StepFailed: it failed, wrote too many rows or did not verify; it was undone.
    """
    with (
        as_step(),
        transactions.alone(lock_timeout_s=settings.lock_timeout_s, keep=keep) as cursor,
    ):
        rows = _run(cursor, text, values)
        if rows > max_rows:
            raise StepFailed(
                f"it wrote {rows:,} rows, more than the {max_rows:,} allowed; it was undone",
                "raise max_rows in the runbook, if so many are right",
            )

        def look(
            name: str, header: Mapping[str, str], check: str, bound: Mapping[str, Any]
        ) -> CheckResult:
            return _asked(cursor, settings, name, header, check, bound)

        if not verify(look):
            raise StepFailed(f"after it wrote {rows:,} rows it did not verify; it was undone")
        if event is not None and keep:
            journal.write(cursor, settings, replace(event, counts={"rows": rows}))
    return rows


@contextlib.contextmanager
def as_step() -> Iterator[None]:
    """What fails inside is told as a step that was undone.

    Raises:
        StepFailed: it failed; a connection that broke, or a lock that was not to be had, is not it.
    """
    try:
        yield
    except psycopg.Error as error:
        if is_timeout(error):
            raise TooSlow("it took longer than statement_timeout_s; it was undone") from error
        if error.sqlstate is None or error.sqlstate[:2] in ("08", "57", "55"):
            raise explain(error) from error
        raise StepFailed(f"it failed and was undone: {why(error)}") from error


def _run(cursor: RowCursor, text: str, values: Mapping[str, Any]) -> int:
    cursor.execute(text.encode(), dict(values) or None)
    rows = 0
    more: bool | None = True
    while more:
        said = cursor.statusmessage or ""
        rows += max(cursor.rowcount, 0) if said.startswith(_COUNTED) else 0
        more = cursor.nextset()
    return rows


def _asked(
    cursor: RowCursor,
    settings: Settings,
    name: str,
    header: Mapping[str, str],
    text: str,
    values: Mapping[str, Any],
) -> CheckResult:
    accepted = checks.accepted_subjects(name, settings.accept, datetime.now(UTC).date())
    try:
        with cursor.connection.transaction():
            rows = _rows(cursor, text, values, list(accepted))
    except psycopg.Error as error:
        if error.sqlstate is None or is_timeout(error):
            raise
        return CheckResult(
            check=name,
            level=cast("Level", header["level"]),
            question=header["asks"],
            remedy=header["remedy"],
            count=0,
            unknown=why(error),
        )
    return checks.result(name, header, rows, accepted)


def _rows(
    cursor: RowCursor, text: str, values: Mapping[str, Any], accepted: list[str]
) -> list[Row]:
    literal = sql.SQL("{}::text[]").format(sql.Literal(accepted)).as_string(cursor)
    query = compose(
        load("queries/check"),
        {
            "check": sql.SQL(text.rstrip().rstrip(";")),
            # A percent sign is read as the start of a value only where there are values.
            "accepted": sql.SQL(literal.replace("%", "%%") if values else literal),
            "list_length": sql.Literal(LIST_LENGTH),
        },
    )
    return cursor.execute(query, dict(values) or None, binary=True).fetchall()
