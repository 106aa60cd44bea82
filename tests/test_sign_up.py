"""What the installed triggers do at sign-ups and at changes of users, and that they stop none."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.app import PROFILES, App
from tests.conftest import Database
from tests.migrated import applied, apply

FOLLOWED = """
profiles:
  - table: user_profiles
    key: user_id
    columns:
      email: email
      full_name: [user_metadata.full_name, phone]
    follow: [email, full_name]
"""

MADE = """
profiles:
  - table: members
    key: id
    columns: {email: email, full_name: user_metadata.full_name}
"""

#: Nobody's profile fits this table for long.
NARROW = "alter table public.user_profiles add constraint narrow check (email like 'user-%')"

FAILURES = """
select user_id::text, profile_table, trigger_name, sqlstate, constraint_name
from usersync.failures order by id
"""


def follow(app: App, install: str = "") -> None:
    """Install with two columns that follow."""
    app.rows("alter table public.user_profiles add column full_name text")
    app.configure(install + FOLLOWED)
    applied(app)


def profiles(app: App) -> list[str]:
    """Who has a profile."""
    return [row["id"] for row in app.rows("select user_id::text as id from public.user_profiles")]


def update(app: App, user: str, **columns: Any) -> None:
    """Change a user as GoTrue does."""
    assignments = ", ".join(f"{name} = %({name})s" for name in columns)
    app.rows(f"update auth.users set {assignments} where id = '{user}'", **columns)


# -- who gets one ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        {"is_anonymous": True, "email": None},
        {"aud": "service"},
        {"instance_id": "00000000-0000-0000-0000-000000000001"},
        {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"email": "robot@bots.example"},
    ],
)
def test_who_needs_none_gets_none(app: App, columns: dict[str, Any]) -> None:
    """The trigger honours the predicate of the configuration, its exclusions too."""
    app.configure('users: {exclude: [{email_domains: [bots.example], reason: "robots"}]}\n')
    applied(app)
    app.user(**columns)
    assert profiles(app) == []
    assert app.rows(FAILURES) == []
    assert app.status().missing == 0


def test_a_profile_that_is_there_is_left_alone(app: App) -> None:
    """When the app's own code was first, ours neither writes nor records anything."""
    app.rows(
        "create function public.first() returns trigger language plpgsql security definer as"
        " $$ begin insert into public.user_profiles (user_id, email, role)"
        " values (new.id, 'own', 'admin'); return new; end $$"
    )
    applied(app)
    # Triggers of one kind fire in the order of their names.
    app.rows(
        "create trigger a_first after insert on auth.users"
        " for each row execute function public.first()"
    )
    app.user()
    assert app.rows("select email, role from public.user_profiles") == [
        {"email": "own", "role": "admin"}
    ]
    assert app.rows(FAILURES) == []


@pytest.mark.parametrize("role", ["supabase_auth_admin", "postgres"])
def test_it_works_for_whoever_signs_users_up(app: App, database: Database, role: str) -> None:
    """GoTrue's own role, which has no right to the profile table, makes a profile all the same."""
    applied(app)
    App(database.url_of(role), app.folder).user()
    assert len(profiles(app)) == 1


def test_types_and_functions_of_the_app(app: App) -> None:
    """Columns of enums, domains and their arrays get their values inside the trigger too."""
    app.rows(
        """
        create schema "My types";
        create type public.plan as enum ('free', 'paid');
        create domain "My types"."Nick" as text check (length(value) > 2);
        create function public.nick(text) returns text language sql as 'select upper($1)';
        alter table public.user_profiles
            add column plan public.plan, add column plans public.plan[],
            add column nick "My types"."Nick";
        """
    )
    app.configure(
        """
profiles:
  - table: user_profiles
    key: user_id
    columns:
      plan: {literal: free}
      plans: {sql: "array['free']"}
      nick: {sql: "public.nick(u.email)"}
"""
    )
    before = app.user(email="before@example.com")
    applied(app)
    user = app.user(email="nick@example.com")
    assert app.rows(FAILURES) == []
    assert app.synced().created == 1
    rows = app.rows(
        "select user_id::text, plan::text, plans::text, nick::text from public.user_profiles"
        " order by nick"
    )
    assert [tuple(row.values()) for row in rows] == [
        (before, "free", "{free}", "BEFORE@EXAMPLE.COM"),
        (user, "free", "{free}", "NICK@EXAMPLE.COM"),
    ]


def test_a_name_without_its_schema_is_refused_before_anything_is_installed(app: App) -> None:
    """What a trigger could not look up is exit 3, not a failure at each sign-up."""
    app.rows("create function public.nick(text) returns text language sql as 'select upper($1)'")
    app.configure(
        "profiles:\n  - {table: user_profiles, key: user_id,"
        ' columns: {email: {sql: "nick(u.email)"}}}\n'
    )
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "function nick(" in run.error
    assert "need their schema" in "\n".join(run.next_steps)


# -- what fails -----------------------------------------------------------------------------------


def test_a_failure_is_recorded_and_the_sign_up_goes_on(app: App) -> None:
    """Who, where and why is written down, no value of the user; status and sync tell."""
    app.rows(NARROW)
    applied(app)
    user = app.user(email="odd@example.com")
    assert profiles(app) == []
    assert app.rows(FAILURES) == [
        {
            "user_id": user,
            "profile_table": "public.user_profiles(user_id)",
            "trigger_name": "on_auth_user_created",
            "sqlstate": "23514",
            "constraint_name": "narrow",
        }
    ]
    assert "odd@" not in str(app.rows("select f::text from usersync.failures as f"))
    assert app.status().missing == 1
    app.rows("alter table public.user_profiles drop constraint narrow")
    assert app.synced().created == 1


ASSERTS = """
create function public.sure() returns trigger language plpgsql as
    $$ begin assert new.email like 'user-%'; return new; end $$;
create trigger sure before insert or update on public.user_profiles
    for each row execute function public.sure();
"""


def test_an_assertion_of_the_app_stops_nobody(app: App) -> None:
    """``when others`` leaves out a failed ASSERT; it is recorded like every other error."""
    follow(app)
    user = app.user()
    app.rows(ASSERTS)
    late = app.user(email="odd@example.com")
    update(app, user, email="odd-too@example.com")
    assert [(row["user_id"], row["sqlstate"]) for row in app.rows(FAILURES)] == [
        (late, "P0004"),
        (user, "P0004"),
    ]


def test_a_lock_on_the_profile_table_stops_nobody(app: App) -> None:
    """Behind a lock on the profiles nobody waits for long: that is recorded instead."""
    follow(app)
    user = app.user()
    with psycopg.connect(app.url) as other:
        other.execute("lock table public.user_profiles in access exclusive mode")
        began_s = time.monotonic()
        late = app.user()
        update(app, user, email="user-new@example.com")
        assert time.monotonic() - began_s < 6
    assert [(row["user_id"], row["sqlstate"]) for row in app.rows(FAILURES)] == [
        (late, "55P03"),
        (user, "55P03"),
    ]


def test_blocking_it_fails_the_sign_up(app: App) -> None:
    """With on_error: block the sign-up fails as the insert does, and nobody is half there."""
    app.rows(NARROW)
    app.configure("install: {on_error: block}\n")
    applied(app)
    with pytest.raises(psycopg.errors.CheckViolation):
        app.user(email="odd@example.com")
    assert app.one("select count(*) from auth.users") == 0
    app.user()
    assert len(profiles(app)) == 1


def test_a_failure_that_cannot_be_recorded_still_stops_nobody(app: App) -> None:
    """Without our failures table a sign-up goes on with a warning in the server's log."""
    applied(app)
    app.rows(NARROW + " not valid; drop table usersync.failures")
    app.user(email="odd@example.com")
    assert app.status().missing == 1


def test_a_table_that_is_gone_stops_nobody(app: App) -> None:
    """Sign-ups and e-mail changes go on when the app drops or renames its table."""
    follow(app)
    user = app.user()
    app.rows("alter table public.user_profiles rename to old_profiles")
    late = app.user()
    update(app, user, email="new@example.com")
    assert app.one("select count(*) from auth.users") == 2
    assert [(row["user_id"], row["sqlstate"]) for row in app.rows(FAILURES)] == [
        (late, "42P01"),
        (user, "42P01"),
    ]


# -- anonymous users who become permanent ---------------------------------------------------------


#: How GoTrue writes it, one update after the other in one transaction: supabase/auth,
#: internal/api/{verify,identity,admin}.go.
WAYS: dict[str, tuple[str, ...]] = {
    "email": (
        "is_anonymous = false",
        "email = 'now@example.com', email_change = ''",
        "email_confirmed_at = now()",
    ),
    "phone": (
        "phone = '4915112345678', phone_change = '', phone_confirmed_at = now()",
        "is_anonymous = false",
    ),
    "identity": (
        'raw_user_meta_data = \'{"full_name": "Ada"}\'',
        "email = 'now@example.com'",
        "email_confirmed_at = now()",
        "is_anonymous = false",
        'raw_app_meta_data = \'{"provider": "google", "providers": ["google"]}\'',
    ),
    "identity without an address": (
        "is_anonymous = false",
        'raw_app_meta_data = \'{"provider": "steam", "providers": ["steam"]}\'',
    ),
    "admin": ("is_anonymous = false", "email = 'now@example.com'", "phone = '4915112345678'"),
    "at once": ("is_anonymous = false, email = 'now@example.com'",),
}

ADDRESSED = """
profiles:
  - table: user_profiles
    key: user_id
    columns: {email: email, phone: phone}
"""


def become(app: App, user: str, way: str) -> None:
    """Let an anonymous user become permanent, in one transaction."""
    app.rows(";".join(f"update auth.users set {one} where id = '{user}'" for one in WAYS[way]))


@pytest.mark.parametrize("way", WAYS)
def test_an_anonymous_user_who_becomes_permanent_gets_one(app: App, way: str) -> None:
    """By e-mail, phone or a linked identity, with the address that is written after the mark."""
    app.rows("alter table public.user_profiles add column phone text")
    app.configure(ADDRESSED)
    applied(app)
    user = app.user(is_anonymous=True, email=None)
    assert profiles(app) == []
    become(app, user, way)
    (profile,) = app.rows("select user_id::text as id, email, phone from public.user_profiles")
    assert profile == app.rows("select id::text, email, phone from auth.users")[0]
    assert app.rows(FAILURES) == []
    assert app.status().missing == 0


def test_one_whose_profile_needs_an_address(app: App) -> None:
    """Where the address is NOT NULL the profile is made once it is there, and nothing is recorded.

    Who gets no address has a recorded failure.
    """
    app.rows("alter table public.user_profiles alter column email set not null")
    applied(app)
    user, other = (app.user(is_anonymous=True, email=None) for _ in range(2))
    become(app, user, "email")
    assert profiles(app) == [user]
    assert app.rows(FAILURES) == []
    become(app, other, "identity without an address")
    assert [(row["user_id"], row["sqlstate"]) for row in app.rows(FAILURES)] == [(other, "23502")]


def test_becoming_permanent_overwrites_nothing(app: App) -> None:
    """A profile that the app wrote itself stays; a later change of address is not followed."""
    applied(app)
    user = app.user(is_anonymous=True, email=None)
    app.rows(f"insert into public.user_profiles (user_id, email) values ('{user}', 'own')")
    become(app, user, "email")
    assert app.one("select email from public.user_profiles") == "own"
    app.rows("update public.user_profiles set email = null")
    update(app, user, email="third@example.com")
    assert app.one("select email from public.user_profiles") is None


def test_becoming_permanent_never_fails(app: App) -> None:
    """A profile that cannot be made then is recorded, whatever on_error says of sign-ups."""
    app.rows(NARROW)
    app.configure("install: {on_error: block}\n")
    applied(app)
    user = app.user(is_anonymous=True, email=None)
    update(app, user, is_anonymous=False, email="odd@example.com")
    assert not app.one(f"select is_anonymous from auth.users where id = '{user}'")
    (failure,) = app.rows(FAILURES)
    assert (failure["user_id"], failure["sqlstate"]) == (user, "23514")


# -- what is followed -----------------------------------------------------------------------------


def test_an_adopted_table_follows_nothing_by_itself(app: App) -> None:
    """In a table of the app an e-mail stays what it was, unless follow: says otherwise."""
    applied(app)
    user = app.user(email="user-old@example.com")
    update(app, user, email="user-new@example.com")
    assert app.one("select email from public.user_profiles") == "user-old@example.com"


def test_listed_columns_follow(app: App) -> None:
    """Columns under follow: stay equal to their source; others stay, and so do later edits."""
    follow(app)
    user = app.user(email="user-old@example.com", phone="4915112345678")
    app.rows("update public.user_profiles set role = 'admin'")
    update(app, user, email="user-new@example.com")
    (row,) = app.rows("select email, full_name, role from public.user_profiles")
    assert row == {"email": "user-new@example.com", "full_name": "4915112345678", "role": "admin"}
    update(app, user, raw_user_meta_data=psycopg.types.json.Jsonb({"full_name": "Ada"}))
    assert app.one("select full_name from public.user_profiles") == "Ada"
    # Somebody corrects one column in the app: a change of the other does not undo it.
    app.rows("update public.user_profiles set full_name = 'Ada L.'")
    update(app, user, email="user-third@example.com")
    (row,) = app.rows("select email, full_name from public.user_profiles")
    assert row == {"email": "user-third@example.com", "full_name": "Ada L."}


def test_a_table_that_we_made_follows_the_email(app: App) -> None:
    """The e-mail of a table made by --create-table follows, and nothing else does."""
    app.configure(MADE)
    applied(app, create_table=True)
    user = app.user(raw_user_meta_data={"full_name": "Ada"})
    update(
        app,
        user,
        email="user-new@example.com",
        raw_user_meta_data=psycopg.types.json.Jsonb({"full_name": "Eve"}),
    )
    assert app.rows("select email, full_name from public.members") == [
        {"email": "user-new@example.com", "full_name": "Ada"}
    ]


def test_the_hash_of_a_soft_deleted_user_is_never_copied(app: App) -> None:
    """GoTrue overwrites the address with a hash as it marks a user deleted: not followed."""
    follow(app)
    user = app.user(email="user-old@example.com")
    update(app, user, email="4bf7c3" * 8, deleted_at=datetime.now(UTC))
    assert app.one("select email from public.user_profiles") == "user-old@example.com"
    update(app, user, email="5bf7c3" * 8)
    assert app.one("select email from public.user_profiles") == "user-old@example.com"


@pytest.mark.parametrize("on_error", ["record", "block"])
def test_an_email_change_never_fails(app: App, on_error: str) -> None:
    """An address that the profile table refuses is recorded; the user has the new one."""
    app.rows(NARROW)
    follow(app, f"install: {{on_error: {on_error}}}\n")
    user = app.user()
    update(app, user, email="odd@example.com")
    assert app.one("select email from auth.users") == "odd@example.com"
    (failure,) = app.rows(FAILURES)
    assert (failure["user_id"], failure["trigger_name"], failure["sqlstate"]) == (
        user,
        "on_auth_user_updated",
        "23514",
    )


def test_a_sign_in_does_not_fire_what_follows(app: App) -> None:
    """The columns of a sign-in are not those that are followed: it costs nothing."""
    follow(app)
    app.user()
    definition = app.one(
        "select pg_get_triggerdef(oid) from pg_trigger where tgname = 'on_auth_user_updated'"
    )
    assert "UPDATE OF" in definition
    assert "last_sign_in_at" not in definition


def test_the_quick_starts_table(app: App) -> None:
    """In Supabase's own quick start a clash of names is one failure and no lost sign-up."""
    app.rows(PROFILES)
    app.configure(
        "profiles:\n  - {table: profiles, key: id, columns: {username: user_metadata.name}}\n"
    )
    applied(app)
    first = app.user(raw_user_meta_data={"name": "أحمد"})
    second = app.user(raw_user_meta_data={"name": "أحمد"})
    third = app.user(raw_user_meta_data={})
    assert app.rows("select id::text, username from public.profiles") == [
        {"id": first, "username": "أحمد"}
    ]
    assert [
        (row["user_id"], row["sqlstate"], row["constraint_name"]) for row in app.rows(FAILURES)
    ] == [(second, "23505", "profiles_username_key"), (third, "23502", "")]
