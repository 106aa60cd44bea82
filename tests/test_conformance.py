"""One interface, two doors: over the API everything is as over a database connection."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_server import SERVICE_KEY, Answer, Api, api
from tests.app import PROFILES, App, counts, summary_of
from tests.migrated import apply
from usersync.migration import ApplyOptions, RollbackOptions, UninstallOptions
from usersync.model import Run
from usersync.repair import RepairOptions
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

__all__ = ["api"]

SETTINGS = """
profiles:
  - table: profiles
    key: id
    columns:
      username: user_metadata.name
      full_name: {sql: "upper(u.email)"}
users:
  exclude:
    - {email_domains: [bots.example], reason: robots}
"""


@dataclass
class Doors:
    """One app, and the two ways to it."""

    app: App
    api: Api
    monkeypatch: pytest.MonkeyPatch

    def connection(self) -> App:
        """Over a database connection from now on."""
        self.monkeypatch.setenv("SUPABASE_DB_URL", self.app.url)
        return self.app

    def over_api(self) -> App:
        """Over the API from now on."""
        self.monkeypatch.delenv("SUPABASE_DB_URL", raising=False)
        return self.app

    def both(self, operation: str, **inputs: Any) -> tuple[Run, Run]:
        """The same operation through either door."""
        return (
            self.connection().run(operation, **inputs),
            self.over_api().run(operation, **inputs),
        )


@pytest.fixture
def doors(app: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> Doors:
    """An app that is reached both ways; nothing is installed yet."""
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    return Doors(app, api, monkeypatch)


@pytest.fixture
def installed(doors: Doors) -> Doors:
    """The same with the migration applied."""
    doors.app.rows(PROFILES)
    doors.app.configure(SETTINGS)
    run = apply(doors.connection(), yes=True)
    assert run.exit_code == 0, run.error
    return doors


def without_times(value: Any) -> Any:
    """An answer without what differs from one moment, or one door, to the next."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return {
            name: without_times(one)
            for name, one in fields.items()
            if name not in ("as_of", "timestamp", "execution_time_s", "duration_s", "digest")
        }
    if isinstance(value, tuple | list):
        return [without_times(one) for one in value]
    return value


def same(direct: Run, over: Run) -> None:
    """Both doors gave the same answer."""
    assert over.error == direct.error
    assert over.exit_code == direct.exit_code
    for part in ("tables", "checks", "changes", "paused", "steps"):
        assert without_times(getattr(over, part)) == without_times(getattr(direct, part)), part


def some_users(app: App) -> None:
    """Users of many kinds, some without a profile, and profiles that should not be as they are."""
    named = [app.user(raw_user_meta_data={"name": f"name {n}"}) for n in range(5)]
    app.user(raw_user_meta_data={"name": "x"})
    app.user(raw_user_meta_data={})
    app.user(email=None, is_anonymous=True)
    app.user(email="robot@bots.example")
    app.user(email=None, phone="4915112345678", raw_user_meta_data={"name": "by phone"})
    app.rows(f"delete from public.profiles where id in ('{named[0]}', '{named[1]}')")
    app.rows(f"update auth.users set deleted_at = now() where id = '{named[2]}'")


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [
        ("status", {}),
        ("status", {"quick": True}),
        ("status", {"verbose": True}),
        ("migration.verify", {}),
        ("doctor", {}),
        ("sync.plan", {"options": SyncOptions()}),
        ("sync.plan", {"options": SyncOptions(limit=2)}),
        ("sync.plan", {"options": SyncOptions(share=(1, 3))}),
        ("sync.rehearse", {"options": SyncOptions()}),
        ("migration.test", {}),
        ("migration.plan", {"options": ApplyOptions()}),
    ],
)
def test_the_same_answer(installed: Doors, operation: str, inputs: dict[str, Any]) -> None:
    """Counts, lists, findings, plans and rehearsals are the same, and so is the exit code."""
    some_users(installed.app)
    direct, over = installed.both(operation, **inputs)
    same(direct, over)


def test_sync_creates_what_is_missing_and_says_what_cannot_be(installed: Doors) -> None:
    """Created, failed and why; the journal stands in the target."""
    some_users(installed.app)
    run = installed.over_api().sync()
    summary = summary_of(run)
    assert counts(summary) == {"created": 2, "failed": 2, "already_there": 0, "gone": 0}
    assert {(group.sqlstate, group.subject) for group in summary.failures} == {
        ("23514", "profiles_username_check"),
        ("23502", "username"),
    }
    units = installed.app.rows(
        "select counts from usersync.journal where task = 'sync' and event = 'unit'"
    )
    assert units == [{"counts": {"created": 2, "failed": 2, "batch": 1}}]
    again = summary_of(installed.app.sync())
    assert (again.created, again.failed) == (0, 2)


def test_many_are_created_block_by_block(installed: Doors) -> None:
    """Thousands of profiles take a batch a call, and a constant number of calls beside."""
    app = installed.app
    app.rows("alter table public.profiles alter column username drop not null")
    app.rows("drop function usersync.on_auth_user_created() cascade")
    app.many_users(5_000)
    app.rows("analyze auth.users")
    installed.over_api()
    installed.api.requests.clear()
    summary = app.synced(first_fill=True, workers=2, max_rows=10_000)
    assert counts(summary) == {"created": 5_000, "failed": 0, "already_there": 0, "gone": 0}
    assert app.one("select count(*) from public.profiles") == 5_000
    batches = installed.api.calls("usersync_create_blocks")
    assert batches > 0
    assert len(installed.api.requests) - batches < 25


def test_an_approved_plan(installed: Doors) -> None:
    """A digest that the API's dry run printed approves exactly that plan, over the API too."""
    some_users(installed.app)
    run, plan = installed.over_api().plan()
    assert run.exit_code == 2
    late = installed.app.user(raw_user_meta_data={"name": "too late"})
    installed.app.rows(f"delete from public.profiles where id = '{late}'")
    run = installed.app.sync(approve=plan.digest)
    assert counts(summary_of(run)) == {"created": 2, "failed": 2, "already_there": 0, "gone": 0}
    assert installed.app.one(f"select count(*) from public.profiles where id = '{late}'") == 0
    again = installed.app.sync(approve=plan.digest)
    assert again.exit_code == 4
    assert "carried out already" in again.error
    assert installed.app.rows("select * from usersync.lease") == []


@pytest.mark.parametrize("door", ["connection", "over_api"])
def test_one_profile(installed: Doors, door: str) -> None:
    """create-profile by id, by its start and by address; already there; nobody."""
    app = installed.app
    users = [app.user(raw_user_meta_data={"name": f"user {n}"}) for n in range(3)]
    app.rows("delete from public.profiles")
    getattr(installed, door)()
    run = app.run("create-profile", task="create-profile", reference=users[0])
    assert run.exit_code == 0, run.error
    assert app.one("select id::text from public.profiles") == users[0]
    again = app.run("create-profile", task="create-profile", reference=users[0][:8])
    assert again.exit_code == 0
    nobody = app.run("create-profile", task="create-profile", reference="nobody@example.com")
    assert nobody.exit_code == 3


ODD = """
profiles:
  - schema: "App Data"
    table: 'odd " table'
    key: "User Id"
    columns:
      "E mail": email
      kind: {literal: "it's {odd}"}
      first: [user_metadata.first, user_metadata.name, {literal: nobody}]
  - table: profiles
    key: id
    columns:
      username: user_metadata.name
"""

ODD_TABLE = """
create schema "App Data";
create table "App Data"."odd "" table" (
    "User Id" uuid primary key references auth.users (id) on delete cascade,
    "E mail" text, kind text, first text
);
"""


def test_odd_names_and_two_tables(doors: Doors) -> None:
    """Quotes, spaces and braces in names, two tables in one target: the same through both doors."""
    app = doors.app
    app.rows(PROFILES + ODD_TABLE)
    app.configure(ODD)
    assert apply(doors.connection(), yes=True).exit_code == 0
    users = [app.user(raw_user_meta_data={"name": f"näme {n}"}) for n in range(3)]
    app.rows(f"""delete from "App Data"."odd "" table" where "User Id" = '{users[0]}'""")
    app.rows(f"delete from public.profiles where id = '{users[1]}'")
    for operation, inputs in (
        ("status", {"verbose": True}),
        ("migration.verify", {}),
        ("doctor", {}),
        ("migration.test", {}),
        ("sync.plan", {"options": SyncOptions()}),
    ):
        same(*doors.both(operation, **inputs))
    run = doors.over_api().sync()
    assert run.exit_code == 0, run.error
    assert [counts(one.summary)["created"] for one in run.tables if one.summary] == [1, 1]
    assert app.one("""select first from "App Data"."odd "" table" order by 1 limit 1""") == "näme 0"


BREAKS = {
    "a column that is gone": "update public.audit set nothing = 1 where id = new.id;",
    "a row that is refused": "insert into public.audit values (new.id, null);",
    "an exception": "raise exception 'no % here', new.email using errcode = 'P0001';",
    "a function that is not there": "perform app.gone(new.id);",
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_sign_up_that_fails(installed: Doors, broken: str) -> None:
    """Trigger, function, line and SQLSTATE are named alike; no value of the user is."""
    installed.app.rows(
        "create table public.audit (id uuid, what text not null);"
        " create function public.note_sign_up() returns trigger language plpgsql"
        " security definer set search_path = '' as"
        f" $$ begin\n  {BREAKS[broken]}\n  return new; end $$;"
        " create trigger note_sign_up after insert on auth.users"
        " for each row execute function public.note_sign_up()"
    )
    direct, over = installed.both("migration.test")
    same(direct, over)
    told = " ".join(step.detail for step in over.steps)
    assert over.exit_code == 2
    assert "usersync-canary" not in told
    assert "public.note_sign_up() line 2" in told
    assert "trigger note_sign_up" in told
    assert installed.app.one("select count(*) from auth.users") == 0


def test_a_sign_up_that_takes_too_long(installed: Doors) -> None:
    """PostgREST sets the function's time-out before it calls it: the trigger is to blame."""
    slow = b'{"code": "57014", "message": "canceling statement due to statement timeout"}'

    def fault(_method: str, path: str, _count: int) -> Answer | None:
        return Answer(500, slow) if path.endswith("/usersync_canary") else None

    installed.api.fault = fault
    run = installed.over_api().run("migration.test")
    assert run.exit_code == 2
    assert "sign up: 57014 query_canceled" in run.steps[1].detail
    config = installed.app.one("select proconfig from pg_proc where proname = 'usersync_canary'")
    assert "statement_timeout=3s" in config


def test_what_rollback_would_not_undo(installed: Doors) -> None:
    """A trigger that reaches outside is refused, and allowed by name, through both doors."""
    installed.app.rows(
        "create function public.tell() returns trigger language plpgsql security definer as"
        " $$ begin perform dblink('other', 'insert into x values (1)'); return new; end $$;"
        " create trigger tell after insert on auth.users"
        " for each row execute function public.tell()"
    )
    direct, over = installed.both("migration.test")
    same(direct, over)
    assert (over.exit_code, "--allow public.tell" in over.next_steps[0]) == (3, True)
    direct, over = installed.both("migration.test", allow=("public.tell",))
    assert over.exit_code == direct.exit_code == 2


def test_a_pause_is_told_first(installed: Doors) -> None:
    """Since when, by whom and how many signed up without a profile."""
    run = installed.connection().run(
        "migration.pause", task="migration.pause", function="usersync.on_auth_user_created"
    )
    assert run.exit_code == 0, run.error
    now = datetime.now(UTC)
    installed.app.users(2, raw_user_meta_data={"name": "while paused"}, created_at=now)
    for operation in ("status", "doctor", "migration.verify"):
        direct, over = installed.both(operation)
        same(direct, over)
        (paused,) = over.paused
        assert paused.signed_up == 2


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [
        ("migration.apply", {"options": ApplyOptions(yes=True)}),
        ("migration.rehearse", {"options": ApplyOptions()}),
        ("migration.prove", {}),
        ("migration.rollback", {"options": RollbackOptions(yes=True)}),
        ("migration.rollback.plan", {"options": RollbackOptions()}),
        ("migration.pause", {}),
        ("migration.resume", {}),
        ("migration.footprint", {}),
        ("uninstall.plan", {}),
        ("uninstall", {"options": UninstallOptions()}),
    ],
)
def test_what_needs_a_connection_says_so(
    installed: Doors, operation: str, inputs: dict[str, Any]
) -> None:
    """What this door cannot do is exit 3, names the way that can, and has touched nothing."""
    installed.api.requests.clear()
    run = installed.over_api().run(operation, task=operation, **inputs)
    assert run.exit_code == 3, run.error
    assert "needs a database connection" in run.error
    assert "SUPABASE_DB_URL" in "".join(run.next_steps)
    assert not any("create" in path or "append" in path for _, path in installed.api.requests)


def test_a_rehearsal_of_more_than_one_call(installed: Doors) -> None:
    """More profiles than one call can hold: exit 3 with the ways that can."""
    installed.app.rows("drop function usersync.on_auth_user_created() cascade")
    installed.app.many_users(10_001)
    run = installed.over_api().run(
        "sync.rehearse", task="sync", options=SyncOptions(first_fill=True, max_rows=20_000)
    )
    assert run.exit_code == 3
    assert "10,001 are planned" in run.error
    assert {"--limit 10000", "SUPABASE_DB_URL", "--dry-run"} <= {
        word
        for word in ("--limit 10000", "SUPABASE_DB_URL", "--dry-run")
        for step in run.next_steps
        if word in step
    }


def test_expressions_that_mean_nothing_any_more(installed: Doors) -> None:
    """A sql: value whose function is gone is exit 3 before anything is written."""
    installed.app.rows(
        "create function public.shown(text) returns text language sql as 'select $1'"
    )
    installed.app.configure(SETTINGS.replace("upper(u.email)", "public.shown(u.email)"))
    assert apply(installed.connection(), yes=True).exit_code == 0
    installed.app.user(raw_user_meta_data={"name": "somebody"})
    installed.app.rows("drop function public.shown(text)")
    direct, over = installed.both("sync.plan", options=SyncOptions())
    assert (over.exit_code, over.error) == (direct.exit_code, direct.error) == (3, over.error)
    assert "columns.full_name: the sql: expression does not prepare" in over.error


REPAIRS: dict[str, dict[str, Any]] = {
    "repair.emails": {"options": RepairOptions()},
    "repair.orphans.plan": {"options": RepairOptions()},
    "repair.tokens.rehearse": {"options": RepairOptions()},
    "restore": {"options": RepairOptions(), "run_id": "11111111-2222-4333-8444-555555555555"},
    "sync.overwrite": {"options": SyncOptions()},
}


@pytest.mark.parametrize("operation", REPAIRS)
@pytest.mark.parametrize("installs", [True, False])
def test_repairs_need_a_connection(
    request: pytest.FixtureRequest, operation: str, installs: bool
) -> None:
    """Over the API a repair is exit 3 and names the way that can, installed or not."""
    doors: Doors = request.getfixturevalue("installed" if installs else "doors")
    run = doors.over_api().run(operation, **REPAIRS[operation])
    assert run.exit_code == 3, run.error
    assert "needs a database connection" in run.error
    assert "SUPABASE_DB_URL" in run.next_steps[0]
