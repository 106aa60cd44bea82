"""The definitions that a scratch copy is made of, read from the catalog; never a row."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from usersync.backends.catalog import Definition, Definitions
from usersync.backends.postgres import connection, reach
from usersync.backends.postgres.failures import condition_name
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.sql import compose, load
from usersync.sql.profiles import table_name
from usersync.triggers import references

#: Tables that a trigger function writes to have triggers and foreign keys of their own.
_ROUNDS = 3

_KINDS = {"v": "view", "m": "materialized view", "f": "foreign table"}


def read(
    transactions: Transactions, settings: Settings, tables: Sequence[ProfileTable]
) -> Definitions:
    """What ``auth.users``, the profile tables and all that they lean on are made of.

    Args:
        transactions: those of the door.
        settings: what holds in the target; what usersync installed is left out.
        tables: the profile tables; those that are missing are left out.
    """
    ours = sql.Literal(settings.install.schema_name)
    return transactions.read(lambda cursor: _read(cursor, tables, ours))


def build(url: str, definitions: Definitions) -> tuple[str, ...]:
    """Make everything in an empty database, as its superuser; returns what could not be made.

    Whatever fails is tried again once the rest is there, as long as that makes progress.

    Args:
        url: the superuser's way to the database.
        definitions: what to make.
    """
    rest = list(definitions.made_by)
    reasons: dict[str, str] = {}
    with connection.connect(url) as opened:
        opened.execute("set check_function_bodies = off")
        while rest:
            failed: list[Definition] = []
            for one in rest:
                reason = _make(opened, one)
                if reason is not None:
                    failed.append(one)
                    reasons[one.identity] = reason
            if len(failed) == len(rest):
                break
            rest = failed
        else:
            rest = []
    return tuple(f"{one.identity}: {reasons[one.identity]}" for one in rest)


def _make(opened: connection.Connection, one: Definition) -> str | None:
    """Make one object; returns why it could not be made."""
    failure = connection.attempt(opened, one.statement)
    if failure is None or (one.identity.startswith("role ") and failure.sqlstate == "42710"):
        return None
    state = failure.sqlstate or ""
    # What is wrong with names, rights and extensions quotes no value of a row.
    told = f": {failure.diag.message_primary}" if state[:2] in ("42", "0A", "58") else ""
    return f"{state} {condition_name(state)}{told}"


def _read(cursor: RowCursor, tables: Sequence[ProfileTable], ours: sql.Literal) -> Definitions:
    names = ["auth.users", *(table_name(table).as_string() for table in tables)]
    seeds = fetch_all(
        cursor,
        sql.SQL(
            "select to_regclass(w.name)::oid::bigint as oid from unnest({}::text[]) as w (name)"
            " where to_regclass(w.name) is not null"
        ).format(sql.Literal(names)),
    )
    relations = [row["oid"] for row in seeds]
    functions: list[int] = []
    found: list[dict[str, object]] = []
    mentioned: list[str] = []
    for _ in range(_ROUNDS):
        found = fetch_all(
            cursor,
            compose(
                load("queries/copied_tables"),
                {"relations": _oids(relations), "named": _texts(mentioned)},
            ),
        )
        relations = [int(str(row["oid"])) for row in found]
        needed = fetch_all(
            cursor, compose(load("queries/copied_functions"), {"relations": _oids(relations)})
        )
        sources = reach.reached(cursor, [row["oid"] for row in needed])
        functions = sorted({source.oid for source in sources if source.oid})
        words = {name for source in sources for _, name in references(source.source)}
        if set(mentioned) == words:
            break
        mentioned = sorted(words)
    rows = fetch_all(
        cursor,
        compose(
            load("queries/definitions"),
            {"relations": _oids(relations), "functions": _oids(functions), "ours_text": ours},
        ),
    )
    return Definitions(
        made_by=tuple(Definition(row["identity"], row["statement"]) for row in rows),
        left_out=tuple(
            f"{_KINDS[str(row['kind'])]} {row['name']}: only tables are copied"
            for row in found
            if row["kind"] in _KINDS
        ),
    )


def _oids(oids: Sequence[int]) -> sql.Composed:
    return sql.SQL("{}::oid[]").format(sql.Literal(list(oids)))


def _texts(texts: Sequence[str]) -> sql.Composed:
    return sql.SQL("{}::text[]").format(sql.Literal(list(texts)))
