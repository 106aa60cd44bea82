"""The lock of a target: apply, rollback, repairs, approved runs and runbooks take turns."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import cast

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from usersync.backends.postgres.connection import APPLICATION_NAME, Connection
from usersync.backends.postgres.failures import explain
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.errors import Busy
from usersync.sql import compose, load

_LOOK_EVERY_S = 0.2


@contextlib.contextmanager
def alone_on_target(
    open_connection: Callable[[], Connection], ours: sql.Identifier, task: str, wait_s: float
) -> Iterator[None]:
    """Hold the lock of the target on a connection of its own while the block lasts.

    A transaction holds it, not a session: that works behind a pooler that hands out sessions by
    the transaction. It has no snapshot, so that it keeps nothing from being vacuumed.

    Args:
        open_connection: gives a connection in autocommit mode.
        ours: our schema, which may hold the lease of a run over the API.
        task: what runs, for whoever has to wait.
        wait_s: how long to wait for another run.

    Raises:
        Busy: another run holds the lock.
    """
    connection = open_connection()
    try:
        _wait(connection, ours, task, wait_s)
        yield
    finally:
        # Rolls back; a connection that broke has let go of the lock already.
        connection.close()


def _wait(connection: Connection, ours: sql.Identifier, task: str, wait_s: float) -> None:
    # A call over the API holds the lock for a moment only: that is no run.
    give_up_at = time.monotonic() + max(wait_s, _LOOK_EVERY_S)
    connection.autocommit = False
    try:
        with connection.cursor(row_factory=dict_row) as cursor:
            while holder := _somebody_else(cursor, ours, task):
                connection.rollback()
                if time.monotonic() >= give_up_at:
                    raise Busy(
                        f"another run of usersync is at work on this target: {holder}",
                        "wait for it, or let this one wait: --wait SECONDS",
                    )
                time.sleep(_LOOK_EVERY_S)
    except psycopg.Error as error:
        raise explain(error) from error


def _somebody_else(cursor: RowCursor, ours: sql.Identifier, task: str) -> str:
    """Who holds the lock or the lease; empty when the lock is ours now and nobody has a lease."""
    if not _taken(cursor, task):
        return _holder(cursor)
    there = sql.SQL("select to_regclass({}) is not null as there").format(
        sql.Literal(sql.Identifier(*ours._obj, "lease").as_string())
    )
    # Rolled back to here, the look at the table holds no lock on it: a rollback may drop it.
    with cursor.connection.transaction(force_rollback=True):
        rows = []
        if fetch_all(cursor, there)[0]["there"]:
            rows = fetch_all(cursor, compose(load("queries/lease_holder"), {"ours": ours}))
    return f"{rows[0]['application']} (over the API){_since(rows[0])}" if rows else ""


def _taken(cursor: RowCursor, task: str) -> bool:
    name = sql.Literal(f"{APPLICATION_NAME} {task}"[:63])
    cursor.execute(
        sql.SQL(
            "set local application_name = {}; set local statement_timeout = 0;"
            " set local idle_in_transaction_session_timeout = 0"
        ).format(name)
    )
    return cast("bool", fetch_all(cursor, compose(load("queries/exclusive"), {}))[0]["ours"])


def _holder(cursor: RowCursor) -> str:
    rows = fetch_all(cursor, compose(load("queries/exclusive_holder"), {}))
    if not rows:
        return "it has just ended"
    return f"{rows[0]['application']} (process {rows[0]['pid']}){_since(rows[0])}"


def _since(row: Row) -> str:
    since = row["since"]
    return f", since {since:%Y-%m-%dT%H:%M:%SZ}" if since else ""
