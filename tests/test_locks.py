"""Locks on ``auth.users``: we wait without queueing, seldom queue, and give up with a name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.faults import until
from tests.migrated import apply, has_schema, rollback, states, triggers
from tests.test_pause import pause, resume
from usersync.backends.postgres import locks
from usersync.backends.postgres.transactions import Transactions
from usersync.migration import ApplyOptions
from usersync.model import Run

WRITER = "update auth.users set updated_at = now() where id = '{user}'"
READER = "select id from auth.users where id = '{user}'"

#: The changes that need no lock on auth.users, and come before those that do.
EARLIER = ["0001_ledger", "0002_journal", "0003_failures", "0004_before_images"]

OURS_WAITS = """
select exists (
    select from pg_locks as l join pg_stat_activity as a using (pid)
    where l.relation = 'auth.users'::regclass and not l.granted
        and a.datname = current_database() and a.application_name = 'usersync'
)
"""


def rehearsed(app: App) -> Run:
    """``migration.apply --rehearse --on-target``."""
    options = ApplyOptions(create_table=True)
    return app.run("migration.rehearse", task="migration.apply", options=options, on_target=True)


def applied_with_table(app: App) -> Run:
    """``migration.apply --create-table``."""
    return apply(app, create_table=True)


def ledger(app: App) -> list[str]:
    """What the ledger says is installed."""
    return [row["change"] for row in app.rows("select change from usersync.ledger order by 1")]


@contextmanager
def holder(app: App, statement: str, *, age_s: float = 0.0) -> Iterator[psycopg.Connection[Any]]:
    """Somebody's transaction that has touched auth.users, and has been open for so long."""
    with psycopg.connect(app.url, application_name="night report") as other:
        other.execute(statement.format(user=app.user()).encode())
        time.sleep(age_s)
        yield other
        other.rollback()


@contextmanager
def in_background(run: Callable[[], Run]) -> Iterator[Future[Run]]:
    """Run something while the block lasts, and to its end."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


@contextmanager
def never_old(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No transaction counts as long: every try queues, also on a slow machine."""
    with monkeypatch.context() as patch:
        patch.setattr(locks, "LONG_TRANSACTION_S", 1000.0)
        yield


def queues_during(app: App, future: Future[Run]) -> bool:
    """Whether a run ever stands in the queue for auth.users, seen by looking all the time.

    Meanwhile somebody signs in, and fails as soon as that waits for any lock.
    """
    sign_in = WRITER.format(user=app.user()).encode()
    with psycopg.connect(app.url, autocommit=True) as connection:
        connection.execute("set lock_timeout = '1ms'")
        while not future.done():
            row = connection.execute(OURS_WAITS).fetchone()
            assert row is not None
            if row[0]:
                return True
            connection.execute(sign_in)
            time.sleep(0.005)
    return False


# -- long transactions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    [
        apply,
        applied_with_table,
        rehearsed,
    ],
)
def test_a_long_writer_is_waited_for_without_queueing(
    app: App, operation: Callable[[App], Run]
) -> None:
    """Behind an old transaction we do not queue, sign-ins pass, and after a while we give up.

    The message names who it was; the next run succeeds.
    """
    if operation is applied_with_table:
        app.rows("drop table public.user_profiles")
    app.configure("install: {max_blocked_s: 1.5}")
    with holder(app, WRITER, age_s=1.1) as other:
        with in_background(lambda: operation(app)) as running:
            assert not queues_during(app, running)
            run = running.result()
        assert (run.exit_code, triggers(app)) == (1, []), run.error
        assert f"process {other.info.backend_pid} (night report), whose transaction is" in run.error
        assert "pg_terminate_backend" in run.next_steps[0]
        if operation is not rehearsed:
            assert ledger(app) == EARLIER
            assert [name for name, state in states(run).items() if state == "applied"] == EARLIER
        else:
            assert not has_schema(app)
    assert operation(app).exit_code == 0
    assert bool(triggers(app)) == (operation is not rehearsed)


def test_a_reader_stands_in_the_way_of_rollback_alone(app: App) -> None:
    """A long reader, such as pg_dump, lets apply pass; rollback does not queue behind it."""
    app.configure("install: {max_blocked_s: 1.5}")
    with holder(app, READER, age_s=1.1) as other:
        assert apply(app).exit_code == 0
        installed = triggers(app)
        with in_background(lambda: rollback(app)) as running:
            assert not queues_during(app, running)
            run = running.result()
        assert (run.exit_code, triggers(app)) == (1, installed)
        assert f"process {other.info.backend_pid} (night report)" in run.error
        assert "0006_sign_up" in ledger(app)
    assert rollback(app).exit_code == 0
    assert triggers(app) == []


def test_long_transactions_that_follow_each_other(app: App) -> None:
    """One is always open, none of them for max_blocked_s: we give up all the same."""
    app.configure("install: {max_blocked_s: 3}")
    ended = threading.Event()

    def hold(delay_s: float) -> None:
        """Hold the lock for 2.6 s, let go for 0.1 s, and so on."""
        ended.wait(delay_s)
        while not ended.is_set():
            with holder(app, WRITER):
                ended.wait(2.6)
            ended.wait(0.1)

    with ThreadPoolExecutor(3) as pool:
        holders = [pool.submit(hold, delay_s) for delay_s in (0, 1.35)]
        try:
            time.sleep(1.1)
            run = pool.submit(apply, app).result(timeout=12)
        finally:
            ended.set()
    for one in holders:
        one.result()
    assert (run.exit_code, triggers(app)) == (1, [])
    assert "(night report)" in run.error


# -- short ones -----------------------------------------------------------------------------------


def test_a_short_writer_costs_a_wait(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a young transaction we queue, get the lock at the first try, and go on."""
    app.configure("install: {lock_timeout_s: 0.9}")
    with (
        never_old(monkeypatch),
        holder(app, WRITER) as other,
        in_background(lambda: apply(app)) as running,
    ):
        until(lambda: app.one(OURS_WAITS), "our place in the queue")
        other.rollback()
        run = running.result()
    assert run.exit_code == 0, run.error
    (step,) = (step for step in run.steps if step.name == "0006_sign_up")
    assert " in 1 try," in step.detail


def test_tries_wait_shortly_and_seldom(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait is at most lock_timeout_s, all together max_blocked_s; ten times that between."""
    app.configure("install: {lock_timeout_s: 0.1, max_blocked_s: 0.35}")
    waits: list[float] = []
    pauses: list[float] = []
    alone = Transactions.alone

    def counted(self: Transactions, *, lock_timeout_s: float, **rest: Any) -> Any:
        """A transaction; how long it may wait is kept."""
        waits.append(lock_timeout_s)
        return alone(self, lock_timeout_s=lock_timeout_s, **rest)

    # Earlier changes out of the way, so that only the tries for the lock are counted.
    apply(app)
    rollback(app)
    with never_old(monkeypatch), holder(app, WRITER):
        monkeypatch.setattr(Transactions, "alone", counted)
        monkeypatch.setattr(Transactions, "sleep", lambda _self, seconds: pauses.append(seconds))
        run = apply(app)
    assert run.exit_code == 1
    assert "by process" in run.error
    assert waits[0] == 0.1
    assert max(waits) <= 0.1
    assert 3 <= len(waits) == len(pauses)
    assert sum(waits) <= 0.35 + 0.001
    assert all(pause >= 10 * wait for wait, pause in zip(waits, pauses, strict=True))
    held_up_s = sum(pauses) / 10
    assert f"sign-ins were held up for {held_up_s:.1f} s in all" in run.error


def test_a_wait_of_a_second_is_refused(app: App) -> None:
    """More than 0.9 s for one wait is no configuration; 0.9 s is."""
    app.configure("install: {lock_timeout_s: 0.91}")
    run = apply(app)
    assert run.exit_code == 3
    assert "install.lock_timeout_s" in run.error
    assert not has_schema(app)
    app.configure("install: {lock_timeout_s: 0.9}")
    assert apply(app).exit_code == 0


# -- the kill switch ------------------------------------------------------------------------------


def test_pause_needs_no_lock(app: App) -> None:
    """Pause passes while somebody holds auth.users against everybody."""
    apply(app)
    with holder(app, "lock table auth.users in access exclusive mode"):
        run = pause(app, "usersync.on_auth_user_created()")
        assert (run.exit_code, run.error) == (0, "")


def test_pause_and_resume_hold_nobody_up(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a writer is at work both pass, and neither queues."""
    apply(app)
    function = "usersync.on_auth_user_created()"
    with never_old(monkeypatch), holder(app, WRITER):
        for operation in (pause, resume):
            with in_background(partial(operation, app, function)) as running:
                assert not queues_during(app, running)
                assert running.result().exit_code == 0, running.result().error


def test_the_budget_is_of_the_whole_run(app: App) -> None:
    """Waits of several changes use up one budget, and the message tells all of them together."""
    app.configure("install: {lock_timeout_s: 0.4, max_blocked_s: 0.5}")
    app.rows("drop table public.user_profiles")
    with holder(app, WRITER), in_background(lambda: applied_with_table(app)) as running:
        until(lambda: app.one(OURS_WAITS) or running.done(), "a wait")
        run = running.result()
    assert run.exit_code == 1
    assert "this step was not done, and sign-ins were held up for 0." in run.error


def test_a_rehearsal_on_the_target_ends_in_time(app: App) -> None:
    """A canary that would hold the lock for too long is cancelled and rolled back: exit 1."""
    app.configure("install: {max_blocked_s: 0.5}")
    app.rows(
        "create function public.slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(0.4); return new; end $$"
    )
    app.rows(
        "create trigger slow after insert on public.user_profiles"
        " for each row execute function public.slow()"
    )
    run = rehearsed(app)
    assert run.exit_code == 1, run.steps
    assert "auth.users was held for 0.5 s" in run.error
    assert "scratch copy" in run.next_steps[0]
    assert not has_schema(app)


def test_a_dump_holds_up_no_sign_in(app: App) -> None:
    """Rows are written to a file before auth.users is locked, while sign-ins pass."""
    app.configure("profiles:\n  - {table: members, key: id, columns: {email: email}}\n")
    assert applied_with_table(app).exit_code == 0
    app.user()
    assert rollback(app).exit_code == 0
    with psycopg.connect(app.url) as reader:
        # As long as somebody reads the users, the drop waits; by then the rows are in the file.
        reader.execute("select count(*) from auth.users")
        with in_background(lambda: rollback(app, drop_data=True)) as running:
            files = app.folder.parent / "state"
            until(lambda: [*files.rglob("dropped/*members*")] or running.done(), "the dump")
            assert not running.done()
            app.user()
        assert running.result().exit_code == 1
    assert rollback(app, drop_data=True).exit_code == 0


def test_a_rollback_that_gives_up_says_who_gets_no_profile(app: App) -> None:
    """Its functions do nothing already: that is said, with the two ways on."""
    assert apply(app).exit_code == 0
    app.configure("install: {max_blocked_s: 0.3}")
    with holder(app, READER, age_s=1.1):
        run = rollback(app)
    assert run.exit_code == 1
    assert "Who signs up now gets no profile" in run.notes[0]
    assert any("migration.apply --repair" in step for step in run.next_steps)
    assert apply(app, repair=True).exit_code == 0
    app.user()
    assert app.status().missing == 0
