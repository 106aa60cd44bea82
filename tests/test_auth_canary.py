"""``migration.test --through-auth``: a real user signs up, is watched and always goes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.api_server import RESET, SERVICE_KEY, Answer, Api, api
from tests.app import App
from tests.conftest import Database
from tests.faults import journal, started, until
from tests.migrated import applied
from tests.unprepared import before
from usersync import local, report
from usersync.model import Run

pytestmark = pytest.mark.any_postgres

__all__ = ["api", "before"]

USERS = "/auth/v1/admin/users"

#: The app's own trigger, as the guides have it.
TRIGGER = """
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$ begin
    insert into public.user_profiles (user_id, email) values (new.id, new.email); return new;
end $$;
create trigger make_profile after insert on auth.users
    for each row execute function public.make_profile();
"""


@pytest.fixture
def direct(before: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app that is reached over a connection, and whose Auth server is known."""
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    return before


@pytest.fixture(params=["connection", "functions", "list"])
def watched(request: pytest.FixtureRequest, direct: App, monkeypatch: pytest.MonkeyPatch) -> App:
    """The same through each of the three doors, with a trigger that makes profiles."""
    if request.param == "functions":
        applied(direct)
    else:
        direct.rows(TRIGGER)
    if request.param != "connection":
        monkeypatch.delenv("SUPABASE_DB_URL")
    return direct


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a profile, or for another run."""
    monkeypatch.setattr("usersync.auth_canary._PATIENCE_S", 0.3)
    monkeypatch.setattr("usersync.auth_canary._AT_WORK_S", 0.0)


def sign_up(app: App, **inputs: Any) -> Run:
    return app.run("migration.test.auth", task="migration.test", **inputs)


def said(run: Run) -> list[tuple[str, str]]:
    return [(step.name, step.status) for step in run.steps]


def canaries(app: App) -> int:
    return int(app.one("select count(*) from auth.users where email like 'usersync-canary-%'"))


def test_it_signs_up_and_goes(watched: App) -> None:
    """Through every door the profile is seen, and user and profile are gone afterwards: exit 0."""
    run = sign_up(watched)
    assert run.exit_code == 0, (run.error, run.steps)
    assert said(run) == [
        ("sign-up", "ok"),
        ("public.user_profiles(user_id)", "ok"),
        ("deletion", "ok"),
    ]
    address = f"usersync-canary-{run.run_id.replace('-', '')[:16]}@usersync.invalid"
    assert run.steps[0].detail == address
    assert address in report.terminal(run)
    assert canaries(watched) == 0
    assert watched.one("select count(*) from public.user_profiles") == 0


def test_no_profile_comes(direct: App, impatient: None) -> None:
    """Without a trigger nothing comes: exit 5, and everything is undone."""
    run = sign_up(direct)
    assert run.exit_code == 5
    assert ("public.user_profiles(user_id)", "failed") in said(run)
    assert ("deletion", "ok") in said(run)
    assert canaries(direct) == 0
    assert run.next_steps == ("invoke doctor",)


def test_no_trigger_is_wanted(direct: App) -> None:
    """With `trigger: none` nobody waits for a profile, and that none comes is as configured."""
    direct.configure("trigger: none")
    run = sign_up(direct)
    assert run.exit_code == 0, run.steps
    (told,) = (step for step in run.steps if step.name == "public.user_profiles(user_id)")
    assert (told.status, told.detail) == ("ok", "no profile: trigger: none, so sync makes it")
    assert told.duration_s < 5
    assert canaries(direct) == 0


def test_the_sign_up_fails(direct: App, impatient: None) -> None:
    """A trigger that raises makes the Auth server say no: exit 5, nobody is left."""
    direct.rows(TRIGGER.replace("return new;", "raise exception 'hidden words'; return new;"))
    run = sign_up(direct)
    assert run.exit_code == 5
    assert said(run) == [("sign-up", "failed")]
    assert "Database error creating new user" in run.steps[0].detail
    assert canaries(direct) == 0


def test_a_lost_answer(direct: App, api: Api, impatient: None) -> None:
    """When no answer comes the user is looked for and deleted: exit 1."""
    direct.rows(TRIGGER)
    api.after = lambda method, path: RESET if (method, path) == ("POST", USERS) else None
    run = sign_up(direct)
    assert run.exit_code == 1
    assert "the connection broke" in run.error
    assert ("deletion", "ok") in said(run)
    assert canaries(direct) == 0


def test_it_cannot_be_deleted(direct: App, api: Api, impatient: None) -> None:
    """A user that stays is exit 6, with who to tell and what to do."""
    direct.rows(TRIGGER)
    direct.configure("contact: '#on-call'")
    api.fault = lambda method, _path, _number: Answer(500) if method == "DELETE" else None
    run = sign_up(direct)
    assert run.exit_code == 6
    assert ("deletion", "failed") in said(run)
    assert "contact: #on-call" in run.next_steps
    assert f"usersync-canary-{run.run_id.replace('-', '')[:16]}@" in run.next_steps[0]
    assert canaries(direct) == 1


@pytest.mark.parametrize("door", ["connection", "functions", "list"])
def test_a_profile_that_stays(
    before: App, api: Api, monkeypatch: pytest.MonkeyPatch, impatient: None, door: str
) -> None:
    """Without a foreign key the profile outlives its user: exit 6 with the statement."""
    before.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    if door == "functions":
        applied(before)
    else:
        before.rows(TRIGGER)
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    if door != "connection":
        monkeypatch.delenv("SUPABASE_DB_URL")
    run = sign_up(before)
    assert run.exit_code == 6, (run.error, run.steps)
    left = before.one("select user_id::text from public.user_profiles")
    assert f"where \"user_id\" = '{left.replace('-', '')}';" in run.next_steps[0]


def test_production_is_asked(direct: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """In production somebody agrees at a terminal or beforehand; otherwise exit 3, nobody made."""
    direct.rows(TRIGGER)
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "production")
    run = sign_up(direct)
    assert run.exit_code == 3
    assert run.next_steps == ("invoke migration.test --through-auth --yes",)
    direct.answer = False
    assert sign_up(direct).exit_code == 4
    assert "one real user" in direct.asked[0]
    direct.answer = True
    assert sign_up(direct).exit_code == 0
    direct.answer = None
    assert sign_up(direct, yes=True).exit_code == 0


def test_without_a_way_to_the_auth_server(app: App) -> None:
    """A connection alone is not enough: exit 3 with the two variables."""
    run = sign_up(app)
    assert run.exit_code == 3
    assert "SUPABASE_SERVICE_ROLE_KEY" in run.next_steps[0]


def test_the_rules_leave_it_out(direct: App, impatient: None) -> None:
    """When no profile is wanted for it, nothing can be told: exit 1."""
    direct.configure("users: {exclude: [{email_domains: [usersync.invalid], reason: tests}]}")
    run = sign_up(direct)
    assert run.exit_code == 1
    assert any("leave the canary out" in step.detail for step in run.steps)
    assert canaries(direct) == 0


def test_two_projects(
    direct: App,
    api: Api,
    impatient: None,
    template: Callable[[local.Grants], str],
) -> None:
    """A user that the database never sees is no finding: exit 1, and the user is gone."""
    other = Database(api.database.server, f"{api.database.name}_other")
    with psycopg.connect(api.database.server.admin_url, autocommit=True) as admin:
        admin.execute(f"create database {other.name} template {template('explicit')}".encode())
        api.database = other
        run = sign_up(direct)
        left = psycopg.connect(other.admin_url).execute("select count(*) from auth.users")
        assert left.fetchone() == (0,)
        left.connection.close()
        admin.execute(f"drop database {other.name} with (force)".encode())
    assert run.exit_code == 1
    assert "two projects" in run.error


def test_killed_before_the_deletion(direct: App, impatient: None) -> None:
    """After kill -9 the user stands there; the next run removes it first and says so."""
    with started(direct, "migration.test", "--through-auth") as command:
        until(lambda: canaries(direct), "the sign-up")
        command.send(signal.SIGKILL)
        assert command.end()[0] == -signal.SIGKILL
    assert canaries(direct) == 1
    assert [line["event"] for line in journal(direct)] == ["started"]
    direct.rows(TRIGGER)
    run = sign_up(direct)
    assert run.exit_code == 0, (run.error, run.steps)
    assert said(run)[:2] == [("leftover", "changed"), ("sign-up", "ok")]
    assert "killed" in run.steps[0].detail
    assert canaries(direct) == 0


def test_a_leftover_that_cannot_be_deleted(direct: App, api: Api, impatient: None) -> None:
    """What a killed run left and nobody can remove is exit 6, whatever comes of this sign-up."""
    direct.rows(TRIGGER)
    left = direct.user(email=f"usersync-canary-{'0' * 16}@usersync.invalid")
    api.fault = lambda method, path, _number: (
        Answer(500) if method == "DELETE" and left in path else None
    )
    run = sign_up(direct)
    assert run.exit_code == 6
    assert canaries(direct) == 1


def test_an_auth_server_that_does_not_answer(direct: App, api: Api) -> None:
    """Nothing was tried, so nothing can be left: exit 1, and the journal has its end."""
    direct.configure("retry_s: 0")
    api.fault = lambda _method, path, _number: RESET if path.startswith(USERS) else None
    run = sign_up(direct)
    assert run.exit_code == 1
    assert run.error.endswith("the connection broke")
    assert [line["event"] for line in journal(direct)] == ["started", "ended"]


def test_interrupted(direct: App) -> None:
    """Ctrl-C in the middle deletes the user before it ends."""
    with started(direct, "migration.test", "--through-auth") as command:
        until(lambda: canaries(direct), "the sign-up")
        command.send(signal.SIGINT)
        code, _, _ = command.end()
    assert code == 1
    assert canaries(direct) == 0


def test_one_that_is_at_work_is_waited_for(direct: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary of a moment ago may be somebody's: it is given its time."""
    direct.rows(TRIGGER)
    monkeypatch.setattr("usersync.auth_canary._AT_WORK_S", 3.0)
    with started(direct, "migration.test", "--through-auth") as command:
        assert command.end()[0] == 0
    direct.user(
        email="usersync-canary-0000000000004000@usersync.invalid",
        created_at="2999-01-01T00:00:00Z",
    )
    direct.rows("update auth.users set created_at = now() where email like 'usersync-canary-%'")
    run = sign_up(direct)
    assert run.exit_code == 0
    assert ("leftover", "changed") in said(run)
