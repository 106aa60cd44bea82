"""Before the migration: the counts of the Auth server's list of users, and nothing guessed."""

from __future__ import annotations

import json
import uuid

import pytest

from tests import auth_admin
from tests.api_server import Answer, Api, api
from tests.app import App
from tests.faults import started
from tests.unprepared import (
    Crowd,
    before,
    both,
    given_profiles,
    imported,
    over,
    readable,
    spread,
)
from usersync import local, report
from usersync.backends.api.unprepared.pile import Packed, Pile
from usersync.backends.api.unprepared.uuid_hash import uuid_hash

pytestmark = pytest.mark.any_postgres

__all__ = ["api", "before", "over"]


def test_status(over: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over users of many kinds the counts, since when and by provider are those of a connection."""
    local.seed(over.url, users=2_500, missing=40)
    readable(over)
    direct, listed = both(over, monkeypatch, "status")
    assert listed.exit_code == direct.exit_code == 2
    one, other = direct.tables[0].status, listed.tables[0].status
    assert one is not None
    assert other is not None
    assert other.missing == 40
    for name in ("total", "existing", "not_counted", "soft_deleted_with_profile", "email_drift"):
        assert getattr(other, name) == getattr(one, name), name
    assert other.missing_detail == one.missing_detail
    assert other.last_with_profile_at == one.last_with_profile_at
    assert "could not tell: 35 of 38 checks need a database connection" in listed.notes
    lists = [path for method, path in api.requests if path == "/auth/v1/admin/users"]
    assert len(lists) == 6


def test_everybody_has_a_profile(over: App) -> None:
    """In sync is exit 0, with what this way cannot tell said all the same."""
    over.users(3)
    given_profiles(over)
    run = over.run("status")
    assert run.exit_code == 0, run.error
    assert any(note.startswith("could not tell: 35 of 38") for note in run.notes)


def test_a_hash_of_postgres(app: App) -> None:
    """The hash of an id is Postgres's own, so that digests and shares mean the same users."""
    ids = [str(uuid.uuid4()) for _ in range(200)]
    for one in app.rows(
        "select id::text, seed, uuid_hash_extended(id, seed) as hash"
        " from unnest(%(ids)s::uuid[]) as id, generate_series(0, 3) as seed",
        ids=ids,
    ):
        assert uuid_hash(uuid.UUID(one["id"]).bytes, one["seed"]) == one["hash"]


def test_who_cannot_be_seen_is_named(over: App) -> None:
    """Profiles of users of another audience or instance, and of nobody, are told as unseen."""
    over.user()
    hidden = [
        over.user(aud="service"),
        over.user(instance_id="11111111-1111-1111-1111-111111111111"),
    ]
    given_profiles(over)
    over.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    over.rows("insert into public.user_profiles (user_id) values (gen_random_uuid())")
    run = over.run("status")
    status = run.tables[0].status
    assert status is not None
    assert (status.total, status.existing, status.orphans) == (1, 1, 0)
    assert len(hidden) == 2
    assert any(
        note.startswith("profiles of users whom the API's list does not show: 3 (")
        for note in run.notes
    )
    assert run.exit_code == 0


def test_soft_deleted_and_excluded_with_a_profile(
    over: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The findings that a list can tell are those of a connection."""
    over.configure("users: {exclude: [{email_domains: [bots.example], reason: robots}]}")
    users = over.users(3)
    over.user(email="robot@Bots.Example")
    given_profiles(over)
    over.rows(f"update auth.users set deleted_at = now() where id = '{users[0]}'")
    over.rows(f"update auth.users set email = 'new@example.com' where id = '{users[1]}'")
    direct, listed = both(over, monkeypatch, "status")
    assert listed.exit_code == direct.exit_code == 2
    for one, other in zip(direct.tables[0].checks, listed.tables[0].checks, strict=True):
        assert (other.check, other.count, other.level) == (one.check, one.count, one.level)
        assert [f.id for f in other.findings] == [f.id for f in one.findings]


@pytest.mark.parametrize("column", ["confirmation_token", "role", "created_at"])
def test_a_user_that_the_auth_server_cannot_read(over: App, column: str) -> None:
    """One such user fails the list: exit 1, with the row, its neighbours and the remedy."""
    over.rows(
        "insert into auth.users (id, instance_id, aud, role, email, created_at, updated_at,"
        " confirmation_token, recovery_token, email_change, email_change_token_new)"
        " select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', '',"
        " 'many-' || n || '@example.com', now() - make_interval(secs => 100 + n), now(),"
        " '', '', '', '' from generate_series(1, 1500) as n"
    )
    over.rows(f"update auth.users set {column} = null where email = 'many-1250@example.com'")
    run = over.run("status")
    assert run.exit_code == 1
    row = "row 1 of the list" if column == "created_at" else "row 1,250 of the list, newest first"
    assert row in run.error
    older = over.one("select id::text from auth.users where email = 'many-1251@example.com'")
    assert column == "created_at" or f"(user {older})" in run.error
    assert any("update auth.users set confirmation_token" in line for line in run.next_steps)
    assert "many-" not in report.as_json(run)


def test_quick(over: App, api: Api) -> None:
    """--quick takes two requests behind the one that opens the door; what it leaves out is said."""
    over.users(3)
    over.user(email=None, is_anonymous=True)
    over.rows("delete from public.user_profiles")
    api.requests.clear()
    run = over.run("status", quick=True)
    assert api.requests[1:] == [
        ("GET", "/auth/v1/admin/users"),
        ("HEAD", "/rest/v1/user_profiles"),
    ]
    status = run.tables[0].status
    assert status is not None
    assert (status.total, status.existing) == (4, 0)
    assert run.exit_code == 2
    assert any("who need no profile (anonymous" in note for note in run.notes)


def test_many_users_are_not_listed_unasked(over: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit, without a terminal: exit 3 with what it takes, unless it is allowed."""
    monkeypatch.setattr("usersync.backends.api.unprepared.cost.UNATTENDED_USERS", 2)
    over.users(3)
    run = over.run("status")
    assert run.exit_code == 3
    assert "3 users, about 3 requests" in run.error
    assert any("allow_full_listing" in line for line in run.next_steps)
    over.answer = True
    assert over.run("status").exit_code in (0, 2)
    over.answer = None
    over.configure("allow_full_listing: true")
    assert over.run("status").exit_code in (0, 2)


@pytest.mark.parametrize("asked_for", [100, 5])
def test_users_who_share_a_sign_up_time(
    over: App, api: Api, monkeypatch: pytest.MonkeyPatch, asked_for: int
) -> None:
    """Rows that repeat and vanish between pages of equals: everybody is counted, once."""
    monkeypatch.setattr("usersync.backends.api.unprepared.listing._ASKED_FOR", asked_for)
    imported(over, 2_700)
    over.rows(
        "update auth.users set created_at ="
        " now() - make_interval(hours => abs(hashtext(email)) % 7, mins => 10)"
    )
    status = over.status()
    assert (status.total, status.existing) == (2_700, 0)
    # Two passes alone do not see everybody: Postgres sorts equals anew for each page.
    assert sum(path == "/auth/v1/admin/users" for _, path in api.requests) > 6


def test_users_who_come_and_go_while_they_are_listed(over: App, api: Api) -> None:
    """Deleted between pages and passes, signed up meanwhile: the counts are those of the beginning
    without who is gone."""
    spread(over, 2_500)
    crowd = Crowd(over, api)
    newcomer = (
        "insert into auth.users (id, instance_id, aud, role, email, created_at, updated_at,"
        " confirmation_token, recovery_token, email_change, email_change_token_new)"
        " select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', '',"
        " 'late-' || gen_random_uuid(), now() + interval '5 seconds', now(), '', '', '', ''"
        " from generate_series(1, 3)"
    )
    gone = "delete from auth.users where email in ('many-{0}@example.com', 'many-{1}@example.com')"
    crowd.at = {2: gone.format(5, 1500), 3: newcomer, 5: gone.format(7, 2300), 6: newcomer}
    status = over.status()
    assert (status.total, status.existing, status.missing) == (2_496, 0, 2_496)


def test_what_it_takes_is_said_first(over: App) -> None:
    """Requests, size and time go to standard error; with --json nobody says anything."""
    over.users(3)
    with started(over, "status") as command:
        code, _, told = command.end()
    assert code == 2
    assert "listing over the API: 3 users, about 3 requests, less than 1 MB" in told
    with started(over, "status", "--json") as command:
        code, printed, told = command.end()
    assert code == 2
    assert json.loads(printed)["tables"]
    assert "listing" not in told


def test_a_list_that_is_never_whole(over: App, api: Api) -> None:
    """When users that the total counts are on no page the answer is none: exit 1, the other way."""
    spread(over, 1_500)

    def with_holes(method: str, path: str, _number: int) -> Answer | None:
        head, _, query = path.partition("?")
        if head != "/auth/v1/admin/users":
            return None
        reply = auth_admin.answer(api.database, method, "", query, b"")
        body = reply.body | {"users": reply.body["users"][:-120]}
        return Answer(200, json.dumps(body).encode(), headers=tuple(reply.headers.items()))

    api.fault = with_holes
    run = over.run("status")
    assert run.exit_code == 1
    assert "does not hold still" in run.error
    assert "SUPABASE_DB_URL" in run.next_steps[0]


def test_a_pile_of_records() -> None:
    """Records come back in their order, as often as they were added, and by their number."""
    pile = Pile()
    made = [f"{number * 7919 % 120_000:06d}".encode() for number in range(120_000)]
    for one in [*made, b"000005", b""]:
        pile.add(one)
    wanted = sorted([*made, b"000005", b""])
    assert list(pile) == wanted
    packed = Packed(pile.drained())
    assert list(pile) == []
    assert len(packed) == len(wanted)
    assert (packed[0], packed[7], packed[len(packed) - 1]) == (b"", wanted[7], wanted[-1])
    with pytest.raises(IndexError):
        packed[len(packed)]


def test_connect_check(over: App) -> None:
    """The check of the connection says that our functions are not there, and how they get there."""
    run = over.run("connect.check")
    assert run.exit_code == 2
    problem = next(step for step in run.steps if step.name == "problem")
    assert "usersync is not installed there" in problem.detail
    assert "migration.apply" in problem.next_step
    seen = {step.name: step for step in run.steps}["row security"]
    assert (seen.status, seen.detail.partition(":")[0]) == ("unknown", "not seen this way")
