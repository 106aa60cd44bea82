"""The migration while people sign up and sign in: nobody fails, waits long, or is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.faults import until
from tests.load import KINDS, PER_SECOND, Sign, load, watched
from tests.migrated import apply, rollback, triggers
from tests.test_pause import BROKEN, give_function, give_trigger
from usersync.model import Run

#: The longest that anybody may wait: ``lock_timeout_s`` as it is when not said, and one second.
LONGEST_WAIT_S = 0.5 + 1

#: The largest share of the time in which sign-ins may wait.
LARGEST_SHARE = 0.1

WRITER = "update auth.users set updated_at = now() where id = %s"
READER = "select id from auth.users where id = %s"

LONG_S, GAP_S = 3.0, 0.6


@dataclass
class Moments:
    """When each operation began and ended."""

    app: App
    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    def run(self, name: str, operation: Callable[[], Run], codes: tuple[int, ...] = (0,)) -> Run:
        """Run an operation, with a second of load before it."""
        time.sleep(1)
        self.began[name] = time.monotonic()
        run = operation()
        self.ended[name] = time.monotonic()
        assert run.exit_code in codes, (name, run.error, run.steps)
        return run

    def task(self, name: str, codes: tuple[int, ...] = (0,)) -> Run:
        """Run a task of the migration that takes no options."""
        task = f"migration.{name}"
        inputs = {"function": None} if name in ("pause", "resume") else {}
        return self.run(name, lambda: self.app.run(task, task=task, **inputs), codes)


def assert_unharmed(told: list[Sign]) -> None:
    """Nobody failed, and nobody waited too long."""
    assert [sign for sign in told if sign.error] == []
    assert max(sign.took_s for sign in told) <= LONGEST_WAIT_S


def users_without(app: App, *, record: bool) -> set[str]:
    """Who has no profile, and with ``record`` no recorded failure either."""
    recorded = "or exists (select from usersync.failures as f where f.user_id = u.id)"
    return {
        row["id"]
        for row in app.rows(
            "select u.id::text from auth.users as u where not (exists"
            " (select from public.user_profiles as p where p.user_id = u.id)"
            f" {recorded if record else ''})"
        )
    }


def test_nobody_is_harmed_or_lost(app: App, database: Database) -> None:
    """100 a second from before apply to after rollback: each passes, and has what is due."""
    users = app.users(200)
    moments = Moments(app)
    began_s = time.monotonic()
    with load(database, users) as told:
        moments.run("apply", lambda: apply(app, yes=True))
        moments.task("verify", (0, 2))  # those who were there before have no profile yet
        moments.task("test", (0, 2))
        moments.task("pause")
        moments.task("resume")
        moments.run("rollback", lambda: rollback(app))
        time.sleep(1)
        lasted_s = time.monotonic() - began_s
    assert_unharmed(told)
    assert len(told) > 0.9 * PER_SECOND * len(KINDS) * lasted_s

    began, ended = moments.began, moments.ended
    signed_up = [sign for sign in told if sign.kind == "sign-up"]
    lost = users_without(app, record=True)
    for start, end in (("apply", "pause"), ("resume", "rollback")):
        due = [sign.user for sign in signed_up if sign.is_within(ended[start], began[end])]
        assert len(due) > PER_SECOND / 2
        assert lost.isdisjoint(due), (start, end)

    # Nothing of ours acted on these; it may have acted on those who came during a change.
    idle = (
        (began_s, began["apply"]),
        (ended["pause"], began["resume"]),
        (ended["rollback"], time.monotonic()),
    )
    alone = {s.user for s in signed_up if any(s.is_within(*between) for between in idle)}
    changes = [(began[name], ended[name]) for name in ("apply", "pause", "resume", "rollback")]
    doubtful = {
        s.user
        for s in signed_up
        if any(s.started_s <= end and start <= s.ended_s for start, end in changes)
    }
    missing = users_without(app, record=False)
    assert {*users, *alone} <= missing <= {*users, *alone, *doubtful}
    assert app.status().missing == len(missing)


@contextmanager
def long_transactions(database: Database, statement: str, user: str) -> Iterator[None]:
    """Transactions of 3 s that come and go; the block begins when the first has just begun."""
    stopped = threading.Event()
    holding = threading.Event()

    def hold() -> None:
        """Hold the lock again and again."""
        with psycopg.connect(database.url, application_name="long report") as connection:
            while not stopped.is_set():
                connection.execute(statement.encode(), [user])
                holding.set()
                stopped.wait(LONG_S)
                connection.rollback()
                stopped.wait(GAP_S)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        try:
            until(holding.is_set, "the first long transaction")
            yield
        finally:
            stopped.set()
    holder.result()


@pytest.mark.parametrize("before", [False, True], ids=["apply", "rollback"])
def test_long_transactions_hold_up_few(app: App, database: Database, before: bool) -> None:
    """Long transactions come and go: sign-ins wait less than 10 % of the time, none of them long.

    Writers are in the way of apply, and mere readers of rollback.
    """
    app.configure("install: {max_blocked_s: 12}")
    other, *users = app.users(201)
    if before:
        assert apply(app, yes=True).exit_code == 0
    there = triggers(app)
    with load(database, users) as told, watched(database) as watch:
        time.sleep(1)
        with long_transactions(database, READER if before else WRITER, other):
            run = rollback(app) if before else apply(app, yes=True)
    assert_unharmed(told)
    assert watch.share < LARGEST_SHARE, watch
    assert (run.exit_code, bool(triggers(app))) in {(0, not before), (1, bool(there))}, run.error


def test_the_load_sees_harm(app: App, database: Database) -> None:
    """A lock that is held for too long, and a trigger that fails, are seen by load and watch."""
    users = app.users(200)
    give_function(app, BROKEN)
    with load(database, users) as told, watched(database) as watch:
        until(lambda: len(told) > PER_SECOND, "the first of the load")
        with psycopg.connect(database.url) as other:
            other.execute("lock table auth.users in share row exclusive mode")
            time.sleep(LONGEST_WAIT_S + 0.5)
        give_trigger(app)
        until(lambda: any(sign.error for sign in told), "a sign-up that fails")
    assert {sign.kind for sign in told if sign.error} == {"sign-up"}
    assert {sign.kind for sign in told if sign.took_s > LONGEST_WAIT_S} == set(KINDS)
    assert watch.share > LARGEST_SHARE
