"""What of usersync is in the target, counted; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from usersync.backends import answers, footprint, rights
from usersync.backends.footprint import Footprint
from usersync.backends.postgres.rights import place
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.backends.rights import Right
from usersync.backends.survey import LedgerEntry
from usersync.config import Settings
from usersync.model import JournalEvent, Trace
from usersync.sql import compose, load
from usersync.sql import rights as statements
from usersync.sql.names import Names, ours, quoted
from usersync.sql.stub import MARK, read


def take(
    transactions: Transactions, settings: Settings, lines: Sequence[JournalEvent]
) -> Footprint:
    """Everything of ours, with the rows of its tables, and what of others stands on it.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        lines: of a journal that is not the target's own.
    """
    named = ours(settings) | {"paused_like": sql.Literal(f"%{MARK}%")}

    def work(cursor: RowCursor) -> Footprint:
        found = fetch_all(cursor, compose(load("queries/footprint"), named))
        # Below the mark somebody may have written another body: that is theirs.
        rows = [row for row in found if row["kind"] != "paused function" or read(row["word"])]
        counts = {row["name"]: _count(cursor, row["name"]) for row in rows if row["countable"]}
        known = {row["word"] for row in rows if row["name"] in counts}

        def told(table: str, query: str) -> list[Row]:
            return fetch_all(cursor, compose(load(query), named)) if table in known else []

        ledger = [
            answers.ledger_entry(row["entry"]) for row in told("ledger", "queries/ledger_read")
        ]
        here = [answers.journal_line(row) for row in told("journal", "queries/journal_granted")]
        of_rights = rights.since_taken_back((*lines, *here))
        told_of_them = rights.told(of_rights, place(cursor)) if of_rights else []
        found_of_them = [Right(**row) for row in fetch_all(cursor, statements.given(told_of_them))]
        given = [one for one in found_of_them if one.certain]
        return footprint.footprint(
            rows,
            counts,
            ledger,
            found_of_them,
            of_rights,
            _cron_jobs(cursor, named),
            _made_tables(cursor, settings, ledger, given),
        )

    return transactions.read(work)


def _made_tables(
    cursor: RowCursor, settings: Settings, ledger: Sequence[LedgerEntry], given: Sequence[Right]
) -> list[Trace]:
    """The tables that it made for the app, which stay when it leaves, with what belongs to them."""
    schema = settings.install.schema_name
    made = {
        table: entry.change
        for entry in ledger
        for table in entry.drops
        if not table.startswith((f"{schema}.", f"{quoted(schema)}."))
    }
    named = {
        "tables": sql.Literal(list(made)),
        "given": sql.Literal([str(one) for one in given]),
    }
    return [
        Trace(
            row["kind"],
            row["name"],
            made[row["asked"]],
            _count(cursor, row["name"]) if row["countable"] else None,
            row["size_bytes"],
        )
        for row in fetch_all(cursor, compose(load("queries/made_tables"), named))
    ]


def _cron_jobs(cursor: RowCursor, named: Names) -> list[str]:
    """The jobs that name us, as far as this role may see them."""
    if not fetch_all(cursor, compose(load("queries/cron_readable"), {}))[0]["readable"]:
        return []
    return [row["name"] for row in fetch_all(cursor, compose(load("queries/cron_jobs"), named))]


def _count(cursor: RowCursor, table: str) -> int:
    query = sql.SQL("select count(*) as rows from {}").format(sql.SQL(table))
    return int(fetch_all(cursor, query)[0]["rows"])
