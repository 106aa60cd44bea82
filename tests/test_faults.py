"""Time-outs, locks, broken connections and restarts in the middle: nothing lost, exact counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.app import App, counts, summary_of
from tests.conftest import Database
from tests.faults import (
    Wire,
    journal,
    missing,
    profiles,
    slow_rows,
    started,
    trigger,
    until,
)
from usersync import local
from usersync.backends.postgres import PostgresDoor
from usersync.local import cluster
from usersync.sync import SyncOptions

# -- time-outs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("users", "batch_size"), [(120, 1_000), (2_100, 1_000)])
def test_a_batch_that_takes_too_long_is_halved(app: App, users: int, batch_size: int) -> None:
    """By name or by blocks, a batch over the statement time-out is halved until it passes."""
    app.configure("statement_timeout_s: 0.3")
    app.many_users(users)
    app.rows("update auth.users set is_sso_user = true where id in (select id from auth.users limit 20)")
    # Five such rows in a batch are too many; the others take nothing.
    app.rows("alter table user_profiles add sso boolean")
    app.configure(
        "statement_timeout_s: 0.3\n"
        "profiles: [{table: user_profiles, key: user_id, columns: {sso: is_sso_user}}]"
    )
    slow_rows(app, 0.07, only="new.sso")
    run = app.sync(batch_size=batch_size, first_fill=True)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": users, "failed": 0, "already_there": 0}
    assert sum(line["counts"]["created"] for line in journal(app) if line["event"] == "unit") == users


@pytest.mark.parametrize("users", [60, 2_100])
def test_one_row_that_takes_too_long(app: App, users: int) -> None:
    """A single row slower than the time-out is exit 1; what was made before it stays, counted."""
    app.configure("statement_timeout_s: 0.2")
    app.many_users(users)
    slow_rows(app, 5, only="new.email = 'many-30@example.com'")
    run = app.sync(batch_size=40, first_fill=True)
    assert run.exit_code == 1
    assert "longer than statement_timeout_s = 0.2 s" in run.error
    assert any("raise statement_timeout_s" in step for step in run.next_steps)
    made = profiles(app)
    assert made > 0
    assert counts(summary_of(run)) == {"created": made, "failed": 0, "already_there": 0}
    last = journal(app)[-1]
    assert (last["event"], last["exit_code"], last["counts"]["created"]) == ("ended", 1, made)
    app.rows("drop trigger on_profile on user_profiles")
    assert counts(app.synced(first_fill=True))["created"] == users - made
    assert missing(app) == 0


def test_a_lock_that_is_let_go(app: App) -> None:
    """A user row locked for longer than lock_timeout_s, but less than retry_s, is waited for."""
    app.configure("{lock_timeout_s: 0.2, retry_s: 20}")
    ids = app.users(10)
    with psycopg.connect(app.url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select from auth.users where id = %s for update", [ids[4]])
        future = pool.submit(app.sync)
        until(lambda: lock_timeouts(app) >= 2, "two lock time-outs")
        other.rollback()
        run = future.result(timeout=30)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": 10, "failed": 0, "already_there": 0}


def lock_timeouts(app: App) -> int:
    """How many transactions were rolled back."""
    app.rows("select pg_stat_clear_snapshot()")
    return int(
        app.one("select xact_rollback from pg_stat_database where datname = current_database()")
    )


def test_a_lock_that_is_kept(app: App) -> None:
    """A row locked for longer than retry_s: exit 1, says what holds and what to do; the rest stays."""
    app.configure("{lock_timeout_s: 0.2, retry_s: 0.5}")
    ids = app.users(10)
    with psycopg.connect(app.url) as other:
        other.execute("select from auth.users where id = %s for update", [ids[9]])
        run = app.sync(batch_size=3)
    assert run.exit_code == 1
    assert "another session held a lock for longer than lock_timeout_s" in run.error
    assert any("pg_stat_activity" in step for step in run.next_steps)
    made = profiles(app)
    assert counts(summary_of(run)) == {"created": made, "failed": 0, "already_there": 0}
    assert app.synced().created == 10 - made


# -- a connection that breaks --------------------------------------------------------------------


def terminate(app: App) -> None:
    """End every connection of the product, as an operator or a pooler does."""
    app.rows(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where application_name = 'usersync' and datname = current_database()"
    )


@pytest.mark.parametrize("verb", ["table", "plan", "triggers", "missing_users", "create", "remaining"])
def test_a_connection_that_was_ended(
    app: App, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Whichever question finds its connection ended is asked again on a new one."""
    original = getattr(PostgresDoor, verb)
    ended: list[str] = []

    def patched(*arguments: Any, **named: Any) -> Any:
        if not ended:
            ended.append(verb)
            terminate(app)
        return original(*arguments, **named)

    monkeypatch.setattr(PostgresDoor, verb, patched)
    app.users(30)
    run = app.sync(batch_size=10)
    assert (ended, run.exit_code, run.error) == ([verb], 0, "")
    assert counts(summary_of(run)) == {"created": 30, "failed": 0, "already_there": 0}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("users", [90, 2_100])
def test_a_connection_that_ends_in_the_middle_of_a_batch(
    app: App, users: int, workers: int
) -> None:
    """A batch whose connection ends half-way is done again, on a new one, and counted once."""
    app.configure("allow_triggers: [on_profile]")
    app.rows("create sequence public.rows_seen")
    trigger(
        app,
        "if nextval('public.rows_seen') in (15, 40, 77) then"
        " perform pg_terminate_backend(pg_backend_pid()); end if;",
    )
    app.many_users(users)
    run = app.sync(batch_size=20, workers=workers, first_fill=True)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": users, "failed": 0, "already_there": 0}
    assert app.one("select last_value from public.rows_seen") > users


@pytest.mark.parametrize("fate", ["drop", "deafen"])
@pytest.mark.parametrize("users", [60, 2_100])
def test_a_connection_that_breaks_during_commit(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch, fate: str, users: int
) -> None:
    """Whether the COMMIT arrived or not when the wire broke, the count is what the table holds."""
    app.many_users(users)
    wire = Wire(socket_of(database.server))
    with wire.url(app) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        app.plan(first_fill=True)
        before = wire.commits
        app.sync(limit=1, first_fill=True)
        per_run = wire.commits - before
        # Reads commit too: of one batch, and of all but the first and the last of a run.
        broken = {wire.commits + per_run - 1, wire.commits + per_run + 1}
        wire.on_commit = lambda number: fate if number in broken else "pass"
        run = app.sync(batch_size=20)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": users - 1, "failed": 0, "already_there": 0}
    assert profiles(app) == users
    units = [line for line in journal(app) if line["event"] == "unit"]
    assert sum(line["counts"]["created"] for line in units) == users


def socket_of(server: local.LocalServer) -> str:
    return str(cluster.socket_directory(server.directory) / cluster.SOCKET_NAME)
