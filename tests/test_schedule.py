"""`health.schedule`: what should run regularly did, or somebody hears that it did not."""

from __future__ import annotations

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from usersync import config
from usersync.health import state
from usersync.migration import ApplyOptions
from usersync.model import CheckResult, Run
from usersync.procedure import RunbookOptions
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

SETTINGS = "health:\n  schedule:\n    task: {task}\n    within_h: 26\n"


@pytest.fixture(params=["runbook.nightly-sync", "sync"])
def task(request: pytest.FixtureRequest, app: App) -> str:
    """What is expected, on an app with the migration and its journal."""
    app.configure(SETTINGS.format(task=request.param))
    done = app.run("migration.apply", task="migration.apply", options=ApplyOptions(yes=True))
    assert done.exit_code == 0, done.error
    return str(request.param)


def run_it(app: App, task: str) -> Run:
    """The task, once."""
    if task == "sync":
        return app.run("sync", options=SyncOptions())
    options = RunbookOptions(name=task.partition(".")[2])
    return app.run("runbook.run", task=task, options=options)


def verified(app: App) -> CheckResult:
    """What `migration.verify` says of the schedule."""
    run = app.run("migration.verify", task="migration.verify")
    (found,) = [check for check in run.checks if check.check == "schedule_overdue"]
    assert run.exit_code == (2 if found.count else 0)
    return found


def age(database: Database, hours: int) -> None:
    """Let everything in the journal have happened so long before; only a superuser can."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "update usersync.journal set at = at - make_interval(hours => %s)", [hours]
        )


def test_it_never_ran(app: App, task: str) -> None:
    """Without any success in the journal it is a finding, of `doctor` too."""
    assert verified(app).count == 1
    assert app.run("doctor").exit_code == 2


def test_it_ran_and_then_stopped(app: App, database: Database, task: str) -> None:
    """A success with nothing to do counts; when it is too long ago, it is said since when."""
    assert run_it(app, task).exit_code == 0
    assert verified(app).count == 0
    age(database, 25)
    assert verified(app).count == 0
    age(database, 2)
    found = verified(app)
    assert found.count == 1
    assert "the last success was 20" in found.findings[0].detail


def test_the_health_of_a_schedule(app: App, task: str) -> None:
    """`health.serve` says `degraded` with the reason, and stays up."""
    target = config.load(str(app.folder / "usersync.yaml"), environ={"SUPABASE_DB_URL": app.url})
    assert state.look(target).reasons == ("schedule",)
    assert run_it(app, task).exit_code == 0
    assert state.look(target).status == "healthy"


def test_without_a_journal_nobody_can_tell(app: App) -> None:
    """Where the target keeps no journal the answer is unknown, not well."""
    app.configure(SETTINGS.format(task="sync"))
    run = app.run("migration.verify", task="migration.verify")
    (found,) = [check for check in run.checks if check.check == "schedule_overdue"]
    assert "keeps no journal" in found.unknown


def test_nobody_asked(app: App) -> None:
    """Without a schedule nothing is said of one."""
    run = app.run("migration.verify", task="migration.verify")
    assert [check for check in run.checks if check.check == "schedule_overdue"] == []
