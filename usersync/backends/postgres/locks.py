"""Locks on ``auth.users``: sign-ins queue behind whoever waits for one, so we hardly ever wait.

Measured: with a transaction of 5 s open there, waits of 2 s with quick retries held up sign-ins for
99 % of the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from usersync.backends.catalog import Patience, Waited
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import Install
from usersync.errors import CouldNotTell
from usersync.sql import compose, load

#: While a transaction older than this holds a lock there, we wait without queueing.
LONG_TRANSACTION_S = 1.0

#: Between two tries, at least so many times as long as the last one waited.
BACK_OFF = 10

_LOOK_EVERY_S = 0.1
_LEAST_WAIT_S = 0.05


@dataclass(frozen=True, slots=True)
class Work:
    """What is done in one transaction, and which lock it needs."""

    lock: str
    """The statement that takes the lock."""
    under_lock: Callable[[RowCursor], None]
    before: Callable[[RowCursor], None] = lambda _cursor: None
    """What takes long and needs no lock; done again with every try."""
    hold_s: float | None = None
    """How long the lock may be held before the rest is cancelled."""


@dataclass
class _Holder:
    """A transaction that holds a lock on ``auth.users``."""

    pid: int | None
    application: str
    seen_at: float
    age_s: float | None

    @property
    def observed_s(self) -> float:
        """How long we have seen it hold the lock."""
        return time.monotonic() - self.seen_at

    @property
    def is_old(self) -> bool:
        """Whether it may last; what other roles run is not always shown, that it is there is."""
        return max(self.age_s or 0.0, self.observed_s) > LONG_TRANSACTION_S

    def __str__(self) -> str:
        who = f" ({self.application})" if self.application else ""
        since = max(self.age_s or 0.0, self.observed_s)
        least = "" if self.age_s is not None else "at least "
        return f"process {self.pid}{who}, whose transaction is {least}{since:.1f} s old"


def under_lock(
    transactions: Transactions,
    install: Install,
    work: Work,
    patience: Patience,
    *,
    exclusive: bool,
    keep: bool = True,
) -> Waited:
    """Run work that needs a strong lock on ``auth.users`` as one transaction, and commit.

    Args:
        transactions: those of the door.
        install: how long one wait may last, and how long we stand by without queueing.
        work: tried anew, as a whole, when the lock was not to be had.
        patience: how long all waits of this run may still last; what is waited is taken off.
        exclusive: whether even readers stand in its way.
        keep: whether to commit; a rehearsal is rolled back.

    Raises:
        CouldNotTell: somebody, or the work, held the lock for too long; it was not done.
        psycopg.Error: the work failed and was undone.
    """
    seen: dict[tuple[int | None, str], _Holder] = {}
    began_with_s = patience.blocked_s
    stood_by_s = 0.0
    tries = 0
    while True:
        looked_at = time.monotonic()
        holders = _holders(transactions, seen, exclusive=exclusive)
        old = [holder for holder in holders if holder.is_old]
        if old:
            # Of all of them together: when one follows the other, none need last that long.
            if stood_by_s > install.max_blocked_s:
                raise _given_up(old[0], patience)
            transactions.sleep(_LOOK_EVERY_S)
            stood_by_s += time.monotonic() - looked_at
            continue
        wait_s = min(install.lock_timeout_s, patience.left_s)
        if wait_s < _LEAST_WAIT_S:
            raise _given_up(holders[0] if holders else None, patience)
        tries += 1
        got_it_at: float | None = None
        waited_s = 0.0
        try:
            with transactions.alone(lock_timeout_s=wait_s, keep=keep) as cursor:
                work.before(cursor)
                started = time.monotonic()
                try:
                    cursor.execute(work.lock.encode())
                finally:
                    got_it_at = time.monotonic()
                    waited_s = got_it_at - started
                    patience.blocked_s += waited_s
                with _cancelled_after(cursor, work.hold_s):
                    work.under_lock(cursor)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            transactions.sleep(BACK_OFF * waited_s)
        else:
            held_s = time.monotonic() - (got_it_at or time.monotonic())
            return Waited(patience.blocked_s - began_with_s, tries, held_s)


@contextmanager
def _cancelled_after(cursor: RowCursor, hold_s: float | None) -> Iterator[None]:
    """Cancel whatever still runs once the lock was held for so long."""
    if hold_s is None:
        yield
        return
    over = threading.Event()
    too_long = threading.Event()

    def watch() -> None:
        if not over.wait(hold_s):
            too_long.set()
            cursor.connection.cancel_safe()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        if too_long.is_set():
            raise CouldNotTell(
                f"auth.users was held for {hold_s:g} s, and nobody could sign in meanwhile; it was"
                " rolled back",
                "leave --on-target out: a scratch copy holds up nobody",
            )


def _holders(
    transactions: Transactions,
    seen: dict[tuple[int | None, str], _Holder],
    *,
    exclusive: bool,
) -> list[_Holder]:
    query = compose(load("queries/users_holders"), {"exclusive": sql.Literal(exclusive)})
    rows = transactions.read(lambda cursor: fetch_all(cursor, query))
    now = {_key(row): row for row in rows}
    for gone in seen.keys() - now.keys():
        del seen[gone]
    for key, row in now.items():
        holder = seen.setdefault(
            key, _Holder(row["pid"], row["application"], time.monotonic(), row["age_s"])
        )
        holder.age_s = row["age_s"]
    return list(seen.values())


def _key(row: Mapping[str, Any]) -> tuple[int | None, str]:
    return row["pid"], row["transaction"]


def _given_up(holder: _Holder | None, patience: Patience) -> CouldNotTell:
    who = f"by {holder}" if holder else "by transactions that come and go"
    return CouldNotTell(
        f"auth.users is held {who}; this step was not done, and sign-ins were held up for"
        f" {patience.blocked_s:.1f} s in all",
        "end that transaction (select pg_terminate_backend(PID);) or wait for it, and run the same"
        " command again",
    )
