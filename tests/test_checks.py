"""Every check: silent on a healthy database, heard on a broken one, silent again once repaired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from usersync import config, report, sql
from usersync.backends.postgres import PostgresDoor
from usersync.migration import ApplyOptions
from usersync.model import CheckResult

TRIGGER = """
create or replace trigger on_auth_user_created after insert on auth.users
    for each row when (not new.is_anonymous) execute function public.handle_new_user();
"""

FUNCTION = """
create or replace function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.user_profiles (user_id, email)
    values (new.id, new.email);
    return new;
end
$$;
revoke all on function public.handle_new_user() from public, anon, authenticated, service_role;
"""

SETTINGS = """
profiles:
  - table: user_profiles
    key: user_id
    columns:
      email: email
      nick: {sql: "public.nick(u.email)"}
      full_name: [user_metadata.full_name]
    role: {column: role, default: user, allowed: [user]}
"""

NICK = "create or replace function public.nick(text) returns text language sql as 'select $1';"

KEY = "alter table public.user_profiles add constraint user_profiles_user_id_fkey"
REFERENCES = "foreign key (user_id) references auth.users (id) on delete cascade"
NO_KEY = "alter table public.user_profiles drop constraint user_profiles_user_id_fkey"
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Case:
    """How one check's fault comes and goes; ``{user}`` is a user with a profile."""

    subject: str
    broken: str
    repaired: str
    as_admin: bool = False
    detail: str = ""


CASES = {
    "orphan_profile": Case(
        NOBODY,
        f"{NO_KEY}; insert into public.user_profiles (user_id) values ('{NOBODY}')",
        f"delete from public.user_profiles where user_id = '{NOBODY}'",
    ),
    "soft_deleted_with_profile": Case(
        "{user}",
        "update auth.users set deleted_at = now()",
        "update auth.users set deleted_at = null",
    ),
    "excluded_with_profile": Case(
        "{user}",
        "update auth.users set is_anonymous = true",
        "update auth.users set is_anonymous = false",
    ),
    "email_drift": Case(
        "{user}",
        "update public.user_profiles set email = 'other@example.com'",
        "update public.user_profiles as p set email = u.email from auth.users as u"
        " where u.id = p.user_id",
    ),
    "sign_up_trigger_missing": Case(
        "public.user_profiles(user_id)",
        "drop function public.handle_new_user() cascade",
        FUNCTION + TRIGGER,
    ),
    "sign_up_trigger_disabled": Case(
        "on_auth_user_created",
        "alter table auth.users disable trigger on_auth_user_created",
        TRIGGER,
        as_admin=True,
    ),
    "sign_up_function_broken": Case(
        "public.handle_new_user()",
        "alter table public.user_profiles rename column email to mail",
        "alter table public.user_profiles rename column mail to email",
        detail="line 3: there is no column email in user_profiles (42703 undefined_column)",
    ),
    "sign_up_function_invoker": Case(
        "public.handle_new_user()",
        "alter function public.handle_new_user() security invoker",
        "alter function public.handle_new_user() security definer",
    ),
    "sign_up_function_search_path": Case(
        "public.handle_new_user()",
        "alter function public.handle_new_user() reset search_path",
        "alter function public.handle_new_user() set search_path = ''",
    ),
    "sign_up_function_owner_rights": Case(
        "public.handle_new_user()",
        "alter function public.handle_new_user() owner to weak",
        "alter function public.handle_new_user() owner to postgres",
        as_admin=True,
        detail="its owner weak may not insert into user_profiles",
    ),
    "sign_up_function_exposed": Case(
        "public.handle_new_user()",
        "grant execute on function public.handle_new_user() to authenticated",
        "revoke execute on function public.handle_new_user() from authenticated",
    ),
    "row_security_stops_sign_up": Case(
        "public.handle_new_user()",
        "grant insert on public.user_profiles to weak;"
        " alter function public.handle_new_user() owner to weak",
        "alter table public.user_profiles disable row level security",
        as_admin=True,
    ),
    "unique_besides_key": Case(
        "one_email",
        "alter table public.user_profiles add constraint one_email unique (email)",
        "alter table public.user_profiles drop constraint one_email",
    ),
    "email_would_clash": Case(
        "{other}",
        "delete from public.user_profiles where user_id = '{other}';"
        " update public.user_profiles set email = (select email from auth.users"
        " where id = '{other}');"
        " alter table public.user_profiles add constraint one_email unique (email)",
        "update public.user_profiles set email = 'again@example.com'",
    ),
    "sign_up_errors_swallowed": Case(
        "public.handle_new_user()",
        FUNCTION.replace("return new;", "return new; exception when others then return new;"),
        FUNCTION,
    ),
    "users_unreadable_by_api": Case(
        "{user}",
        "update auth.users set confirmation_token = null where id = '{user}'",
        "update auth.users set confirmation_token = ''",
        detail="null or foreign: confirmation_token",
    ),
    "foreign_key_missing": Case("public.user_profiles(user_id)", NO_KEY, f"{KEY} {REFERENCES}"),
    "foreign_key_blocks_delete": Case(
        "notes_user",
        "create table public.notes (user_id uuid constraint notes_user references auth.users (id))",
        "drop table public.notes",
    ),
    "foreign_key_not_valid": Case(
        "user_profiles_user_id_fkey",
        f"{NO_KEY}; {KEY} {REFERENCES} not valid",
        "alter table public.user_profiles validate constraint user_profiles_user_id_fkey",
    ),
    "foreign_key_to_no_primary_key": Case(
        "calls_phone",
        "create table public.calls (phone text constraint calls_phone"
        " references auth.users (phone) on delete cascade)",
        "drop table public.calls",
    ),
    "required_value_missing": Case(
        "full_name",
        "delete from public.user_profiles;"
        " alter table public.user_profiles alter column full_name set not null",
        "alter table public.user_profiles alter column full_name drop not null",
    ),
    "anonymous_has_no_email": Case(
        "email",
        "alter table public.user_profiles alter column email set not null; "
        + TRIGGER.replace("when (not new.is_anonymous)", ""),
        TRIGGER,
    ),
    "failure_recorded": Case(
        "23505 one_name",
        "insert into usersync.failures"
        " (user_id, profile_table, trigger_name, sqlstate, constraint_name)"
        " values ('{other}', 'public.user_profiles(user_id)', 'x', '23505', 'one_name');"
        " delete from public.user_profiles where user_id = '{other}'",
        "insert into public.user_profiles (user_id) values ('{other}')",
    ),
    "auth_hook_cannot_read": Case(
        "public.hook(event jsonb)",
        "create function public.hook(event jsonb) returns jsonb language plpgsql as"
        " $$ begin perform role from public.user_profiles; return event; end $$;"
        " revoke all on function public.hook(jsonb) from public, anon, authenticated;"
        " grant execute on function public.hook(jsonb) to supabase_auth_admin",
        "grant select on public.user_profiles to supabase_auth_admin;"
        " create policy hooks on public.user_profiles for select to supabase_auth_admin"
        " using (true)",
    ),
    "api_grants_missing": Case(
        "service_role",
        "revoke all on public.user_profiles from service_role",
        "grant all on public.user_profiles to service_role",
    ),
    "published_to_realtime": Case(
        "supabase_realtime",
        "create publication supabase_realtime for table public.user_profiles",
        "drop publication supabase_realtime",
    ),
    "row_security_disabled": Case(
        "authenticated",
        "alter table public.user_profiles disable row level security",
        "alter table public.user_profiles enable row level security",
    ),
    "policy_without_row_security": Case(
        "own row",
        "alter table public.user_profiles disable row level security",
        "alter table public.user_profiles enable row level security",
    ),
    "policy_trusts_user_metadata": Case(
        "trusting",
        "create policy trusting on public.user_profiles for select to authenticated"
        " using ((select auth.jwt() -> 'user_metadata' ->> 'admin') = 'yes')",
        "drop policy trusting on public.user_profiles",
    ),
    "two_writers": Case(
        "public.user_profiles(user_id)",
        FUNCTION.replace("handle_new_user", "another")
        + TRIGGER.replace("handle_new_user", "another").replace("on_auth", "also_on_auth"),
        "drop function public.another() cascade",
        detail="also_on_auth_user_created and on_auth_user_created write to it",
    ),
    "triggers_skipped": Case(
        "weak",
        "alter role weak set session_replication_role = 'replica'",
        "alter role weak reset session_replication_role",
        as_admin=True,
    ),
    "key_not_unique": Case(
        "user_id",
        "alter table public.user_profiles drop constraint user_profiles_pkey",
        "alter table public.user_profiles add primary key (user_id)",
    ),
    "before_trigger_on_sign_up": Case(
        "first",
        "create function public.first() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin return new; end $$;"
        " create trigger first before insert on auth.users for each row"
        " execute function public.first()",
        "drop function public.first() cascade",
    ),
    "own_schema_open": Case(
        "anon",
        "grant usage on schema usersync to anon",
        "revoke usage on schema usersync from anon",
    ),
    "own_functions_open": Case(
        "usersync_extra",
        "create function public.usersync_extra() returns int language sql as 'select 1'",
        "revoke all on function public.usersync_extra() from public, anon, authenticated",
    ),
    "expression_does_not_prepare": Case("nick", "drop function public.nick(text)", NICK),
    "sign_up_function_reads_missing_field": Case(
        "public.handle_new_user()",
        FUNCTION.replace(
            "new.email)", "\n        new.full_name) -- not new.nothing, 'new.x'\n    "
        ),
        FUNCTION,
        detail=(
            "line 5: new.full_name, and auth.users has no such column (42703 undefined_column)"
        ),
    ),
    "sign_up_conflict_unnamed": Case(
        "public.handle_new_user()",
        FUNCTION.replace("new.email);", "new.email)\n    on conflict\n do nothing;")
        + "alter table public.user_profiles add constraint one_email unique (email)",
        FUNCTION.replace("new.email);", "new.email) on conflict (user_id) do nothing;"),
        detail="on conflict do nothing also passes over one_email",
    ),
}

#: Other ways in which the same checks find something.
MORE = {
    "lost in a squash": (
        "sign_up_trigger_missing",
        Case(
            "public.user_profiles(user_id)",
            "drop trigger on_auth_user_created on auth.users",
            TRIGGER,
            as_admin=True,
            detail="the function public.handle_new_user() is there, and no trigger calls it",
        ),
    ),
    "in replica mode only": (
        "sign_up_trigger_disabled",
        Case(
            "on_auth_user_created",
            "alter table auth.users enable replica trigger on_auth_user_created",
            TRIGGER,
            as_admin=True,
            detail="it fires in replica mode only: public.handle_new_user()",
        ),
    ),
    "a disabled one makes nothing": (
        "sign_up_trigger_missing",
        Case(
            "public.user_profiles(user_id)",
            "alter table auth.users disable trigger on_auth_user_created",
            TRIGGER,
            as_admin=True,
        ),
    ),
    "two of one address": (
        "email_would_clash",
        Case(
            "{other}",
            "delete from public.user_profiles;"
            " update auth.users set email = 'same@example.com', is_sso_user = true;"
            " alter table public.user_profiles add constraint one_email unique (email)",
            "update auth.users set email = 'other@example.com' where id = '{user}'",
        ),
    ),
    "the row shall forget": (
        "foreign_key_blocks_delete",
        Case(
            "notes_user",
            "create table public.notes (user_id uuid not null"
            " constraint notes_user references auth.users (id) on delete set null)",
            "alter table public.notes alter column user_id drop not null",
            detail=(
                "public.notes keeps its users from being deleted: on delete set null, and its"
                " column is NOT NULL"
            ),
        ),
    ),
    "a reset of the schema": (
        "api_grants_missing",
        Case(
            "service_role",
            "revoke usage on schema public from public, service_role",
            "grant usage on schema public to public, service_role",
            as_admin=True,
            detail="has no right to use its schema",
        ),
    ),
    "a policy without its grant": (
        "api_grants_missing",
        Case(
            "authenticated",
            "create policy own_update on public.user_profiles for update to authenticated"
            " using ((select auth.uid()) = user_id)",
            "grant update (email) on public.user_profiles to authenticated",
            detail="has a policy, and no right to update",
        ),
    ),
    "the owner may not use the schema": (
        "sign_up_function_owner_rights",
        Case(
            "public.handle_new_user()",
            "alter function public.handle_new_user() owner to weak;"
            " grant insert on public.user_profiles to weak;"
            " revoke usage on schema public from public, weak",
            "grant usage on schema public to public, weak",
            as_admin=True,
            detail="its owner weak may not use its schema",
        ),
    ),
    "a hook that everybody may call": (
        "auth_hook_cannot_read",
        Case(
            "public.hook(event jsonb)",
            "create function public.hook(event jsonb) returns jsonb language plpgsql as"
            " $$ begin perform role from public.user_profiles; return event; end $$;"
            " grant execute on function public.hook(jsonb) to supabase_auth_admin, anon",
            "alter function public.hook(jsonb) security definer",
        ),
    ),
    "a hook in a closed schema": (
        "auth_hook_cannot_read",
        Case(
            "hooks.hook(event jsonb)",
            "create schema hooks;"
            " create function hooks.hook(event jsonb) returns jsonb language plpgsql"
            " security definer as"
            " $$ begin perform role from public.user_profiles; return event; end $$;"
            " grant execute on function hooks.hook(jsonb) to supabase_auth_admin",
            "grant usage on schema hooks to supabase_auth_admin",
            detail="supabase_auth_admin may not use its schema",
        ),
    ),
    "every table is published": (
        "published_to_realtime",
        Case(
            "supabase_realtime",
            "create publication supabase_realtime for all tables",
            "drop publication supabase_realtime",
            as_admin=True,
        ),
    ),
    "a swallowed error beside our schema": (
        "sign_up_errors_swallowed",
        Case(
            "public.handle_new_user()",
            FUNCTION.replace("return new;", "return new; exception\nWHEN\n  OTHERS THEN null;"),
            FUNCTION,
        ),
    ),
}


@dataclass
class Patient:
    """A database whose checks are asked one by one."""

    app: App
    database: Database
    door: PostgresDoor
    user: str
    other: str

    def do(self, statements: str, *, as_admin: bool = False) -> None:
        """Change something as the app's people, or as the platform."""
        text = statements.replace("{user}", self.user).replace("{other}", self.other)
        url = self.database.admin_url if as_admin else self.app.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(text.encode())

    def ask(self, *names: str) -> tuple[CheckResult, ...]:
        """What the checks of these names find."""
        target = config.load(environ={"SUPABASE_DB_URL": self.app.url})
        return self.door.catalog.checks(target.profiles, names or None)


@pytest.fixture
def patient(app: App, database: Database) -> Iterator[Patient]:
    """A healthy app with a trigger of its own, two users and their profiles."""
    app.configure(SETTINGS)
    app.rows("alter table public.user_profiles add column nick text, add column full_name text")
    app.rows(NICK + FUNCTION + TRIGGER)
    app.install("0001_ledger", "0003_failures")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "do $$ begin if not exists (select from pg_roles where rolname = 'weak') then"
            " create role weak; end if; end $$; alter role weak reset session_replication_role"
        )
        admin.execute("grant usage on schema public to weak; grant weak to postgres")
    users = [app.user(updated_at="2026-01-01T00:00:00Z") for _ in range(2)]
    door = PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    yield Patient(app, database, door, *users)
    door.close()


def test_every_check_has_a_case() -> None:
    """No check is trusted before it was seen to fail."""
    names = {script.name.partition("_")[2] for script in sql.checks()}
    assert names == CASES.keys()


def test_a_healthy_database_has_no_finding(patient: Patient) -> None:
    """All checks together are silent, and each could tell."""
    results = patient.ask()
    assert [(one.check, one.findings) for one in results if one.count] == []
    assert [(one.check, one.unknown) for one in results if one.unknown] == []
    assert len(results) == len(CASES)


@pytest.mark.parametrize(
    ("name", "case"),
    [*CASES.items(), *MORE.values()],
    ids=[*CASES, *MORE],
)
def test_found_and_repaired(patient: Patient, name: str, case: Case) -> None:
    """The check names exactly what was broken, and is silent once that is repaired."""
    assert patient.ask(name)[0].count == 0
    patient.do(case.broken, as_admin=case.as_admin)
    (found,) = patient.ask(name)
    subject = case.subject.replace("{user}", patient.user).replace("{other}", patient.other)
    assert subject in [finding.subject for finding in found.findings], found
    if case.detail:
        details = [one.detail for one in found.findings if one.subject == subject]
        assert case.detail in details
    assert found.exit_code == (0 if found.level == "info" else 2)
    patient.do(case.repaired, as_admin=case.as_admin)
    (again,) = patient.ask(name)
    assert (again.count, again.unknown) == (0, ""), again


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            (
                "\n-- insert into nowhere (x)\nbegin\n    insert into public.nowhere (id)\n"
                "    values (new.id);\n    return new;\nend\n"
            ),
            "line 4: there is no table public.nowhere (42P01 undefined_table)",
        ),
        (
            "begin insert into user_profiles (user_id) values (new.id); return new; end",
            "line 1: there is no table user_profiles (42P01 undefined_table)",
        ),
        (
            (
                '\nbegin\n    if true then\n        insert into "public"."user_profiles" as p\n'
                '            ("user_id", "Email") values (new.id, new.email);\n'
                "    end if;\n    return new;\nend"
            ),
            "line 4: there is no column Email in user_profiles (42703 undefined_column)",
        ),
        (
            "begin\n insert into public.strict (id) values (new.id);\n return new; end",
            (
                "line 2: it leaves out needed of strict, which is NOT NULL without a default"
                " (23502 not_null_violation)"
            ),
        ),
    ],
)
def test_a_broken_function_is_named_with_its_line(patient: Patient, body: str, detail: str) -> None:
    """Table, column and required columns: function, line as Postgres counts, and SQLSTATE."""
    patient.do(
        "create table public.strict (id uuid, needed text not null, free text not null default '')"
    )
    patient.do(
        "create or replace function public.handle_new_user() returns trigger"
        f" language plpgsql security definer set search_path = '' as $${body}$$"
    )
    (found,) = patient.ask("sign_up_function_broken")
    assert [one.detail for one in found.findings] == [detail]
    with pytest.raises(psycopg.Error) as failed:
        patient.app.user()
    assert failed.value.sqlstate is not None
    assert failed.value.sqlstate in detail
    line = detail.partition(":")[0]
    assert f"{line} " in (failed.value.diag.context or f"{line} ")


@pytest.mark.parametrize(
    "body",
    [
        "new.full_nam",
        '"new"."Email"',
        "NEW . full_name",
    ],
)
def test_a_field_that_is_missing_fails_as_it_says(patient: Patient, body: str) -> None:
    """What the check says of a misspelled column is what a sign-up fails with."""
    patient.do(FUNCTION.replace("new.email)", f"{body})"))
    (found,) = patient.ask("sign_up_function_reads_missing_field")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        patient.app.user()
    assert [one.subject for one in found.findings] == ["public.handle_new_user()"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("audit.user_profiles", 0),
        ("user_profiles_log", 0),
        ("public.user_profiles", 1),
        ('"public" . "user_profiles"', 1),
        ("user_profiles", 1),
        ("\n        PUBLIC.USER_PROFILES", 1),
    ],
)
def test_a_writer_is_known_by_schema_and_table(patient: Patient, name: str, found: int) -> None:
    """A table of the same name elsewhere, or whose name only begins so, is another table."""
    another = FUNCTION.replace("handle_new_user", "another")
    patient.do(
        "create schema audit; create table audit.user_profiles (user_id uuid, email text);"
        " create table public.user_profiles_log (user_id uuid, email text);"
        + another.replace("public.user_profiles", name).replace("''", "public", 1)
        + TRIGGER.replace("handle_new_user", "another").replace("on_auth", "also_on_auth")
    )
    assert patient.ask("two_writers")[0].count == found
    patient.do("drop trigger on_auth_user_created on auth.users", as_admin=True)
    patient.do("drop function public.handle_new_user()")
    patient.do("drop trigger also_on_auth_user_created on auth.users", as_admin=True)
    (missing,) = patient.ask("sign_up_trigger_missing")
    is_told = "public.another() is there" in missing.findings[0].detail
    assert is_told == bool(found)


def test_a_check_that_cannot_tell_does_not_stop_the_others(patient: Patient) -> None:
    """Without the profile table the checks about its rows say so; the others are asked."""
    patient.do("drop table public.user_profiles cascade")
    results = {one.check: one for one in patient.ask()}
    assert len(results) == len(CASES)
    assert "42P01" in results["orphan_profile"].unknown
    assert results["orphan_profile"].exit_code == 1
    assert results["sign_up_function_broken"].count == 1
    assert results["users_unreadable_by_api"].unknown == ""


def test_a_paused_function_is_no_fault(patient: Patient) -> None:
    """What is paused is said by itself, and judged by no check of its body."""
    run = patient.app.run("migration.pause", task="migration.pause")
    assert run.exit_code == 0
    names = ("sign_up_trigger_missing", "sign_up_function_broken", "sign_up_function_invoker",
             "sign_up_function_search_path", "sign_up_errors_swallowed")  # fmt: skip
    assert [one.check for one in patient.ask(*names) if one.count] == []


ACCEPTED = """
accept:
  - id: {id}
    reason: next release
    until: {until}
"""


@pytest.mark.parametrize("operation", ["migration.verify", "doctor"])
@pytest.mark.parametrize(
    "finding",
    [
        "sign_up_function_search_path:public.handle_new_user()",
        "sign_up_function_search_path:public",
    ],
)
def test_an_accepted_finding_is_shown_until_its_day(
    patient: Patient, operation: str, finding: str
) -> None:
    """``accept:`` names a finding by its id or its start: shown with reason and day, not counted.

    After its day it is a finding again, and it is said that it was accepted.
    """
    patient.do("alter function public.handle_new_user() reset search_path")
    for until, accepted, exit_code in (("2999-01-01", 1, 0), ("2020-01-01", 0, 2)):
        patient.app.configure(SETTINGS + ACCEPTED.format(id=finding, until=until))
        run = patient.app.run(operation, task=operation)
        (found,) = (one for one in run.checks if one.count)
        assert (found.check, found.count) == ("sign_up_function_search_path", 1)
        assert (found.accepted, found.exit_code) == (accepted, exit_code)
        assert run.exit_code == exit_code, run.next_steps
        text = report.terminal(run)
        assert ("(accepted: next release; until 2999-01-01)" in text) == bool(accepted)
        over = "(accepted until 2020-01-01, which is over: next release)"
        assert (over in text) != bool(accepted)


def test_what_a_change_is_found_to_lack_can_be_accepted_too(patient: Patient) -> None:
    """The checks of the changes have ids like all the others."""
    patient.do("drop function public.handle_new_user() cascade")
    patient.app.rows("drop schema usersync cascade")
    assert patient.app.run(
        "migration.apply", task="migration.apply", options=ApplyOptions(yes=True)
    ).exit_code == 0  # fmt: skip
    patient.do("grant select on usersync.journal to authenticated")
    assert patient.app.run("migration.verify", task="migration.verify").exit_code == 2
    patient.app.configure(
        SETTINGS + ACCEPTED.format(id="change_journal:journal", until="2999-01-01")
    )
    assert patient.app.run("migration.verify", task="migration.verify").exit_code == 0
