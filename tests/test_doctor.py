"""``doctor`` and ``migration.verify``: one screen with what is wrong and what to do."""

from __future__ import annotations

import re

import pytest

from tests.app import App
from tests.test_checks import FUNCTION, TRIGGER
from tests.test_output import Snapshot
from usersync import report
from usersync.migration import ApplyOptions
from usersync.model import Run

STEADY = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ| UTC)"), "MOMENT"),
    (re.compile(r"\b[0-9a-f]{8}\b"), "SHORT-ID"),
    (re.compile(r"(?<=MOMENT, )by \S+"), "by ACTOR"),
    (re.compile(r"^  \d{4}-\d\d-\d\d ", re.MULTILINE), "  DAY "),
)


def shown(run: Run) -> str:
    """What a person sees, without what differs from run to run."""
    text = report.terminal(run)
    for pattern, name in STEADY:
        text = pattern.sub(name, text)
    return text


def examined(app: App, operation: str = "doctor") -> Run:
    """``doctor``, or ``migration.verify``."""
    return app.run(operation, task=operation)


def with_trigger(app: App) -> None:
    """Give the app a trigger of its own and one user."""
    app.rows(FUNCTION + TRIGGER)
    app.user(updated_at="2026-01-01T00:00:00Z")


def install(app: App) -> None:
    """Apply the migration."""
    run = app.run("migration.apply", task="migration.apply", options=ApplyOptions(yes=True))
    assert run.exit_code == 0, run.error


@pytest.mark.parametrize("operation", ["doctor", "migration.verify"])
def test_of_an_app_with_its_own_trigger(app: App, snapshot: Snapshot, operation: str) -> None:
    """Nothing is wrong where the app's own trigger works: exit 0, and nothing of ours is missed."""
    with_trigger(app)
    run = examined(app, operation)
    assert run.exit_code == 0
    snapshot.assert_match(shown(run), "screen.txt")


@pytest.mark.parametrize("operation", ["doctor", "migration.verify"])
def test_of_an_installed_migration(app: App, snapshot: Snapshot, operation: str) -> None:
    """What is installed is listed, and everything is well: exit 0."""
    install(app)
    app.user(updated_at="2026-01-01T00:00:00Z")
    run = examined(app, operation)
    assert run.exit_code == 0
    snapshot.assert_match(shown(run), "screen.txt")


@pytest.mark.parametrize("operation", ["doctor", "migration.verify"])
def test_of_much_trouble(app: App, snapshot: Snapshot, operation: str) -> None:
    """Pauses come first, then drift, then findings, the worst first, then the next commands."""
    install(app)
    app.user(updated_at="2026-01-01T00:00:00Z", created_at="2026-11-01T00:00:00Z")
    app.run("migration.pause", task="migration.pause")
    app.user(updated_at="2026-01-01T00:00:00Z", created_at="2026-11-02T00:00:00Z")
    app.rows(
        "create schema supabase_migrations;"
        " create table supabase_migrations.schema_migrations (version text primary key, name text);"
        " insert into supabase_migrations.schema_migrations values"
        " ('20260101000000', 'old'), ('20261102120000', 'rename_column')"
    )
    app.rows("alter table public.user_profiles disable row level security")
    app.rows("grant usage on schema usersync to anon")
    run = examined(app, operation)
    assert run.exit_code == 2
    snapshot.assert_match(shown(run), "screen.txt")


def test_of_a_profile_table_that_is_gone(app: App) -> None:
    """Without its table everything that can be told is told, and what is missing is named."""
    install(app)
    app.rows("drop table public.user_profiles")
    run = examined(app)
    assert run.exit_code == 1
    (step,) = {step.detail for step in run.steps}
    assert "there is no table public.user_profiles" in step
    assert any(check.unknown for check in run.checks)


def test_it_writes_nothing(app: App) -> None:
    """Neither of them leaves anything in the journal or in any table."""
    install(app)
    before = app.one("select count(*) from usersync.journal")
    written = app.one("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables")
    assert examined(app).exit_code == 0
    assert examined(app, "migration.verify").exit_code == 0
    assert app.one("select count(*) from usersync.journal") == before
    after = app.one("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables")
    assert after == written


def test_status_says_first_what_is_paused(app: App) -> None:
    """``status`` begins with the pause: since when, by whom, how many signed up without one."""
    with_trigger(app)
    app.run("migration.pause", task="migration.pause")
    app.user(created_at="2999-01-01T00:00:00Z")
    run = app.run("status")
    (paused,) = run.paused
    assert (paused.function, paused.signed_up) == ("public.handle_new_user()", 1)
    text = report.terminal(run)
    assert text.index("PAUSED") < text.index("=== User")
