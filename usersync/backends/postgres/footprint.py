"""What of usersync is in the target, counted; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from usersync.backends import answers, footprint
from usersync.backends.footprint import Footprint
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.backends.survey import LedgerEntry
from usersync.config import Settings
from usersync.model import Trace
from usersync.sql import compose, load
from usersync.sql.names import Names, ours, quoted
from usersync.sql.stub import MARK, read


def take(transactions: Transactions, settings: Settings) -> Footprint:
    """Everything of ours, with the rows of its tables, and what of others stands on it."""
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
        return footprint.footprint(
            rows,
            counts,
            ledger,
            [row["profile_table"] for row in told("journal", "queries/journal_granted")],
            _cron_jobs(cursor, named),
            _made_tables(cursor, settings, ledger),
        )

    return transactions.read(work)


def _made_tables(
    cursor: RowCursor, settings: Settings, ledger: Sequence[LedgerEntry]
) -> list[Trace]:
    """The tables that it made for the app, which stay when it leaves."""
    schema = settings.install.schema_name
    made = {
        table: entry.change
        for entry in ledger
        for table in entry.drops
        if not table.startswith((f"{schema}.", f"{quoted(schema)}."))
    }
    query = compose(load("queries/made_tables"), {"tables": sql.Literal(list(made))})
    return [
        Trace(
            "profile table",
            row["name"],
            made[row["asked"]],
            _count(cursor, row["name"]) if row["countable"] else None,
            row["size_bytes"],
        )
        for row in fetch_all(cursor, query)
    ]


def _cron_jobs(cursor: RowCursor, named: Names) -> list[str]:
    """The jobs that name us, as far as this role may see them."""
    if not fetch_all(cursor, compose(load("queries/cron_readable"), {}))[0]["readable"]:
        return []
    return [row["name"] for row in fetch_all(cursor, compose(load("queries/cron_jobs"), named))]


def _count(cursor: RowCursor, table: str) -> int:
    query = sql.SQL("select count(*) as rows from {}").format(sql.SQL(table))
    return int(fetch_all(cursor, query)[0]["rows"])
