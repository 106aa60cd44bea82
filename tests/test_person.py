"""``doctor --user``: why one person cannot get in."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from invoke.program import Program

import usersync.tasks
from tests.api_server import api
from tests.app import PROFILES, App, spelled
from tests.migrated import applied, apply
from tests.unprepared import before, over
from usersync import report
from usersync.model import Run, Step
from usersync.repair import RepairOptions

__all__ = ["api", "before", "over"]

CONFIRMED = {"email_confirmed_at": "2026-01-01T00:00:00Z"}
ID = "0aa1b2c3-1111-4111-8111-111111111111"


def examined(app: App, reference: str) -> Run:
    return app.run("doctor.user", task="doctor", reference=reference)


def step(run: Run, name: str) -> Step:
    """The step of a run whose name ends so."""
    return next(one for one in run.steps if one.name.endswith(name))


def found(run: Run) -> list[str]:
    """The names of what keeps the person out."""
    return [one.name for one in run.steps if one.status == "finding"]


def with_profile(app: App, **columns: Any) -> str:
    """A confirmed user with a profile."""
    user_id = app.user(**CONFIRMED, **columns)
    app.rows("insert into public.user_profiles (user_id) values (%(id)s)", id=user_id)
    return user_id


def test_of_somebody_who_gets_in(app: App) -> None:
    """Nothing keeps them out: exit 0, no next command, the role is told."""
    user_id = with_profile(app, last_sign_in_at="2026-11-01T08:00:00Z")
    app.rows(
        "insert into auth.identities (provider_id, user_id, identity_data, provider)"
        " values ('1', %(id)s, '{}', 'github'), ('2', %(id)s, '{}', 'email')",
        id=user_id,
    )
    run = examined(app, user_id)
    assert (run.exit_code, found(run), run.next_steps) == (0, [], ())
    assert step(run, "identities").detail == "email, github"
    assert step(run, "last sign-in").detail == "2026-11-01 08:00:00 UTC"
    assert step(run, "profile in public.user_profiles(user_id)").detail == "there, role user"


def test_of_somebody_without_a_profile(app: App) -> None:
    """The profile is missing, it could be made, and the one next command makes it."""
    user_id = app.user(id=ID, email="anna@example.com", **CONFIRMED)
    run = examined(app, "0aa1b2c3")
    assert run.exit_code == 2
    assert found(run) == ["profile in public.user_profiles(user_id)"]
    assert step(run, "if it were made now").status == "ok"
    assert run.next_steps == (f"invoke create-profile {user_id}",)
    shown = report.terminal(run)
    assert "a***@example.com" in shown
    assert "anna@" not in shown
    assert ID not in shown
    assert ID in report.terminal(run, show_ids=True)
    assert "0aa1b2c3" in report.as_json(run)
    assert ID not in report.as_json(run)


def test_it_leaves_nothing(app: App) -> None:
    """What is tried is rolled back: no profile, no line of the journal."""
    apply(app)
    user_id = app.user(**CONFIRMED)
    app.rows("delete from public.user_profiles")
    journal = app.one("select count(*) from usersync.journal")
    assert examined(app, user_id).exit_code == 2
    assert app.one("select count(*) from public.user_profiles") == 0
    assert app.one("select count(*) from usersync.failures") == 0
    assert app.one("select count(*) from usersync.journal") == journal


def test_of_a_profile_that_cannot_be_made(app: App) -> None:
    """SQLSTATE and constraint are told, and the next command begins with their repair."""
    app.rows(PROFILES)
    app.configure("profiles: [{table: profiles, key: id, columns: {username: user_metadata.n}}]")
    app.user(raw_user_meta_data={"n": "anna"})
    app.sync()
    user_id = app.user(raw_user_meta_data={"n": "anna"}, **CONFIRMED)
    run = examined(app, user_id)
    assert run.exit_code == 2
    assert step(run, "if it were made now").detail == (
        "it fails: 23505 unique_violation profiles_username_key"
    )
    assert run.next_steps[0].startswith("another profile has that value")
    assert run.next_steps[0].endswith(f"; then: invoke create-profile {user_id}")
    assert "anna" not in report.as_json(run, show_ids=True).replace("user-", "")


OWN = """
create table public.spaces (owner uuid, name text unique);
create function public.give_space(who uuid, called text) returns void language plpgsql as
$$ begin
    insert into public.spaces (owner, name) values (who, called);
end $$;
create function public.handle() returns trigger language plpgsql security definer as
$$ begin
    insert into public.user_profiles (user_id) values (new.id);
    perform public.give_space(new.id, new.raw_user_meta_data ->> 'n');
    return new;
end $$;
create trigger handle after insert on auth.users for each row execute function public.handle();
"""


@pytest.fixture
def lacking(app: App) -> str:
    """A user who signed up before the app had its trigger; the space of that name is taken."""
    user_id = app.user(raw_user_meta_data={"n": "anna"}, **CONFIRMED)
    app.rows(OWN)
    return user_id


def test_the_own_function_is_what_is_tried(app: App, lacking: str) -> None:
    """Beside the app's own trigger its function makes the profile; nothing of it stays."""
    run = examined(app, lacking)
    tried = step(run, "if it were made now")
    assert (tried.status, tried.detail) == ("ok", "public.handle() makes it")
    assert run.next_steps == (f"invoke create-profile {lacking} --fire-trigger handle",)
    assert app.one("select count(*) from public.spaces") == 0
    assert app.one("select count(*) from public.user_profiles") == 0


def test_where_the_own_function_fails_is_told(app: App, lacking: str) -> None:
    """SQLSTATE, constraint, function and line, as sync and create-profile would meet them."""
    app.rows("insert into public.spaces (name) values ('anna')")
    run = examined(app, lacking)
    told = "23505 unique_violation spaces_name_key, in public.give_space(uuid,text) line 2"
    assert run.exit_code == 2
    assert step(run, "if it were made now").detail == f"it fails: {told}"
    assert run.next_steps[0].startswith("another row holds that value")
    made = app.run("create-profile", reference=lacking, yes=True, fire_triggers=("handle",))
    assert made.steps[0].detail == f"not created: {told}"


BROKEN = {
    "a table that is gone": ("drop table public.spaces", "42P01", "public.give_space(uuid,text)"),
    "a function that is gone": ("drop function public.give_space", "42883", "public.handle()"),
    "a column with another name": (
        "alter table public.spaces rename owner to person",
        "42703",
        "public.give_space(uuid,text)",
    ),
    "a right that it lacks": (
        "revoke insert on public.spaces from postgres",
        "42501",
        "public.give_space(uuid,text)",
    ),
}


@pytest.mark.parametrize(("change", "sqlstate", "place"), BROKEN.values(), ids=BROKEN)
def test_an_own_function_that_is_broken_is_a_finding(
    app: App, lacking: str, change: str, sqlstate: str, place: str
) -> None:
    """What fails for everybody is found too, with function and line, and no profile is advised."""
    app.rows(change)
    run = examined(app, lacking)
    tried = step(run, "if it were made now")
    assert (run.exit_code, tried.status) == (2, "finding")
    assert sqlstate in tried.detail
    assert f"in {place} line " in tried.detail
    assert "correct" in run.next_steps[0]
    made = app.run("create-profile", reference=lacking, yes=True, fire_triggers=("handle",))
    assert made.exit_code == 1
    assert f"in {place} line " in made.error


MADE_NONE = {
    "it swallows": (
        "begin insert into public.user_profiles values (1 / 0); exception when others then end;",
        "public.handle() made no profile for this user",
    ),
    "it raises": (
        "raise exception 'not you';",
        "it fails: P0001 raise_exception, in public.handle",
    ),
}


@pytest.mark.parametrize(("body", "told"), MADE_NONE.values(), ids=MADE_NONE)
def test_an_own_function_that_makes_none(app: App, lacking: str, body: str, told: str) -> None:
    """A function that hides its error, or refuses this user, is named."""
    app.rows(
        "create or replace function public.handle() returns trigger language plpgsql as $body$"
        " begin if new.id is null then insert into public.user_profiles (user_id) values (new.id);"
        f" end if; {body} return new; end $body$"
    )
    run = examined(app, lacking)
    assert step(run, "if it were made now").detail.startswith(told)
    assert "function" in run.next_steps[0]


def test_an_own_function_that_no_rollback_undoes(app: App, lacking: str) -> None:
    """It is not tried, and the command that fires it says so."""
    app.rows("""
        create or replace function public.give_space(who uuid, called text) returns void
            language plpgsql as $$ begin perform http_post('https://x.example'); end $$
    """)
    run = examined(app, lacking)
    assert step(run, "if it were made now").status == "skipped"
    assert run.next_steps == (f"invoke create-profile {lacking} --fire-trigger handle",)


def test_an_own_function_that_is_paused(app: App, lacking: str) -> None:
    """While it is paused it makes no profile, and resuming it is the next command."""
    paused = app.run("migration.pause", task="migration.pause", function=None)
    assert paused.exit_code == 0, paused.error
    run = examined(app, lacking)
    assert "public.handle() is paused" in step(run, "if it were made now").detail
    assert "migration.resume" in run.next_steps[0]


def test_what_was_recorded_at_the_sign_up_is_told(app: App) -> None:
    """A sign-up that went on without a profile says why and when, and whether that is over."""
    app.rows(PROFILES)
    app.configure("profiles: [{table: profiles, key: id, columns: {username: user_metadata.n}}]")
    apply(app)
    app.user(raw_user_meta_data={"n": "anna"})
    user_id = app.user(raw_user_meta_data={"n": "anna"}, **CONFIRMED)
    run = examined(app, user_id)
    recorded = step(run, "at the sign-up")
    assert recorded.status == "finding"
    told = "23505 unique_violation profiles_username_key, in trigger on_auth_user_created, "
    assert recorded.detail.startswith(told)
    assert recorded.detail.endswith(" UTC")
    assert found(run) == [
        "profile in public.profiles(id)", "if it were made now", "at the sign-up"
    ]  # fmt: skip
    app.rows("insert into public.profiles (id, username) values (%(id)s, 'anna2')", id=user_id)
    run = examined(app, user_id)
    assert (run.exit_code, step(run, "at the sign-up").status) == (0, "ok")


ACCOUNTS = {
    "unconfirmed": ({"email_confirmed_at": None}, "confirmed", "magic link"),
    "banned": ({"banned_until": "2999-01-01T00:00:00Z"}, "banned", "unban"),
    "banned for ever": ({"banned_until": "infinity"}, "banned", "unban"),
    "soft-deleted": ({"deleted_at": "2026-02-01T00:00:00Z"}, "soft-deleted", "signs up again"),
    "unreadable": ({"recovery_token": None}, "readable", "coalesce(\"recovery_token\", '')"),
    "unreadable too": ({"phone_change": None}, "readable", "coalesce(\"phone_change\", '')"),
    "another audience": ({"aud": "other"}, "audience", "compare aud"),
}


@pytest.mark.parametrize(("columns", "name", "helps"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_of_an_account_that_signs_nobody_in(
    app: App, columns: dict[str, Any], name: str, helps: str
) -> None:
    """What the Auth server stops at is found, and what helps is the next step."""
    user_id = app.user(**(CONFIRMED | columns))
    app.rows("insert into public.user_profiles (user_id) values (%(id)s)", id=user_id)
    run = examined(app, user_id)
    assert (run.exit_code, found(run)) == (2, [name])
    assert helps in run.next_steps[0]


def test_null_tokens_are_repaired_with_a_way_back(app: App) -> None:
    """Where usersync can keep the old value its own repair is the next step, and it helps."""
    applied(app)
    user_id = app.user(**(CONFIRMED | {"recovery_token": None}))
    assert examined(app, user_id).next_steps[0] == "invoke repair.tokens --dry-run"
    assert app.run("repair.tokens", options=RepairOptions(yes=True)).exit_code == 0
    assert "readable" not in found(examined(app, user_id))


def test_a_ban_that_is_over_keeps_nobody_out(app: App) -> None:
    """A ban of the past is no reason."""
    assert examined(app, with_profile(app, banned_until="2020-01-01T00:00:00Z")).exit_code == 0


def test_the_rule_that_leaves_them_out_is_named(app: App) -> None:
    """Somebody excluded has no profile for the reason that usersync.yaml gives."""
    app.configure("users: {exclude: [{email_domains: [bots.example], reason: robots}]}")
    user_id = app.user(email="r2@bots.example", **CONFIRMED)
    run = examined(app, user_id)
    assert run.exit_code == 2
    detail = step(run, "profile in public.user_profiles(user_id)").detail
    assert detail == "none: excluded (robots), by users.exclude in usersync.yaml"
    assert "users.exclude" in run.next_steps[0]


def test_anonymous_users_are_left_out_by_default(app: App) -> None:
    """Of an anonymous user the rule is users.anonymous."""
    run = examined(app, app.user(email=None, is_anonymous=True))
    assert "by users.anonymous" in step(run, "profile in public.user_profiles(user_id)").detail
    assert "anonymous" in step(run, "identities").detail


def test_flags_of_the_profile(app: App) -> None:
    """Columns that close the app to somebody are told, and found where they do."""
    app.rows("alter table public.user_profiles"
             " add banned_at timestamptz, add status text not null default 'active'")  # fmt: skip
    user_id = with_profile(app)
    assert examined(app, user_id).exit_code == 0
    app.rows("update public.user_profiles set is_active = false, status = 'suspended'")
    run = examined(app, user_id)
    details = [one.detail for one in run.steps if one.status == "finding"]
    assert [detail.partition(":")[0] for detail in details] == [
        "is_active is false",
        "status is suspended",
    ]
    assert run.exit_code == 2


def test_an_address_of_several(app: App) -> None:
    """Of an address that two SSO users share both are told, numbered."""
    with_profile(app, email="anna@example.com", is_sso_user=True)
    app.user(email="anna@example.com", is_sso_user=True)
    run = examined(app, "Anna@Example.com")
    assert run.exit_code == 2
    heads = [one.name for one in run.steps if one.name.endswith("user")]
    assert heads == ["1 of 2: user", "2 of 2: user"]
    assert all("SSO" in one.detail for one in run.steps if one.name.endswith("identities"))
    assert len({one.user_id for one in run.steps if one.user_id}) == 2
    assert [f"invoke doctor --user {one.user_id}" for one in run.steps if one.user_id] == list(
        run.next_steps[1:]
    )
    assert "which of them" in run.next_steps[0]


def test_an_address_that_more_share_than_are_told(app: App) -> None:
    """Three of them are told, and that there are more."""
    for _ in range(4):
        with_profile(app, email="anna@example.com", is_sso_user=True)
    run = examined(app, "anna@example.com")
    heads = [one.name for one in run.steps if one.name.endswith("user")]
    assert heads == [f"{number} of 3 or more: user" for number in (1, 2, 3)]
    assert run.notes[0] == "3 or more users have this address."
    assert (run.exit_code, run.next_steps) == (0, ())


def test_the_address_of_several_on_standard_input(
    app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which of them is asked with their short ids, and one of these is an answer."""
    app.user(id=ID, email="anna@example.com", is_sso_user=True, **CONFIRMED)
    with_profile(app, email="anna@example.com", is_sso_user=True)
    assert _type(["doctor", "--user", "-"], "anna@example.com\n", monkeypatch) == 2
    printed = capsys.readouterr().out
    assert "anna@" not in printed
    assert "doctor --user 0aa1b2c3\n" in printed
    assert _type(["doctor", "--user", "-"], "0aa1b2c3\n", monkeypatch) == 2
    assert "create-profile 0aa1b2c3\n" in capsys.readouterr().out


REFUSED = {
    "malformed": ("not-an-id", "no user id"),
    "unknown": ("11111111-1111-4111-8111-111111111111", "no user in auth.users"),
    "an unknown address": ("nobody@example.com", "no user in auth.users has this address"),
    "ambiguous": ("0aa1b2c3", "several users"),
    "gone": ("22222222-2222-4222-8222-222222222222", "the account was deleted"),
}


@pytest.mark.parametrize(("reference", "told"), REFUSED.values(), ids=REFUSED)
def test_nobody_is_meant(app: App, reference: str, told: str) -> None:
    """An id that means nobody, or several, is exit 3."""
    app.user(id=ID)
    app.user(id="0aa1b2c3-2222-4111-8111-111111111111")
    app.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    gone = "22222222-2222-4222-8222-222222222222"
    app.rows("insert into public.user_profiles (user_id) values (%(id)s)", id=gone)
    run = examined(app, reference)
    assert run.exit_code == 3
    assert told in run.error


@pytest.mark.parametrize("reference", spelled("22222222-2222-4222-8222-222222222222"))
def test_a_profile_that_is_left_is_told_of_every_spelling(app: App, reference: str) -> None:
    """However the id of a deleted account is written, its profile is found, the id told short."""
    app.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    gone = "22222222-2222-4222-8222-222222222222"
    app.rows("insert into public.user_profiles (user_id) values (%(id)s)", id=gone)
    run = examined(app, reference)
    assert f"the id {gone}, and public.user_profiles(user_id) has a profile of it" in run.error
    assert "the id 22222222, and" in report.terminal(run)


def test_a_trigger_that_reaches_outside_is_not_fired(app: App) -> None:
    """Nothing is tried that ROLLBACK would not take back: the trigger is named instead."""
    app.rows("""
        create function public.tell() returns trigger language plpgsql as
            $$ begin perform http_post('https://x.example'); return new; end $$;
        create trigger tell after insert on public.user_profiles
            for each row execute function public.tell();
    """)
    run = examined(app, app.user(**CONFIRMED))
    tried = step(run, "if it were made now")
    assert tried.status == "skipped"
    assert "tell" in tried.detail
    assert "--fire-trigger tell" in run.next_steps[0]


def test_a_hostile_address_is_one_harmless_line(app: App) -> None:
    """What users write acts on no terminal and no log."""
    user_id = app.user(email="a\x1b[31m::error::@example.com", **CONFIRMED,
                       raw_app_meta_data={"provider": "\x1b]0;::set-output"})  # fmt: skip
    shown = report.terminal(examined(app, user_id), show_ids=True)
    assert "\x1b" not in shown
    assert "::" not in shown


@pytest.mark.parametrize("typed", ["anna@example.com", ID])
def test_standard_input_names_the_person(
    app: App, typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--user -`` reads the address, or the id, so that no history keeps it."""
    app.user(id=ID, email="anna@example.com", **CONFIRMED)
    assert _type(["doctor", "--user", "-"], f"{typed}\n", monkeypatch) == 2
    printed = capsys.readouterr().out
    assert "a***@example.com" in printed
    assert "anna@" not in printed


def test_an_address_as_a_word_is_taken_with_a_warning(
    app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An address on the command line works, and says what keeps it."""
    with_profile(app, email="anna@example.com")
    assert _type(["doctor", "--user", "anna@example.com"], "", monkeypatch) == 0
    assert "`--user -`" in capsys.readouterr().err


def test_an_empty_standard_input_is_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """No reference, no answer: exit 3."""
    assert app.status().total == 0
    assert _type(["doctor", "--user", "-"], "", monkeypatch) == 3


def test_over_the_api_it_tells_what_it_can(over: App) -> None:
    """Over the API the account and the profile are told, and what cannot be tried is said."""
    user_id = over.user(**CONFIRMED, banned_until="2999-01-01T00:00:00Z")
    run = examined(over, user_id)
    assert run.exit_code == 2
    assert found(run) == ["banned", "profile in public.user_profiles(user_id)"]
    assert step(run, "if it were made now").status == "skipped"
    assert step(run, "flags").status == "skipped"


def test_over_the_functions_of_the_api(over: App) -> None:
    """With our functions there it is the same, and nothing is written."""
    apply_over_connection(over)
    user_id = over.user(**CONFIRMED)
    over.rows("delete from public.user_profiles")
    run = examined(over, user_id)
    assert run.exit_code == 2
    assert step(run, "confirmed").status == "ok"
    assert step(run, "if it were made now").status == "skipped"
    assert over.one("select count(*) from public.user_profiles") == 0


def test_an_own_function_over_the_api(over: App) -> None:
    """Over the API nothing runs it: that is found, with both ways out."""
    over.rows(OWN)
    user_id = over.user(**CONFIRMED)
    over.rows("delete from public.user_profiles")
    apply_over_connection(over)
    run = examined(over, user_id)
    assert run.exit_code == 2
    told = " ".join(run.next_steps)
    assert "SUPABASE_DB_URL" in told
    assert "create: columns" in told


def apply_over_connection(app: App) -> None:
    """Install the migration, for which a connection is needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUPABASE_DB_URL", app.url)
        apply(app)


def _type(words: list[str], typed: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Type a command; its exit code."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    monkeypatch.setattr(sys, "argv", ["usersync", *words])
    try:
        Program(namespace=usersync.tasks.namespace, name="usersync", version="1").run(
            ["usersync", *words]
        )
    except SystemExit as end:
        return int(end.code or 0)
    return 0
