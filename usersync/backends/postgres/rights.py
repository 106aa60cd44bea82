"""Rights on a profile table: given, with a word of which, so that they can be taken back."""

from __future__ import annotations

from dataclasses import replace

from usersync.backends import rights
from usersync.backends.postgres import journal
from usersync.backends.postgres.own_sql import as_step
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.errors import StepFailed
from usersync.model import JournalEvent
from usersync.sql import compose, load
from usersync.sql import rights as statements


def grant(
    transactions: Transactions,
    settings: Settings,
    table: ProfileTable,
    *,
    event: JournalEvent,
    keep: bool,
) -> dict[str, int]:
    """Give the rights that a sync and the API need, as one transaction.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        table: the profile table.
        event: the journal line to commit with it; what was lacking is filled in.
        keep: whether to commit; otherwise everything is rolled back.

    Returns:
        What its line of the journal counts: each right that was lacking, and of which table.

    Raises:
        StepFailed: some are lacking all the same, or it is another table; nothing was given.
    """
    with (
        as_step(),
        transactions.alone(lock_timeout_s=settings.lock_timeout_s, keep=keep) as cursor,
    ):
        before = _held(cursor, table)
        cursor.execute(statements.grants(table).encode())
        _refuse_lacking(cursor, table)
        # The grants hold the entry of the table: nobody else takes its name from here on.
        after = _held(cursor, table)
        _refuse_another(table, {oid for _, oid in before | after})
        given = sorted(after - before)
        counts = rights.counted(
            [words for words, _ in given], given[0][1] if given else 0, place(cursor)
        )
        if keep:
            journal.write(cursor, settings, replace(event, counts=counts))
    return counts


def place(cursor: RowCursor) -> dict[str, int]:
    """Which database this is, among all that may ever be at its address.

    Args:
        cursor: within a transaction.
    """
    row = fetch_all(cursor, compose(load("queries/database_place"), {}))[0]
    found = {"database_oid": int(row["database_oid"])}
    if row["tells_cluster"]:
        found["cluster"] = int(
            fetch_all(cursor, compose(load("queries/cluster"), {}))[0]["cluster"]
        )
    return found


def _held(cursor: RowCursor, table: ProfileTable) -> set[tuple[str, int]]:
    """Each right in its words, with the number of the table."""
    rows = fetch_all(cursor, statements.held(table))
    return {(row["words"], int(row["table_oid"])) for row in rows}


def _refuse_another(table: ProfileTable, oids: set[int]) -> None:
    """What another table of the same name had before, nobody gave now.

    Raises:
        StepFailed: it is not the same table any more.
    """
    if len(oids) > 1:
        raise StepFailed(
            f"{table.name}: another table took its name meanwhile; nothing was granted",
            "run the same command again",
        )


def _refuse_lacking(cursor: RowCursor, table: ProfileTable) -> None:
    """Postgres only warns where a role may grant nothing.

    Raises:
        StepFailed: some are lacking still.
    """
    lacking = fetch_all(cursor, statements.lacking(table))
    if lacking:
        found = "; ".join(f"{row['subject']} {row['detail']}" for row in lacking)
        raise StepFailed(
            f"{table.name}: {found} all the same: this role is not the owner of the table; nothing"
            " was granted",
            "connect as the owner of the table, or grant it in the SQL editor of the dashboard",
        )
