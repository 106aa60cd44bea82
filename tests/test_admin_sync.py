"""Before the migration: plan, sync and create-profile over the list of users and PostgREST."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_server import RESET, Answer, Api, api
from tests.app import PROFILES, App, counts, summary_of
from tests.unprepared import before, imported, over, spread
from usersync import report
from usersync.model import Run
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

__all__ = ["api", "before", "over"]

UNSEEN = ("unseen",)


def test_plan(over: App) -> None:
    """The plan lists who is missing, and one trigger that nobody can see; it writes nothing."""
    users = over.users(3)
    over.rows(f"delete from public.user_profiles where user_id <> '{users[0]}'")
    over.rows(f"insert into public.user_profiles (user_id) values ('{users[0]}')")
    run, plan = over.plan()
    assert run.exit_code == 2
    assert (plan.total, plan.existing, plan.rows) == (3, 1, 2)
    assert {user.id for user in plan.users} == set(users[1:])
    assert [trigger.name for trigger in plan.triggers] == ["unseen"]
    assert [guard.name for guard in plan.guards] == ["trigger"]
    assert "--fire-trigger unseen" in plan.guards[0].next_step
    assert over.one("select count(*) from public.user_profiles") == 1


def test_the_unseen_trigger_stops_a_sync(over: App) -> None:
    """What an insert fires is not known: exit 4 until the word is given, or the file allows it."""
    over.users(2)
    run = over.sync()
    assert run.exit_code == 4
    assert "unseen" in run.error
    assert over.synced(fire_triggers=UNSEEN).created == 2
    over.rows("delete from public.user_profiles")
    over.configure("allow_triggers: [unseen]")
    assert over.synced().created == 2


def test_sync(over: App, api: Api) -> None:
    """Thousands are created in bulk, each once; the journal stands in the file."""
    imported(over, 2_600)
    over.rows("insert into public.user_profiles (user_id) select id from auth.users limit 100")
    api.requests.clear()
    run = over.sync(fire_triggers=UNSEEN, max_rows=5_000, batch_size=1_000)
    assert run.exit_code == 0, run.error
    assert over.one("select count(*) from public.user_profiles where email is not null") == 2_500
    assert sum(method == "POST" for method, path in api.requests if "user_profiles" in path) <= 3
    history = over.run("status", history=9).history
    assert [event.event for event in history][-1] == "started"
    assert (
        sum(event.counts.get("created", 0) for event in history if event.event == "unit") == 2_500
    )
    assert over.sync(fire_triggers=UNSEEN).exit_code == 0


def test_workers_share_the_list(over: App) -> None:
    """Several workers create everybody once."""
    spread(over, 1_200)
    summary = over.synced(
        fire_triggers=UNSEEN, max_rows=5_000, first_fill=True, workers=3, batch_size=100
    )
    assert counts(summary) == {"created": 1_200, "failed": 0, "already_there": 0, "gone": 0}


def test_shares_and_limits(over: App) -> None:
    """Shares are disjoint and whole, a limit takes the oldest: as over a connection."""
    spread(over, 60)
    rows = [over.plan(share=(number, 3))[1].rows for number in (1, 2, 3)]
    assert sum(rows) == 60
    assert all(rows)
    assert over.synced(fire_triggers=UNSEEN, limit=7).created == 7
    oldest = over.rows("select id from auth.users order by created_at, id limit 7")
    made = over.rows("select user_id as id from public.user_profiles")
    assert {row["id"] for row in made} == {row["id"] for row in oldest}


def test_guards_hold(over: App) -> None:
    """max_rows, the first fill and consent in production stop it as everywhere."""
    imported(over, 1_100)
    run = over.sync(fire_triggers=UNSEEN)
    assert run.exit_code == 4
    assert "--max-rows" in " ".join(run.next_steps) or "1,100" in run.error
    over.configure(
        "targets: {live: {environment: production, api_url_env: SUPABASE_URL,"
        " api_key_env: SUPABASE_SERVICE_ROLE_KEY}}"
    )
    run = over.sync(fire_triggers=UNSEEN, max_rows=2_000, first_fill=True)
    assert run.exit_code == 3
    assert "is production" in run.error


def test_an_approved_plan(over: App) -> None:
    """A digest of this way approves exactly that plan, once; a latecomer is left out."""
    users = over.users(4)
    over.rows("delete from public.user_profiles")
    _, plan = over.plan()
    over.user(created_at=datetime.now(UTC))
    run = over.sync(approve=plan.digest, fire_triggers=UNSEEN)
    assert run.exit_code == 0, run.error
    made = over.rows("select user_id::text as id from public.user_profiles")
    assert {row["id"] for row in made} == set(users)
    assert any(note.startswith("no lock can be held this way") for note in run.notes)
    again = over.sync(approve=plan.digest, fire_triggers=UNSEEN)
    assert again.exit_code == 4
    assert "carried out already" in again.error


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("update auth.users set email = 'other@example.com' where id = '{0}'", "values"),
        ("delete from auth.users where id = '{0}'", "the users"),
        ("insert into public.user_profiles (user_id) values ('{0}')", "the users"),
        ("alter table public.user_profiles add column more text", "the profile table"),
    ],
)
def test_a_stale_plan(over: App, change: str, what: str) -> None:
    """Whatever this way can see and moved since makes the digest stale: exit 4, named."""
    users = over.users(3)
    _, plan = over.plan()
    over.rows(change.format(users[0]))
    run = over.sync(approve=plan.digest, fire_triggers=UNSEEN)
    assert run.exit_code == 4
    assert what in run.error


def test_no_rehearsal(over: App, api: Api) -> None:
    """--rehearse is exit 3 with the ways that can, and nothing was listed for it."""
    over.users(1)
    run = over.run("sync.rehearse", options=SyncOptions())
    assert run.exit_code == 3
    assert "SUPABASE_DB_URL" in " ".join(run.next_steps)
    assert not [path for _, path in api.requests if "/admin/" in path]


SETTINGS = """
profiles:
  - {table: profiles, key: id, columns: {username: user_metadata.name}}
"""


@pytest.fixture
def quick_start(before: App) -> App:
    """The table of the quick starts, which the service role may use; no API is up yet."""
    before.rows(PROFILES)
    before.rows("grant select, insert on public.profiles to service_role")
    before.configure(SETTINGS)
    return before


def test_rows_that_cannot_be_made(quick_start: App, over: App) -> None:
    """Each is isolated with SQLSTATE and constraint, told without a value; the others go in."""
    named = [over.user(raw_user_meta_data={"name": f"name {n}"}) for n in range(40)]
    twin = over.user(raw_user_meta_data={"name": "name 7"}, created_at="2000-01-01T00:00:00Z")
    over.user(raw_user_meta_data={"name": "xy"})
    over.user(raw_user_meta_data={})
    run = over.sync(fire_triggers=UNSEEN)
    summary = summary_of(run)
    assert counts(summary) == {"created": 40, "failed": 3, "already_there": 0, "gone": 0}
    assert {(group.sqlstate, group.condition, group.subject) for group in summary.failures} == {
        ("23505", "unique_violation", "profiles_username_key"),
        ("23514", "check_violation", "profiles_username_check"),
        ("23502", "not_null_violation", "username"),
    }
    assert run.exit_code == 2
    # The elder of two who want the same name has it.
    assert over.one(f"select count(*) from public.profiles where id = '{twin}'") == 1
    assert len(named) == 40
    assert "name 7" not in report.as_json(run)
    assert quick_start


def test_a_trigger_that_raises_or_drops(over: App) -> None:
    """What a trigger refuses is a failure without its words; what it drops stays missing."""
    users = over.users(5)
    over.rows(
        "create function public.odd() returns trigger language plpgsql as $$ begin"
        f" if new.user_id = '{users[1]}' then raise exception 'hidden words'; end if;"
        f" if new.user_id = '{users[2]}' then return null; end if; return new; end $$;"
        " create trigger odd before insert on public.user_profiles"
        " for each row execute function public.odd()"
    )
    run = over.sync(fire_triggers=UNSEEN)
    summary = summary_of(run)
    assert (summary.created, summary.failed) == (3, 1), run.error
    assert summary.failures[0].sqlstate == "P0001"
    assert summary.failures[0].subject == ""
    assert "1 planned users have no profile still" in run.error
    assert "hidden words" not in report.as_json(run)


def test_users_who_go_and_profiles_that_come(over: App, api: Api) -> None:
    """Deleted or given a profile between the list and the insert: neither failed nor created."""
    users = over.users(5)

    def meanwhile(method: str, path: str, _number: int) -> None:
        if method == "POST" and path.startswith("/rest/v1/user_profiles"):
            over.rows(f"delete from auth.users where id = '{users[0]}'")
            over.rows(
                "insert into public.user_profiles (user_id) values"
                f" ('{users[1]}') on conflict do nothing"
            )

    api.fault = meanwhile
    run = over.sync(fire_triggers=UNSEEN)
    assert counts(summary_of(run)) == {"created": 3, "failed": 0, "already_there": 1, "gone": 1}
    assert run.exit_code == 0, run.error


def test_a_break_in_the_middle(quick_start: App, over: App, api: Api) -> None:
    """What went in before the connection broke is counted, and the break is told: exit 1."""
    for number in range(8):
        over.user(raw_user_meta_data={"name": f"name {number}" if number != 7 else "x"})
    posts = 0

    def breaks(method: str, path: str, _number: int) -> Answer | None:
        nonlocal posts
        if method == "POST" and path.startswith("/rest/v1/profiles"):
            posts += 1
            return RESET if posts == 3 else None
        return None

    api.fault = breaks
    run = over.sync(fire_triggers=UNSEEN)
    there = over.one("select count(*) from public.profiles")
    assert run.exit_code == 1
    assert "the connection broke" in run.error
    assert 0 < summary_of(run).created == there < 7
    assert quick_start


def test_a_time_out_makes_batches_smaller(over: App, api: Api) -> None:
    """A statement that Postgres ended for its time is tried in halves."""
    imported(over, 64)
    slow = Answer(500, b'{"code": "57014", "message": "canceling statement", "details": null}')

    def fault(method: str, path: str, number: int) -> Answer | None:
        is_first = method == "POST" and path.startswith("/rest/v1/user_profiles") and not slowed
        if is_first:
            slowed.append(number)
            return slow
        return None

    slowed: list[int] = []
    api.fault = fault
    assert over.synced(fire_triggers=UNSEEN).created == 64


def test_create_profile(over: App, api: Api) -> None:
    """By whole id without a list; by the start of one and by address with one; nobody."""
    users = over.users(3)
    api.requests.clear()
    run = create(over, users[0], role="admin")
    assert run.exit_code == 0, run.error
    assert ("GET", "/auth/v1/admin/users") not in api.requests
    assert over.one("select role from public.user_profiles") == "admin"
    assert create(over, users[0]).steps[0].detail == "the profile is there already"
    assert create(over, users[1][:8]).exit_code == 0
    email = over.one(f"select email from auth.users where id = '{users[2]}'")
    assert create(over, email.upper()).exit_code == 0
    assert over.one("select count(*) from public.user_profiles") == 3
    assert create(over, "nobody@example.com").exit_code == 3
    assert create(over, "00000000-0000-4000-8000-000000000000").exit_code == 3


def test_create_profile_of_somebody_who_needs_none(over: App) -> None:
    """An anonymous user, and one of another audience, are refused with the reason."""
    anonymous = over.user(email=None, is_anonymous=True)
    run = create(over, anonymous)
    assert run.exit_code == 3
    assert "anonymous" in run.error
    run = create(over, over.user(aud="service"))
    assert run.exit_code == 3
    assert "of another audience" in run.error


def test_create_profile_guards(over: App) -> None:
    """The unseen trigger stops it as well."""
    user = over.user()
    run = over.run("create-profile", task="create-profile", reference=user)
    assert run.exit_code == 4
    assert "--fire-trigger unseen" in " ".join(run.next_steps)


def create(app: App, reference: str, **inputs: Any) -> Run:
    return app.run(
        "create-profile",
        task="create-profile",
        reference=reference,
        fire_triggers=UNSEEN,
        **inputs,
    )
