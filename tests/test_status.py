"""``status``: the counts, since when, and who else has a profile."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from usersync import local


def profile(app: App, user_id: str, email: str | None = None) -> None:
    app.rows(
        "insert into public.user_profiles (user_id, email)"
        " select id, coalesce(%(email)s, email) from auth.users where id = %(id)s",
        id=user_id,
        email=email,
    )


def test_counts_who_needs_a_profile_and_who_has_one(app: App) -> None:
    """Total, existing and missing are of the users that need a profile, and exit is 2."""
    for user_id in app.users(3):
        profile(app, user_id)
    app.users(2)
    run = app.run("status")
    status = run.tables[0].status
    assert status is not None
    assert (status.total, status.existing, status.missing) == (5, 3, 2)
    assert status.sync_percentage == "60.00%"
    assert run.exit_code == 2


def test_in_sync_is_exit_0(app: App) -> None:
    """With nobody missing and no finding, status exits 0."""
    profile(app, app.user())
    run = app.run("status")
    assert (run.exit_code, run.next_steps, run.error) == (0, (), "")


def test_an_empty_auth_users_is_in_sync(app: App) -> None:
    """Nothing of nothing is missing: 100 %, exit 0."""
    run = app.run("status")
    status = run.tables[0].status
    assert status is not None
    assert (status.total, status.sync_percentage, run.exit_code) == (0, "100%", 0)


def test_every_kind_of_user_is_counted_once(app: App) -> None:
    """Who needs no profile is named by the first reason that holds; banned users need one."""
    app.user(email_confirmed_at=None, banned_until=datetime.now(UTC) + timedelta(days=1))
    app.user(email=None, phone="491700000001")
    app.user(is_anonymous=True, email=None, raw_app_meta_data={})
    app.user(deleted_at=datetime.now(UTC), is_anonymous=True)
    app.user(aud="other")
    app.user(aud=None)
    app.user(instance_id=None)
    app.user(instance_id="11111111-0000-0000-0000-000000000000")
    app.user(email="robot@Bots.example.com")
    app.configure(
        "users: {exclude: [{reason: service accounts, email_domains: [bots.example.com]}]}"
    )
    status = app.status()
    assert {kind.name: kind.count for kind in status.not_counted} == {
        "soft-deleted": 1,
        "anonymous": 1,
        "of another audience": 2,
        "of another instance": 2,
        "excluded (service accounts)": 1,
    }
    assert status.total == status.missing == 2


@pytest.mark.parametrize(
    ("rule", "left_out"),
    [
        ("ids: [11111111-1111-1111-1111-111111111111]", {"one"}),
        ("email_domains: [corp.example]", {"two"}),
        ("providers: [github]", {"three"}),
        ("sso: true", {"four"}),
        ("audiences: [authenticated]", {"one", "two", "three", "four", "five"}),
        ("app_metadata: {kind: bot, level: 3}", {"five"}),
        ("providers: [github], email_domains: [corp.example]", set()),
    ],
)
def test_each_condition_of_an_exclude_rule(app: App, rule: str, left_out: set[str]) -> None:
    """An exclude rule leaves out exactly the users for whom all of its conditions hold."""
    app.user(id="11111111-1111-1111-1111-111111111111", email="one@example.com")
    app.user(email="two@CORP.example")
    app.user(email="three@example.com", raw_app_meta_data={"provider": "github"})
    app.user(email="four@example.com", is_sso_user=True)
    app.user(email="five@example.com", raw_app_meta_data={"kind": "bot", "level": 3, "x": 1})
    app.user(email=None, phone="491700000001", raw_app_meta_data=None)
    app.configure(f"users: {{audiences: [authenticated], exclude: [{{reason: r, {rule}}}]}}")
    excluded = 6 - app.status().total
    everybody = rule == "audiences: [authenticated]"
    assert excluded == len(left_out) + everybody


def test_anonymous_users_count_when_configured(app: App) -> None:
    """``users.anonymous: true`` makes anonymous users need a profile."""
    app.user(is_anonymous=True, email=None)
    app.configure("users: {anonymous: true}")
    assert app.status().missing == 1


def test_since_when_by_day_and_by_provider(app: App) -> None:
    """The missing are told by oldest, newest, day of the last 14 and provider."""
    now = datetime.now(UTC).replace(microsecond=0)
    healthy = app.user(created_at=now - timedelta(days=4))
    profile(app, healthy)
    for days, provider in ((3, "email"), (3, "google"), (1, "email"), (40, "email")):
        app.user(created_at=now - timedelta(days=days), raw_app_meta_data={"provider": provider})
    status = app.status()
    missing = status.missing_detail
    assert missing is not None
    assert missing.oldest_at == now - timedelta(days=40)
    assert missing.newest_at == now - timedelta(days=1)
    assert status.last_with_profile_at == now - timedelta(days=4)
    assert len(missing.per_day) == 14
    assert missing.per_day[-1].day == now.date()
    by_day = {day.day: day.count for day in missing.per_day if day.count}
    assert by_day == {(now - timedelta(days=3)).date(): 2, (now - timedelta(days=1)).date(): 1}
    assert [(p.name, p.count) for p in missing.by_provider] == [("email", 3), ("google", 1)]


def test_users_without_a_date_are_counted(app: App) -> None:
    """A user made by plain SQL without a sign-up time is missing like any other."""
    app.user(created_at=None, raw_app_meta_data=None)
    status = app.status(verbose=True)
    assert status.missing_detail is not None
    assert status.missing_detail.oldest_at is None
    assert [user.created_at for user in status.missing_detail.users] == [None]


def test_quick_is_two_counts(app: App) -> None:
    """``--quick`` gives total and existing and asks for nothing else."""
    profile(app, app.user())
    app.user()
    status = app.status(quick=True)
    assert (status.total, status.existing, status.missing_detail) == (2, 1, None)


def test_verbose_lists_masked_users(app: App) -> None:
    """``--verbose`` lists the missing, oldest first, with masked addresses."""
    old = app.user(email="anna@example.com", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    app.user(email="bert@example.com")
    status = app.status(verbose=True)
    assert status.missing_detail is not None
    users = status.missing_detail.users
    assert [user.email for user in users] == ["a***@example.com", "b***@example.com"]
    assert users[0].id == old


def test_lists_end_at_100_with_the_full_count(app: App) -> None:
    """A list shows the first 100; the count stays whole."""
    app.many_users(120)
    status = app.status(verbose=True)
    assert status.missing_detail is not None
    assert (len(status.missing_detail.users), status.missing) == (100, 120)


def test_ids_to_streams_all_ids(app: App) -> None:
    """``--ids-to`` writes the whole id of every missing user to a file for its user alone."""
    ids = {app.user(created_at=None), *app.users(2)}
    app.many_users(150)
    run = app.run("status", ids_to="ids.txt")
    written = (app.folder / "ids.txt").read_text().split()
    assert len(written) == 153
    assert ids < set(written)
    assert stat.S_IMODE((app.folder / "ids.txt").stat().st_mode) == 0o600
    assert run.notes == ("153 ids written to ids.txt",)
    assert app.run("status", ids_to="no/folder/ids.txt").exit_code == 3


@pytest.fixture
def findings(app: App) -> App:
    """An app with one orphan, one soft-deleted, one drifted and one excluded profile."""
    app.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    app.rows(
        "insert into public.user_profiles (user_id, email) values"
        " ('99999999-9999-9999-9999-999999999999', 'gone@example.com')"
    )
    profile(app, app.user(deleted_at=datetime.now(UTC), email="hash"), "was@example.com")
    profile(app, app.user(email="new@example.com"), "old@example.com")
    profile(app, app.user(email="same@example.com"), "SAME@example.com")
    profile(app, app.user(is_anonymous=True, email=None))
    return app


def test_findings(findings: App) -> None:
    """Orphans, soft-deleted, excluded and drifted profiles are findings; capitals are no drift."""
    run = findings.run("status")
    found = {check.check: (check.level, check.count) for check in run.tables[0].checks}
    assert found == {
        "orphan_profile": ("warning", 1),
        "soft_deleted_with_profile": ("info", 1),
        "excluded_with_profile": ("info", 1),
        "email_drift": ("warning", 1),
    }
    status = run.tables[0].status
    assert status is not None
    assert (status.orphans, status.email_drift, status.missing) == (1, 1, 0)
    assert run.exit_code == 2


def test_accepted_findings_are_shown_and_not_in_the_exit_code(findings: App) -> None:
    """``accept:`` by id or short id takes a finding out of the exit code until its day."""
    (drifted,) = findings.rows("select user_id from public.user_profiles where email like 'old%'")
    findings.configure(
        "accept:\n"
        "  - {id: 'orphan_profile:99999999', reason: known, until: 2999-12-31}\n"
        f"  - {{id: 'email_drift:{drifted['user_id']}', reason: asked for, until: 2999-12-31}}\n"
    )
    run = findings.run("status")
    accepted = {c.check: (c.count, c.accepted) for c in run.tables[0].checks if c.accepted}
    assert accepted == {"orphan_profile": (1, 1), "email_drift": (1, 1)}
    assert run.exit_code == 0


def test_an_expired_acceptance_is_a_finding_again(findings: App) -> None:
    """After its day an accepted finding counts."""
    findings.configure(
        "accept: [{id: 'orphan_profile:99999999', reason: known, until: 2020-01-01}]"
    )
    assert findings.run("status").exit_code == 2


def test_a_table_without_an_email_column_has_no_email_drift(app: App) -> None:
    """Without a column that holds the address nothing is compared."""
    app.configure("profiles: [{table: user_profiles, key: user_id}]")
    profile(app, app.user(email="new@example.com"), "old@example.com")
    assert app.status().email_drift == 0


def test_status_writes_nothing(app: App) -> None:
    """Status leaves no journal, no row and no change of any kind."""
    app.user()
    before = app.next_transaction()
    app.run("status", verbose=True)
    assert app.next_transaction() == before
    assert not (app.folder.parent / "state").exists()


def test_a_reader_who_cannot_see_users_is_no_answer(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row security that hides auth.users is exit 1, never "0 users, all profiles are orphans"."""
    profile(app, app.user())
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "do $$ begin if to_regrole('blind') is null"
            " then create role blind login; end if; end $$"
        )
        admin.execute("grant usage on schema auth to blind")
        admin.execute("grant select on auth.users to blind")
        admin.execute("grant select on public.user_profiles to blind")
    monkeypatch.setenv("SUPABASE_DB_URL", database.url_of("blind"))
    run = app.run("status")
    assert run.exit_code == 1
    assert "row security hides auth.users from blind" in run.error
    assert run.tables == ()


def test_a_reader_without_rights_is_no_answer(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that may not read auth.users at all is exit 1 with the way out."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "do $$ begin if to_regrole('nobody') is null"
            " then create role nobody login; end if; end $$"
        )
    monkeypatch.setenv("SUPABASE_DB_URL", database.url_of("nobody"))
    run = app.run("status")
    assert run.exit_code == 1
    assert "may not read auth.users" in run.error
    assert "connect as postgres" in run.next_steps[0]


def test_seeded_data_is_measured_as_it_was_made(app: App) -> None:
    """The seed's promise and the measured drift are the same."""
    local.seed(app.url, users=150, missing=5)
    status = app.status()
    assert (status.total, status.missing) == (150, 5)


def test_two_tables_are_measured_apart(app: App) -> None:
    """Each entry of profiles: has its own counts; the worst one decides the exit code."""
    app.rows(
        "create schema app;"
        " create table app.user_profiles (like public.user_profiles including all)"
    )
    user_id = app.user()
    profile(app, user_id)
    app.configure(
        "profiles:\n"
        "  - {table: user_profiles, key: user_id}\n"
        "  - {schema: app, table: user_profiles, key: user_id}\n"
    )
    run = app.run("status")
    missing = {result.table: result.status.missing for result in run.tables if result.status}
    assert missing == {"public.user_profiles(user_id)": 0, "app.user_profiles(user_id)": 1}
    assert run.exit_code == 2
