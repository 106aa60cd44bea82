"""One interface, two doors: over the API everything is as over a database connection."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api_server import SERVICE_KEY, Api, api
from tests.app import PROFILES, App, counts, summary_of
from tests.migrated import apply
from usersync.model import Run
from usersync.sync import SyncOptions

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
        self.monkeypatch.delenv("SUPABASE_DB_URL")
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
    ],
)
def test_the_same_answer(installed: Doors, operation: str, inputs: dict[str, Any]) -> None:
    """Counts, lists, findings, plans and rehearsals are the same, and so is the exit code."""
    some_users(installed.app)
    direct, over = installed.both(operation, **inputs)
    assert over.error == direct.error
    assert over.exit_code == direct.exit_code
    for part in ("tables", "checks", "changes", "paused", "steps"):
        assert without_times(getattr(over, part)) == without_times(getattr(direct, part)), part


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
    assert units == [{"counts": {"created": 2, "failed": 2}}]
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
    assert run.exit_code == 3
    assert "database connection" in run.next_steps[0] + run.error


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
