"""The tables that may hold profiles, from the catalog; writes nothing."""

from __future__ import annotations

from psycopg import sql

from usersync.backends.likely import ActingTrigger, Column, LikelyTable
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.sql import compose, load


def likely_tables(transactions: Transactions) -> tuple[LikelyTable, ...]:
    """The likeliest first, of one snapshot."""

    def work(cursor: RowCursor) -> tuple[LikelyTable, ...]:
        rows = fetch_all(cursor, compose(load("queries/candidates"), {}))
        return tuple(_table(cursor, row) for row in rows)

    return transactions.read(work)


def _table(cursor: RowCursor, row: Row) -> LikelyTable:
    name = sql.Identifier(row["schema_name"], row["table_name"]).as_string()
    named = {"profiles_text": sql.Literal(name)}
    columns = fetch_all(cursor, compose(load("queries/candidate_columns"), named))
    triggers = fetch_all(cursor, compose(load("queries/acting_triggers"), named))
    return LikelyTable(
        **row,
        columns=tuple(Column(**one | {"allowed": tuple(one["allowed"])}) for one in columns),
        triggers=tuple(ActingTrigger(**one | {"writes": tuple(one["writes"])}) for one in triggers),
    )
