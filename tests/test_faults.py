"""Time-outs, locks, broken connections and restarts in the middle: nothing lost, exact counts."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
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
    backends,
    journal,
    missing,
    profiles,
    slow_rows,
    socket_of,
    started,
    trigger,
    until,
)
from usersync import config, local
from usersync.backends.postgres import PostgresDoor
from usersync.local import cluster
from usersync.sync import SyncOptions


def in_journal(app: App) -> int:
    """How many profiles the journal's units say were created."""
    return sum(line["counts"]["created"] for line in journal(app) if line["event"] == "unit")


# -- time-outs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("users", [120, 2_100])
def test_a_batch_that_takes_too_long_is_halved(app: App, users: int) -> None:
    """By name or by blocks, a batch over the statement time-out is halved until it passes."""
    app.many_users(users)
    app.rows(
        "update auth.users set is_sso_user = true"
        " where id in (select id from auth.users order by id limit 10)"
    )
    # Three such rows in a batch are too many; the others take nothing.
    app.rows("alter table user_profiles add sso boolean")
    app.configure(
        "statement_timeout_s: 0.3\n"
        "profiles: [{table: user_profiles, key: user_id, columns: {sso: is_sso_user}}]"
    )
    slow_rows(app, 0.1, only="new.sso")
    run = app.sync(batch_size=1_000, first_fill=True)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": users, "failed": 0, "already_there": 0, "gone": 0}
    assert in_journal(app) == users


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
    assert counts(summary_of(run)) == {"created": made, "failed": 0, "already_there": 0, "gone": 0}
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
    assert counts(summary_of(run)) == {"created": 10, "failed": 0, "already_there": 0, "gone": 0}


def lock_timeouts(app: App) -> int:
    """How many transactions were rolled back."""
    app.rows("select pg_stat_clear_snapshot()")
    return int(
        app.one("select xact_rollback from pg_stat_database where datname = current_database()")
    )


def test_a_lock_that_is_kept(app: App) -> None:
    """A row locked for longer than retry_s: exit 1 with what to do, and what was made stays."""
    app.configure("{lock_timeout_s: 0.2, retry_s: 0.5}")
    ids = app.users(10)
    with psycopg.connect(app.url) as other:
        other.execute("select from auth.users where id = %s for update", [ids[9]])
        run = app.sync(batch_size=3)
    assert run.exit_code == 1
    assert "another session held a lock for longer than usersync waits (lock_timeout_s" in run.error
    assert any("pg_stat_activity" in step for step in run.next_steps)
    made = profiles(app)
    assert counts(summary_of(run)) == {"created": made, "failed": 0, "already_there": 0, "gone": 0}
    assert app.synced().created == 10 - made


def test_what_was_done_is_told_when_the_last_look_fails(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When only the count of who is left fails, exit 1, with the summary and the journal's end."""
    app.configure("{lock_timeout_s: 0.1, retry_s: 0.1}")
    app.users(10)
    _, plan = app.plan()
    with psycopg.connect(app.url) as other:
        remaining = PostgresDoor.remaining

        def patched(*arguments: Any) -> Any:
            other.execute("lock table public.user_profiles")
            return remaining(*arguments)

        monkeypatch.setattr(PostgresDoor, "remaining", patched)
        run = app.sync(approve=plan.digest)
    assert run.exit_code == 1
    assert "held a lock" in run.error
    assert counts(summary_of(run)) == {"created": 10, "failed": 0, "already_there": 0, "gone": 0}
    last = journal(app)[-1]
    assert (last["event"], last["exit_code"], last["counts"]["created"]) == ("ended", 1, 10)


# -- a connection that breaks --------------------------------------------------------------------


def terminate(app: App) -> None:
    """End every connection of the product, as an operator or a pooler does."""
    app.rows(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where application_name = 'usersync' and datname = current_database()"
    )


@pytest.mark.parametrize(
    "verb", ["table", "plan", "triggers", "missing_users", "create", "remaining"]
)
def test_a_connection_that_was_ended(app: App, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """Whichever question finds its connection ended is asked again on a new one."""
    original = getattr(PostgresDoor, verb)
    ended: list[str] = []

    def patched(*arguments: Any, **named: Any) -> Any:
        if not ended:
            ended.append(verb)
            terminate(app)
        return original(*arguments, **named)

    app.users(30)
    _, plan = app.plan(limit=30)
    monkeypatch.setattr(PostgresDoor, verb, patched)
    run = app.sync(batch_size=10, approve=plan.digest, limit=30)
    assert (ended, run.exit_code, run.error) == ([verb], 0, "")
    assert counts(summary_of(run)) == {"created": 30, "failed": 0, "already_there": 0, "gone": 0}


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
    assert counts(summary_of(run)) == {"created": users, "failed": 0, "already_there": 0, "gone": 0}
    assert app.one("select last_value from public.rows_seen") > users


@pytest.mark.parametrize("fate", ["drop", "deafen"])
@pytest.mark.parametrize("users", [60, 2_100])
def test_a_wire_that_breaks_during_commit(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch, fate: str, users: int
) -> None:
    """Whether the COMMIT arrived or not when the wire broke, the count is what the table holds."""
    app.many_users(users)
    wire = Wire(socket_of(database.server), lambda number: fate if number in (1, 3) else "pass")
    with wire.url(app) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        run = app.sync(batch_size=20, first_fill=True)
    assert wire.commits >= 3
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": users, "failed": 0, "already_there": 0, "gone": 0}
    assert profiles(app) == users
    assert in_journal(app) == users


@pytest.mark.parametrize("fate", ["drop", "deafen"])
def test_a_wire_that_stays_broken_after_a_commit(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    """When nobody can tell whether a batch was committed: exit 1, said, and nothing done twice."""
    app.configure("{retry_s: 0.3, connect_timeout_s: 2}")
    app.many_users(60)
    wire = Wire(socket_of(database.server))

    def break_for_good(number: int) -> str:
        wire.is_down = number == 2
        return fate if number == 2 else "pass"

    wire.on_commit = break_for_good
    with wire.url(app) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        run = app.sync(batch_size=20)
    assert run.exit_code == 1
    assert "whether the last batch was committed is not known" in run.error
    assert any("nothing is done twice" in step for step in run.next_steps)
    assert summary_of(run).created == in_journal(app) == 20
    monkeypatch.setenv("SUPABASE_DB_URL", app.url)
    until(lambda: not backends(app), "the server to end the last batch")
    assert profiles(app) == (20 if fate == "drop" else 40)
    assert app.synced().created == (40 if fate == "drop" else 20)


def test_a_rehearsal_that_loses_its_connection(app: App) -> None:
    """A rehearsal is not begun again when its connection breaks: exit 1, and nothing was kept."""
    app.users(30)
    app.rows("create sequence public.rows_seen")
    app.configure("allow_triggers: [on_profile]")
    trigger(
        app,
        "if nextval('public.rows_seen') = 15 then"
        " perform pg_terminate_backend(pg_backend_pid()); end if;",
    )
    run = app.run("sync.rehearse", options=SyncOptions(batch_size=10))
    assert run.exit_code == 1
    assert "connection" in run.error
    assert profiles(app) == 0


def test_a_session_that_is_ended_for_idling(app: App, database: Database) -> None:
    """Where the server ends idle sessions, a run that waits for its --rate goes on all the same."""
    app.users(30)
    setting = f"alter role postgres in database {database.name} set idle_session_timeout = 50"
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(setting.encode())
    run = app.sync(batch_size=10, rate=40.0)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": 30, "failed": 0, "already_there": 0, "gone": 0}


def test_workers_who_find_no_connection(app: App, database: Database) -> None:
    """When the server has no connection for the last worker: exit 1, told, and nothing was done."""
    app.users(10)
    app.configure("retry_s: 0.2")
    limit = f"alter database {database.name} connection limit "
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(f"{limit} 2".encode())
        run = app.sync(workers=3)
        admin.execute(f"{limit} -1".encode())
    assert run.exit_code == 1
    assert "connections" in run.error
    assert summary_of(run).created == profiles(app) == 0
    assert [line["event"] for line in journal(app)] == ["started", "ended"]
    until(lambda: not backends(app), "the doors to be closed")


# -- a server that goes away ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def mortal(binaries: Path) -> Iterator[local.LocalServer]:
    """A server that no other test needs."""
    with local.temporary(binaries=binaries) as server:
        yield server


@pytest.fixture
def fragile(
    mortal: local.LocalServer, binaries: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    """An app whose server a test may stop and start; with 300 users and slow profiles."""
    with psycopg.connect(mortal.admin_url, autocommit=True) as admin:
        admin.execute("drop database if exists fragile")
        admin.execute("create database fragile owner postgres template postgres")
    app = App(mortal.url_of("postgres", "fragile"), workdir)
    monkeypatch.setenv("SUPABASE_DB_URL", app.url)
    app.many_users(300)
    slow_rows(app, 0.004)
    yield app
    local.start(mortal.directory, binaries=binaries)


SMALL = ("--batch-size", "20", "--first-fill")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_server_that_is_killed_and_comes_back(
    fragile: App, mortal: local.LocalServer, binaries: Path, workers: str
) -> None:
    """Over a kill -9 of the server and its recovery the run goes on and counts exactly."""
    with started(fragile, "sync", *SMALL, "--workers", workers) as command:
        until(lambda: profiles(fragile) >= 60, "the first batches")
        kill(mortal)
        local.start(mortal.directory, binaries=binaries)
        code, output, errors = command.end()
    assert (code, "rror" in errors) == (0, False)
    assert "Profiles Created:     300\n" in output
    assert profiles(fragile) == in_journal(fragile) == 300


def kill(server: local.LocalServer) -> None:
    """Kill a server's main process, wait for the end of the others, and forget the dead."""
    process = cluster.postmaster(server.directory)
    assert process is not None
    processes = [process, *process.children(recursive=True)]
    process.kill()
    until(lambda: all(map(is_dead, processes)), "the server's processes to end")
    # Where nobody reaps the dead, a start would take them for a server that runs.
    (server.directory / "data" / "postmaster.pid").unlink()
    Path(f"{socket_of(server)}.lock").unlink()


def is_dead(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_server_whose_socket_goes_away(
    fragile: App, mortal: local.LocalServer, binaries: Path
) -> None:
    """A shutdown takes the local socket away for a while; the run goes on when it is back."""
    with started(fragile, "sync", *SMALL) as command:
        until(lambda: profiles(fragile) >= 60, "the first batches")
        cluster.end(mortal.directory, keep_data=False)
        local.start(mortal.directory, binaries=binaries)
        code, output, _ = command.end()
    assert (code, "Profiles Created:     300\n" in output) == (0, True)
    assert in_journal(fragile) == 300


def test_ctrl_c_while_the_server_is_away(
    fragile: App, mortal: local.LocalServer, binaries: Path
) -> None:
    """Ctrl-C ends a run that waits for its server, with the summary of what was done."""
    with started(fragile, "sync", *SMALL, "--workers", "2") as command:
        until(lambda: profiles(fragile) >= 60, "the first batches")
        kill(mortal)
        time.sleep(0.5)
        command.send(signal.SIGINT)
        began = time.monotonic()
        code, output, errors = command.end()
    assert time.monotonic() - began < 12
    assert (code, "rror" in errors) == (1, False)
    local.start(mortal.directory, binaries=binaries)
    assert f"Profiles Created:     {profiles(fragile)}\n" in output
    assert journal(fragile)[-1]["event"] == "ended"


def test_a_server_process_that_is_killed(fragile: App, mortal: local.LocalServer) -> None:
    """When one server process dies, and Postgres throws everybody out to recover, it goes on."""
    with started(fragile, "sync", *SMALL, "--workers", "2") as command:
        until(lambda: profiles(fragile) >= 60, "the first batches")
        psutil.Process(backends(fragile)[0]).kill()
        code, output, errors = command.end()
    assert (code, "rror" in errors) == (0, False)
    assert "Profiles Created:     300\n" in output
    assert profiles(fragile) == in_journal(fragile) == 300


def test_a_server_that_restarts_behind_a_wire(
    fragile: App, mortal: local.LocalServer, binaries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over an immediate shutdown and a start, seen through a network, the run goes on exactly."""
    wire = Wire(socket_of(mortal))
    with wire.url(fragile) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        with started(fragile, "sync", *SMALL) as command:
            until(lambda: profiles(fragile) >= 60, "the first batches")
            cluster.end(mortal.directory, keep_data=False)
            local.start(mortal.directory, binaries=binaries)
            code, output, errors = command.end()
    assert (code, "rror" in errors) == (0, False)
    assert "Profiles Created:     300\n" in output
    assert profiles(fragile) == in_journal(fragile) == 300


def test_a_server_that_does_not_come_back(
    fragile: App, mortal: local.LocalServer, binaries: Path
) -> None:
    """When the server stays away: exit 1 with a sentence, and what was done stays and is told."""
    fragile.configure("retry_s: 0.5")
    with started(fragile, "sync", *SMALL, "--workers", "2") as command:
        until(lambda: profiles(fragile) >= 60, "the first batches")
        kill(mortal)
        code, output, errors = command.end()
    assert (code, "rror" in errors) == (1, False)
    assert "Error: nothing listens at local socket" in output
    assert "a bug in usersync" not in output
    local.start(mortal.directory, binaries=binaries)
    kept = profiles(fragile)
    assert f"Profiles Created:     {kept}\n" in output
    assert command.summary()["created"] == in_journal(fragile) == kept
    last = journal(fragile)[-1]
    assert (last["event"], last["exit_code"], last["counts"]["created"]) == ("ended", 1, kept)
    assert fragile.synced().created == 300 - kept


def test_a_backend_that_is_ended_while_its_commit_waits(
    fragile: App, mortal: local.LocalServer
) -> None:
    """A COMMIT that took place although its session was ended, is counted as what it is."""
    fragile.rows("drop trigger on_profile on user_profiles")
    with psycopg.connect(mortal.admin_url, autocommit=True) as admin, ThreadPoolExecutor(1) as pool:
        admin.execute("alter system set synchronous_standby_names = 'nobody'")
        admin.execute("select pg_reload_conf()")
        try:
            future = pool.submit(lambda: fragile.sync(batch_size=20, first_fill=True))
            pid = until(lambda: waits_for_a_standby(admin), "a COMMIT that waits")
            admin.execute("select pg_terminate_backend(%s)", [pid])
        finally:
            admin.execute("alter system reset synchronous_standby_names")
            admin.execute("select pg_reload_conf()")
        run = future.result(timeout=30)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": 300, "failed": 0, "already_there": 0, "gone": 0}
    assert in_journal(fragile) == 300


def test_a_server_that_is_killed_at_a_commit(
    fragile: App, mortal: local.LocalServer, binaries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that a crash took back, although its COMMIT was on its way, is made again."""
    fragile.rows("drop trigger on_profile on user_profiles")
    wire = Wire(socket_of(mortal))

    def crash(number: int) -> str:
        if number != 2:
            return "pass"
        kill(mortal)
        local.start(mortal.directory, binaries=binaries)
        return "drop"

    wire.on_commit = crash
    with wire.url(fragile) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        run = fragile.sync(batch_size=100, first_fill=True)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": 300, "failed": 0, "already_there": 0, "gone": 0}
    assert in_journal(fragile) == 300


def waits_for_a_standby(admin: psycopg.Connection[Any]) -> int | None:
    row = admin.execute(
        "select pid from pg_stat_activity where wait_event = 'SyncRep'"
        " and application_name = 'usersync'"
    ).fetchone()
    return row and row[0]


def test_interrupted_between_a_command_and_its_answer(app: App) -> None:
    """What cleans up behind Ctrl-C gets a connection that answers, and does not try in vain."""
    app.configure("retry_s: 0\n")
    with contextlib.closing(
        PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    ) as door:

        def interrupted(cursor: Any) -> None:
            cursor.connection.pgconn.send_query(b"select pg_sleep(20)")
            raise KeyboardInterrupt

        transactions = door._transactions
        with pytest.raises(KeyboardInterrupt):
            transactions.read(interrupted)
        assert transactions.read(lambda cursor: cursor.execute("select 1 as one").fetchone()) == {
            "one": 1
        }
