"""``connect.check``: the settings that are there, and what the door sees and may do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import psycopg
import pytest

from tests.api_server import PUBLISHABLE_KEY, SERVICE_KEY, Api, api
from tests.app import App
from tests.conftest import Database
from tests.migrated import applied
from usersync import report, runner
from usersync.model import Run, Step

__all__ = ["api"]


def check() -> Run:
    request = runner.Request(task="connect.check", operation="connect.check")
    return runner.run(dataclasses.replace(request, show_settings=True))


def said(run: Run) -> dict[str, tuple[str, str]]:
    return {step.name: (step.status, step.detail) for step in run.steps}


def test_a_good_connection(app: App) -> None:
    """As postgres everything is there: exit 0, with role, version and latency."""
    run = check()
    steps = said(run)
    assert run.exit_code == 0
    assert steps["role"] == ("ok", "postgres")
    assert steps["reachable"][1].startswith("PostgreSQL 1")
    assert steps["row security"] == ("ok", "hides no user from this role")
    assert steps["rights"][0] == "ok"
    assert next(step for step in run.steps if step.name == "reachable").duration_s > 0
    assert app


def test_settings_are_named_and_never_shown(app: App) -> None:
    """Which variables are set is said; their values nowhere."""
    run = check()
    assert said(run)["SUPABASE_DB_URL"] == ("ok", "set")
    assert said(run)["USERSYNC_TARGET"] == ("unset", "not set")
    shown = report.terminal(run) + report.as_json(run)
    assert app.url not in shown


def test_settings_are_told_when_nothing_can_be_opened(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unreachable server is exit 1 with the remedy, after the settings."""
    monkeypatch.setenv("SUPABASE_DB_URL", "postgresql://postgres:geheim@127.0.0.1:1/postgres")
    app.configure("retry_s: 0")
    run = check()
    assert run.exit_code == 1
    assert run.next_steps
    assert said(run)["SUPABASE_DB_URL"] == ("ok", "set")
    assert "geheim" not in report.terminal(run) + report.as_json(run)


def test_each_missing_right_is_a_problem_with_its_remedy(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that may only read: what it may not is named, each with the way out; exit 2."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "do $$ begin if to_regrole('limited_reader') is null then"
            " create role limited_reader login bypassrls; end if; end $$"
        )
        admin.execute("grant usage on schema auth to limited_reader")
        admin.execute("grant select on auth.users, public.user_profiles to limited_reader")
    monkeypatch.setenv("SUPABASE_DB_URL", database.url_of("limited_reader"))
    run = check()
    problems = {step.detail: step.next_step for step in run.steps if step.name == "problem"}
    assert run.exit_code == 2
    assert any("may not lock rows of auth.users" in problem for problem in problems)
    cannot_insert = "limited_reader may not insert into public.user_profiles"
    assert problems[cannot_insert].startswith("as its owner:")
    assert app.run("status").exit_code == 0


def test_a_missing_table_is_told(app: App) -> None:
    """A profile table that is not there is a problem, with near names."""
    app.configure("profiles: [{table: user_profile, key: user_id}]")
    run = check()
    assert run.exit_code == 2
    assert "did you mean public.user_profiles" in said(run)["problem"][1]


def test_hidden_users_are_no_answer(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When row security hides auth.users, the check cannot tell: exit 1."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "do $$ begin if to_regrole('blind') is null"
            " then create role blind login; end if; end $$"
        )
        admin.execute("grant usage on schema auth to blind")
        admin.execute("grant select on auth.users, public.user_profiles to blind")
    monkeypatch.setenv("SUPABASE_DB_URL", database.url_of("blind"))
    run = check()
    assert run.exit_code == 1
    assert said(run)["row security"][0] == "unknown"
    assert "rights" not in said(run)
    assert app


@pytest.fixture
def both(app: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A target with two doors, and everything installed."""
    applied(app)
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    return api


def doors(run: Run) -> dict[str, dict[str, Step]]:
    """The steps of each door, under its name."""
    found: dict[str, dict[str, Step]] = {}
    for step in run.steps:
        if " (" in step.name:
            found[step.name] = {"open": step}
        elif found:
            found[list(found)[-1]][step.name] = step
    return found


CONNECTION, API = "connection (SUPABASE_DB_URL)", "API (SUPABASE_URL)"


def test_each_door_is_tried(both: Api) -> None:
    """Both are told: role, version, rights, latency, and what a credential can do beyond."""
    run = check()
    found = doors(run)
    assert run.exit_code == 0, run.error
    assert both
    assert list(found) == [CONNECTION, API]
    for steps in found.values():
        assert steps["reachable"].detail.startswith("PostgreSQL 1")
        assert steps["reachable"].duration_s > 0
        assert steps["role"].detail == "postgres"
        assert steps["row security"].status == steps["rights"].status == "ok"
    assert "more than needed" not in found[CONNECTION]
    assert "opens the whole API" in found[API]["more than needed"].detail
    assert SERVICE_KEY not in report.terminal(run) + report.as_json(run)


def test_one_door_that_is_shut_does_not_hide_the_other(
    both: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each failure has its remedy; the worst exit code stands for both."""
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", PUBLISHABLE_KEY)
    run = check()
    found = doors(run)
    assert both
    assert (run.exit_code, found[API]["open"].status) == (3, "finding")
    assert "a publishable key" in found[API]["open"].detail
    assert "Settings, API Keys" in found[API]["open"].next_step
    assert found[CONNECTION]["rights"].status == "ok"
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    monkeypatch.setenv("SUPABASE_DB_URL", "postgresql://postgres:geheim@127.0.0.1:1/postgres")
    Path("usersync.yaml").write_text("retry_s: 0", encoding="utf-8")
    run = check()
    found = doors(run)
    assert (run.exit_code, found[CONNECTION]["open"].status) == (1, "unknown")
    assert found[API]["rights"].status == "ok"


def test_a_superuser_is_more_than_needed(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential that can do more than the job needs is named."""
    monkeypatch.setenv("SUPABASE_DB_URL", database.admin_url)
    run = check()
    assert app
    assert run.exit_code == 0
    assert "is a superuser; postgres will do" in said(run)["more than needed"][1]
