"""The triggers of a table with the sources of all functions behind them, from the catalog."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from psycopg import sql

from usersync.backends.postgres.names import Names
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.model import Trigger
from usersync.sql import compose, load
from usersync.triggers import FunctionSource, Reference, TriggerSource, judge


def insert_triggers(cursor: RowCursor, names: Names) -> tuple[Trigger, ...]:
    """What an insert into the table fires, judged by what it may reach.

    Args:
        cursor: in a read-only transaction.
        names: the table's names as texts.
    """
    fired = fetch_all(cursor, compose(load("queries/insert_triggers"), names))
    if not fired:
        return ()
    foreign = fetch_all(cursor, compose(load("queries/foreign_tables"), {}))
    own = [row["function_oid"] for row in fired if row["function_oid"] is not None]
    by_oid = {function.oid: function for function in _functions(cursor, own)}
    return judge(
        [
            TriggerSource(row["name"], by_oid.get(row["function_oid"]), row["condition"] or "")
            for row in fired
        ],
        lambda references, schemas: _functions(cursor, (), references, schemas),
        [row["name"] for row in foreign],
    )


def _functions(
    cursor: RowCursor,
    oids: Sequence[int],
    references: Collection[Reference] = (),
    schemas: Collection[str] | None = (),
) -> list[FunctionSource]:
    wanted = {
        "oids": sql.SQL("{}::oid[]").format(sql.Literal(list(oids))),
        "names": _texts([name for _, name in references]),
        "schemas": _texts([schema for schema, _ in references]),
        "search_path": _texts(schemas or ()),
        "anywhere": sql.Literal(schemas is None),
    }
    found = fetch_all(cursor, compose(load("queries/functions"), wanted))
    return [FunctionSource(**row) for row in found]


def _texts(texts: Collection[str]) -> sql.Composed:
    return sql.SQL("{}::text[]").format(sql.Literal(list(texts)))
