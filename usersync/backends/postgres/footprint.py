"""What of usersync is in the target, counted; writes nothing."""

from __future__ import annotations

from psycopg import sql

from usersync.backends import answers, footprint
from usersync.backends.footprint import Footprint
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import Settings
from usersync.sql import compose, load
from usersync.sql.names import Names, ours
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

        return footprint.footprint(
            rows,
            counts,
            [answers.ledger_entry(row["entry"]) for row in told("ledger", "queries/ledger_read")],
            [row["profile_table"] for row in told("journal", "queries/journal_granted")],
            _cron_jobs(cursor, named),
        )

    return transactions.read(work)


def _cron_jobs(cursor: RowCursor, named: Names) -> list[str]:
    """The jobs that name us, as far as this role may see them."""
    if not fetch_all(cursor, compose(load("queries/cron_readable"), {}))[0]["readable"]:
        return []
    return [row["name"] for row in fetch_all(cursor, compose(load("queries/cron_jobs"), named))]


def _count(cursor: RowCursor, table: str) -> int:
    query = sql.SQL("select count(*) as rows from {}").format(sql.SQL(table))
    return int(fetch_all(cursor, query)[0]["rows"])
