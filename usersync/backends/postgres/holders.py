"""Who holds a lock on ``auth.users`` that a change would have to wait for, and ending one."""

from __future__ import annotations

from psycopg import sql

from usersync.backends.catalog import Holder
from usersync.backends.postgres.locks import LONG_TRANSACTION_S
from usersync.backends.postgres.rows import fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.sql import compose, load


def holders(transactions: Transactions) -> tuple[Holder, ...]:
    """The transactions that are older than a second, the oldest first."""
    query = compose(load("queries/users_holders"), {"exclusive": sql.SQL("false")})
    rows = transactions.read(lambda cursor: fetch_all(cursor, query))
    return tuple(
        Holder(row["pid"], row["application"], row["age_s"])
        for row in rows
        if row["pid"] is not None and (row["age_s"] or 0.0) > LONG_TRANSACTION_S
    )


def end(transactions: Transactions, pid: int) -> bool | None:
    """End the session with this process; None when it holds no lock there any more."""
    query = compose(load("queries/end_transaction"), {"pid": sql.Literal(pid)})
    ended: bool | None = transactions.read(lambda cursor: fetch_all(cursor, query))[0]["ended"]
    return ended
