"""Which tables sign-ups fill in a database whose configuration says nothing of it."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import sql
from psycopg.rows import dict_row

from usersync.backends.postgres import connection, reach
from usersync.backends.postgres.rows import fetch_all
from usersync.sql import compose, load

#: Schema, name and key of a table.
Found = tuple[str, str, str]


def columns(url: str, schema: str, table: str) -> frozenset[str]:
    """The columns of a table; none when there is no such table.

    Args:
        url: a Postgres connection string.
        schema: its schema.
        table: its name.
    """
    named = {"schema_text": sql.Literal(schema), "table_text": sql.Literal(table)}
    with connection.connect(url) as opened, opened.cursor(row_factory=dict_row) as cursor:
        rows = fetch_all(cursor, compose(load("queries/columns"), named))
    return frozenset(row["name"] for row in rows)


def found(url: str) -> tuple[Found, ...]:
    """The tables with one row per user that the triggers of ``auth.users`` write to.

    Those whose key refers to ``auth.users``; where none does, the likeliest one.

    Args:
        url: a Postgres connection string.
    """
    none = {"profile_names": sql.SQL("array[]::text[]")}
    with connection.connect(url) as opened, opened.cursor(row_factory=dict_row) as cursor:
        triggers = fetch_all(cursor, compose(load("queries/canary_triggers"), none))
        written = reach.written(cursor, [one["function_oid"] for one in triggers])
        named = {
            "schemas": _texts([schema for schema, _ in written]),
            "names": _texts([name for _, name in written]),
        }
        rows = fetch_all(cursor, compose(load("queries/sign_up_tables"), named))
    likely = [row for row in rows if row["refers"]] or rows[:1]
    return tuple((row["schema_name"], row["table_name"], row["key"]) for row in likely)


def _texts(texts: Collection[str]) -> sql.Composed:
    return sql.SQL("{}::text[]").format(sql.Literal(list(texts)))


def extensions(url: str) -> frozenset[str]:
    """The extensions that are installed in a database.

    Args:
        url: a Postgres connection string.
    """
    rows = connection.fetch(url, "select extname from pg_catalog.pg_extension")
    return frozenset(name for (name,) in rows)
