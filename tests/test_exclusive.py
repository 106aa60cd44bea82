"""The lock of a target: approved runs and changes of the schema take turns, plain syncs do not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.app import App
from usersync import config
from usersync.backends.postgres import PostgresDoor
from usersync.errors import Busy
from usersync.migration import ApplyOptions


@pytest.fixture
def other(app: App) -> Iterator[PostgresDoor]:
    """Another run's connection to the same target."""
    door = PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    yield door
    door.close()


def test_an_approved_run_waits_for_no_other(app: App, other: PostgresDoor) -> None:
    """While another run holds the lock an approved sync is exit 7, says whose, and does nothing."""
    app.users(3)
    _, plan = app.plan()
    with other.exclusively("migration.apply", 0):
        run = app.sync(approve=plan.digest)
        assert run.exit_code == 7
        assert "usersync migration.apply (process " in run.error
        assert ", since 2" in run.error
        assert app.status().missing == 3
        assert app.run(
            "migration.apply", task="migration.apply", options=ApplyOptions(yes=True)
        ).exit_code == 7  # fmt: skip
        assert app.sync().exit_code == 0
    assert app.one("select count(*) from pg_locks where locktype = 'advisory'") == 0


def test_with_wait_it_takes_its_turn(app: App, other: PostgresDoor) -> None:
    """``--wait`` lets a run wait until the other has ended."""
    app.users(3)
    _, plan = app.plan()
    with ThreadPoolExecutor(1) as pool:
        with other.exclusively("runbook", 0):
            later = pool.submit(lambda: app.sync(approve=plan.digest, wait_s=20.0))
            with pytest.raises(TimeoutError):
                later.result(timeout=0.5)
        assert later.result(timeout=20).exit_code == 0
    assert app.status().missing == 0


def test_one_digest_is_carried_out_once_however_many_hold_it(app: App) -> None:
    """Of several runs with the same digest at the same moment one works; no other does anything."""
    app.users(30)
    _, plan = app.plan()
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: app.sync(approve=plan.digest, wait_s=20.0), range(4)))
    codes = sorted(run.exit_code for run in runs)
    assert codes == [0, 4, 4, 4]
    assert sum("carried out already" in run.error for run in runs) == 3


def test_the_lock_goes_with_whoever_held_it(app: App, other: PostgresDoor) -> None:
    """A run whose connection breaks holds nothing any more."""
    with other.exclusively("rollback", 0):
        app.rows(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
        )
        with other.exclusively("apply", 10):
            pass
    with pytest.raises(Busy), other.exclusively("one", 0), other.exclusively("two", 0):
        pass
