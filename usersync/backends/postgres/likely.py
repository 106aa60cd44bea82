"""The tables that may hold profiles, from the catalog; writes nothing."""

from __future__ import annotations

from psycopg import sql

from usersync.backends.likely import ActingTrigger, Column, LikelyTable
from usersync.backends.postgres import own_function, reach
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.sql import compose, load

#: What a writer counts in ``queries/candidates.sql``.
_WRITTEN = 8


def likely_tables(transactions: Transactions) -> tuple[LikelyTable, ...]:
    """The likeliest first, of one snapshot."""

    def work(cursor: RowCursor) -> tuple[LikelyTable, ...]:
        rows = fetch_all(cursor, compose(load("queries/candidates"), {}))
        found = [_table(cursor, row) for row in rows]
        return tuple(sorted(found, key=lambda table: -table.score))

    return transactions.read(work)


def _table(cursor: RowCursor, row: Row) -> LikelyTable:
    name = sql.Identifier(row["schema_name"], row["table_name"]).as_string()
    named = {"profiles_text": sql.Literal(name)}
    columns = fetch_all(cursor, compose(load("queries/candidate_columns"), named))
    triggers = fetch_all(cursor, compose(load("queries/acting_triggers"), named))
    place = (row["schema_name"], row["table_name"])
    oids = [one["function_oid"] for one in triggers]
    writing = dict(reach.inserting(cursor, oids, [place]))
    bodies = {one["function_oid"]: own_function.saved_body(one["source"]) for one in triggers}
    paused = {oid: body for oid, body in bodies.items() if body}
    writing |= reach.paused_writing(cursor, paused)
    for one in triggers:
        if body := paused.get(one["function_oid"]):
            one |= {"source": body, "state": "paused"}
    acting = tuple(
        _trigger(
            one, inserts=bool({place, ("", place[1])} & writing.get(one["function_oid"], set()))
        )
        for one in triggers
    )
    if row["written_by"] is None:
        # Not in the text of its own function, but of one that this calls.
        through = [one for one in acting if one.on_users and one.inserts]
        row["written_by"] = ", ".join(f"{one.name} ({one.function})" for one in through) or None
        row["score"] += _WRITTEN if through else 0
    return LikelyTable(
        **row,
        columns=tuple(Column(**one | {"allowed": tuple(one["allowed"])}) for one in columns),
        triggers=acting,
    )


def _trigger(row: Row, *, inserts: bool) -> ActingTrigger:
    fields = {name: value for name, value in row.items() if name != "function_oid"}
    return ActingTrigger(**fields | {"writes": tuple(row["writes"])}, inserts=inserts)
