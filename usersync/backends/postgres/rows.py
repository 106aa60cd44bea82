"""Running one query and reading its rows as what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from psycopg import sql

from usersync.sql import compose, load

Row = dict[str, Any]
RowCursor = psycopg.Cursor[Row]


def fetch_all(cursor: RowCursor, query: sql.Composed | sql.SQL) -> list[Row]:
    """All rows of one query.

    Asking for binary results makes psycopg use the extended protocol, which takes one statement
    and no more: no text from a file or from ``sql:`` can bring a second one.
    """
    return cursor.execute(query, binary=True).fetchall()


def run_procedure(
    cursor: RowCursor, body: sql.Composed, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a procedure file as an anonymous block and return its output.

    Args:
        cursor: in an open transaction.
        body: a composed file that reads ``input`` and sets ``output``.
        arguments: what becomes its ``input``.
    """
    block = compose(load("queries/do"), {"body": body}).as_string(cursor)
    cursor.execute(
        sql.SQL("select pg_catalog.set_config('usersync.input', {}, true)").format(
            sql.Literal(json.dumps(arguments))
        )
    )
    cursor.execute(sql.SQL("do {}").format(sql.Literal(block)))
    cursor.execute("select pg_catalog.current_setting('usersync.output') as output")
    row = cursor.fetchone()
    assert row is not None
    return cast("dict[str, Any]", json.loads(row["output"]))
