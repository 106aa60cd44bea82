"""The triggers of a table with the sources of all functions behind them, from the catalog."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from psycopg import sql

from usersync.backends.postgres.names import Names
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.model import Trigger
from usersync.sql import compose, load
from usersync.triggers import (
    FunctionSource,
    Reference,
    TriggerSource,
    closure,
    inserts_into,
    judge,
)
from usersync.triggers import beyond_rollback as may_outlive_rollback
from usersync.triggers import effects as effects_of
from usersync.triggers import performed as writes_performed
from usersync.triggers import unreadable as is_unreadable
from usersync.triggers import written as tables_written
from usersync.triggers.signs import Write


def triggers_of(cursor: RowCursor, names: Names) -> tuple[Trigger, ...]:
    """What a write of one kind fires in a table, judged by what it may reach.

    Args:
        cursor: in a read-only transaction.
        names: the table's names as texts, and the kind of write.
    """
    return _judged(cursor, fetch_all(cursor, compose(load("queries/insert_triggers"), names)))


def sign_up_triggers(
    cursor: RowCursor, wanted: Collection[str], own_tables: Collection[str], own_key: str
) -> tuple[Trigger, ...]:
    """These triggers of ``auth.users``, judged by what they may reach beside their own tables.

    Args:
        cursor: in a read-only transaction.
        wanted: their names.
        own_tables: names of tables that they are there to insert into.
        own_key: the key of their rows.
    """
    query = compose(load("queries/sign_up_triggers"), {"wanted": _texts(wanted)})
    return _judged(cursor, fetch_all(cursor, query), own_tables, own_key)


def _judged(
    cursor: RowCursor,
    fired: Sequence[Row],
    own_tables: Collection[str] = (),
    own_key: str = "",
) -> tuple[Trigger, ...]:
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
        own_tables,
        own_key,
    )


def inserting(
    cursor: RowCursor, oids: Sequence[int], tables: Collection[Reference]
) -> dict[int, frozenset[Reference]]:
    """Which of the tables each function may insert rows into, by what it and its callees say.

    Args:
        cursor: in a transaction.
        oids: the functions.
        tables: schema and name of each table that is asked for.
    """
    return {
        function.oid: inserts_into(
            function,
            lambda references, schemas: _functions(cursor, (), references, schemas),
            tables,
        )
        for function in _functions(cursor, oids)
    }


def written(cursor: RowCursor, oids: Sequence[int]) -> frozenset[Reference]:
    """The tables that these functions, and what they call, write to.

    Args:
        cursor: in a transaction.
        oids: the functions.
    """
    return frozenset((schema, name) for _, schema, name in performed(cursor, oids))


def performed(cursor: RowCursor, oids: Sequence[int]) -> frozenset[Write]:
    """What these functions, and what they call, write, and how.

    Args:
        cursor: in a transaction.
        oids: the functions.
    """
    return frozenset().union(
        *(
            writes_performed(
                function,
                lambda references, schemas: _functions(cursor, (), references, schemas),
            )
            for function in _functions(cursor, oids)
        )
    )


def unreadable(cursor: RowCursor, oids: Sequence[int]) -> dict[int, str]:
    """The functions of these whose source tells nothing, each with its language.

    Args:
        cursor: in a transaction.
        oids: the functions.
    """
    return {one.oid: one.language for one in _functions(cursor, oids) if is_unreadable(one)}


def paused_writing(cursor: RowCursor, bodies: Mapping[int, str]) -> dict[int, frozenset[Reference]]:
    """The tables that paused functions write to when they are back.

    Args:
        cursor: in a transaction.
        bodies: per function the body that it had.
    """
    return {
        function.oid: tables_written(
            replace(function, source=bodies[function.oid]),
            lambda references, schemas: _functions(cursor, (), references, schemas),
        )
        for function in _functions(cursor, list(bodies))
    }


def beyond_rollback(cursor: RowCursor, oids: Sequence[int]) -> dict[int, str]:
    """The functions of these of which a ROLLBACK may not undo everything, each with why.

    Args:
        cursor: in a transaction.
        oids: the functions.
    """
    foreign = fetch_all(cursor, compose(load("queries/foreign_tables"), {}))
    found = {
        function.oid: may_outlive_rollback(
            function,
            lambda references, schemas: _functions(cursor, (), references, schemas),
            [row["name"] for row in foreign],
        )
        for function in _functions(cursor, oids)
    }
    return {oid: why for oid, why in found.items() if why}


def effects(cursor: RowCursor, oid: int) -> tuple[str, ...]:
    """What a function, and what it calls, does beside writing rows.

    Args:
        cursor: in a transaction.
        oid: the function.
    """
    foreign = fetch_all(cursor, compose(load("queries/foreign_tables"), {}))
    (function,) = _functions(cursor, [oid])
    return effects_of(
        function,
        lambda references, schemas: _functions(cursor, (), references, schemas),
        [row["name"] for row in foreign],
    )


def reached(cursor: RowCursor, oids: Sequence[int]) -> tuple[FunctionSource, ...]:
    """These functions and everything that they call, by what their sources say."""
    return tuple(
        closure(
            _functions(cursor, oids),
            lambda references, schemas: _functions(cursor, (), references, schemas),
        )
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
