"""Creating profiles: against one statement, against the loop people write, and for a few missing.

Every run of the first comparison begins with the same state: no profile, both tables vacuumed and
analyzed, a checkpoint just done. The product runs in this process through ``runner.run``, as a task
does: configuration, connection, plan, batches, the count of who remains, journal.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import psycopg

from benchmarks.measurement import Figure, await_quiet, in_turn, say, seconds
from benchmarks.process import whole_process
from benchmarks.stack import Stack

ROUNDS = 3

#: The loop is measured on so many users and scaled per row: it takes minutes otherwise.
LOOP_USERS = 20_000

#: Users of a default seed who need a profile, by the predicate that people would write.
_NEEDS = "u.deleted_at is null and not u.is_anonymous"

_ONE_STATEMENT = f"""
    insert into public.user_profiles (user_id, email, role)
    select u.id, u.email, 'user'
    from auth.users as u
    where {_NEEDS}
        and not exists (select from public.user_profiles as p where p.user_id = u.id)
"""


def first_fill(stack: Stack) -> Iterator[Figure]:
    """Everybody is missing: one statement, one worker, two workers, the loop, a whole process."""

    def product(workers: int) -> float:
        stack.empty_profiles()
        return seconds(lambda: stack.sync(workers=workers, expected=stack.users))

    took = in_turn(
        ROUNDS,
        one_statement=lambda: _one_statement(stack),
        one_worker=lambda: product(1),
        two_workers=lambda: product(2),
    )
    limit = took["one_statement"]
    label = f"{stack.users:,} users without a profile: "
    yield Figure(stack.version, f"{label}one INSERT … SELECT (a)", limit)
    yield Figure(
        stack.version, f"{label}sync", took["one_worker"], took["one_worker"] / limit, "x (a)", 1.2
    )
    yield Figure(
        stack.version,
        f"{label}sync --workers 2",
        took["two_workers"],
        took["two_workers"] / limit,
        "x (a)",
        0.8,
    )
    looped = _loop(stack)
    yield Figure(stack.version, f"{label}an insert and commit per user (b), scaled", looped)
    yield Figure(
        stack.version,
        f"{label}sync, how much faster than (b)",
        None,
        looped / took["one_worker"],
        "x",
        least=15,
    )
    stack.empty_profiles()
    whole = whole_process(stack, {"SUPABASE_DB_URL": stack.server.url}, "sync", "--first-fill")
    yield Figure(
        stack.version,
        f"{label}`usersync sync --first-fill`, whole process: peak memory",
        whole.seconds,
        whole.peak_mb,
        "MB",
        100,
    )


def few_missing(stack: Stack, count: int = 5) -> Iterator[Figure]:
    """A handful is missing: sync against status, and the WAL it writes.

    Needs a full profile table. The WAL is measured twice: straight after a checkpoint, when
    Postgres logs whole pages at their first change, and again when the pages are already in it.
    """
    stack.delete_profiles(count)
    stack.settle()
    cold = stack.wal_of(lambda: stack.sync(expected=count))
    stack.delete_profiles(count)
    warm = stack.wal_of(lambda: stack.sync(expected=count))

    def sync() -> float:
        return seconds(lambda: stack.sync(expected=count))

    def status() -> float:
        return seconds(stack.status)

    statuses, syncs = [], []
    for _ in range(ROUNDS):
        stack.delete_profiles(count)
        stack.settle()
        statuses.append(status())
        syncs.append(sync())
    status_s, sync_s = statistics.median(statuses), statistics.median(syncs)
    label = f"{count} missing among {stack.users:,}: "
    yield Figure(stack.version, f"{label}status", status_s)
    yield Figure(stack.version, f"{label}sync", sync_s, sync_s / status_s, "x status", 3)
    yield Figure(stack.version, f"{label}WAL of sync", None, warm / 1000, "kB", 1000)
    yield Figure(
        stack.version,
        f"{label}WAL of sync straight after a checkpoint (whole pages)",
        None,
        cold / 1000,
        "kB",
        1000,
    )


def _one_statement(stack: Stack) -> float:
    """The limit of one connection: its best plan is a hash anti-join, which must be asked for."""
    stack.empty_profiles()
    with psycopg.connect(stack.server.url, autocommit=True) as connection:
        connection.execute("set enable_nestloop = off")
        await_quiet()
        started = time.perf_counter()
        created = connection.execute(_ONE_STATEMENT).rowcount
        took = time.perf_counter() - started
    assert created == stack.users
    return took


def _loop(stack: Stack) -> float:
    """One insert and one commit per user, over a local socket; scaled to all users."""
    stack.empty_profiles()
    count = min(LOOP_USERS, stack.users)
    with psycopg.connect(stack.server.url, autocommit=True) as connection:
        some_users = f"select id, email, 'user' from auth.users as u where {_NEEDS} limit {count}"
        missing = connection.execute(some_users.encode()).fetchall()
        await_quiet()
        started = time.perf_counter()
        for row in missing:
            connection.execute(
                "insert into public.user_profiles (user_id, email, role) values (%s, %s, %s)", row
            )
        took = time.perf_counter() - started
    say(f"loop: {count / took:,.0f} rows a second")
    return took / count * stack.users
