"""Rehearsal and proof: on a scratch copy with the target's own definitions, and never its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.test_checks import FUNCTION, TRIGGER
from usersync import config, scratch
from usersync.backends.postgres import PostgresDoor
from usersync.migration import ApplyOptions
from usersync.model import Run
from usersync.sql import changes

RICH = """
create type public.plan as enum ('free', 'paid');
create domain public.short as text check (char_length(value) < 100);
create sequence public.numbers;
create table public.teams (id uuid primary key default gen_random_uuid(), name public.short);
create function public.plain(text) returns text language sql immutable as 'select lower($1)';
alter table public.user_profiles
    add column plan public.plan not null default 'free',
    add column number bigint not null default nextval('public.numbers'),
    add column nick public.short,
    add column plain text generated always as (lower(email)) stored,
    add column team uuid references public.teams (id),
    add constraint nick_is_plain check (nick is null or nick = public.plain(nick));
create index by_plan on public.user_profiles (plan) where plan = 'paid';
create table public.audit (id bigint generated always as identity primary key, user_id uuid);
create function public.audited() returns trigger language plpgsql security definer
    set search_path = '' as
    $$ begin insert into public.audit (user_id) values (new.user_id); return new; end $$;
create trigger audited after insert on public.user_profiles
    for each row execute function public.audited();
"""


def rehearsed(app: App, **options: bool) -> Run:
    """``migration.apply --rehearse``."""
    return app.run("migration.rehearse", task="migration.apply", options=ApplyOptions(), **options)


def proved(app: App) -> Run:
    """``migration.test --rollback``."""
    return app.run("migration.prove", task="migration.test")


@pytest.fixture
def door(app: App) -> Iterator[PostgresDoor]:
    """A connection to the app."""
    door = PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    yield door
    door.close()


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_rehearsal_and_proof_of_a_rich_app(app: App, grants: str) -> None:
    """All definitions are copied, everything applies and works there, and leaves no trace."""
    assert grants
    app.rows(RICH)
    app.user()
    schema = "select count(*) from pg_namespace where nspname = 'usersync'"
    run = rehearsed(app)
    assert [step.detail for step in run.steps if step.status not in ("ok", "changed")] == []
    assert run.exit_code == 0
    assert app.one(schema) == 0
    run = proved(app)
    assert run.exit_code == 0, run.steps
    assert run.steps[-1].detail == "schema and rows are as they were before"
    assert app.one(schema) == 0


def test_the_copy_is_what_the_target_is(app: App, door: PostgresDoor) -> None:
    """Columns, constraints, indexes, policies, triggers, rights of what is copied are the same."""
    app.rows(RICH + FUNCTION + TRIGGER)
    target = config.load(environ={"SUPABASE_DB_URL": app.url})
    before = _without_maintain(door.catalog.fingerprint())
    with scratch.copy(door.catalog.definitions(target.profiles), target) as copy:
        assert copy.left_out == ()
        other = PostgresDoor(copy.target)
        try:
            after = _without_maintain(other.catalog.fingerprint())
        finally:
            other.close()
    kinds = ("column", "constraint", "index", "trigger", "policy", "type public", "relation public")
    wanted = {
        name: text
        for name, text in before.items()
        if name.startswith(kinds)
        and any(part in name for part in ("auth.users", "user_profiles", "audit", "teams", "plan"))
    }
    assert len(wanted) > 60
    # Not-null constraints are of the catalog since PostgreSQL 18; older ones have only the columns.
    different = {
        name: (text, after.get(name))
        for name, text in wanted.items()
        if after.get(name) != text and "not_null" not in name
    }
    assert different == {}


def _without_maintain(fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Without the right that only PostgreSQL 17 and later know."""
    return {name: text.replace("dDxtm/", "dDxt/") for name, text in fingerprint.items()}


def test_no_row_leaves_the_target(app: App, door: PostgresDoor) -> None:
    """Nothing that users wrote is in any table of the copy."""
    app.rows(FUNCTION + TRIGGER)
    app.user(email="marker@secret.example", raw_user_meta_data={"full_name": "marker"})
    target = config.load(environ={"SUPABASE_DB_URL": app.url})
    with scratch.copy(door.catalog.definitions(target.profiles), target) as copy:
        assert copy.target.db_url is not None
        with psycopg.connect(copy.target.db_url.get_secret_value()) as connection:
            rows = connection.execute("select u::text from auth.users as u").fetchall()
            assert len(rows) == scratch.USERS
            assert not any("marker" in row[0] for row in rows)


def test_a_sign_up_fails_there_as_it_would_here(app: App) -> None:
    """What our trigger would record on the target is found on the copy: exit 2."""
    app.rows(
        "alter table public.user_profiles add constraint never check (email is null) not valid"
    )
    run = rehearsed(app)
    assert run.exit_code == 2
    assert any("23514 check_violation (never)" in step.detail for step in run.steps)
    assert app.one("select count(*) from pg_namespace where nspname = 'usersync'") == 0


NOTED = """
create table public.noted (user_id uuid);
create function public.noted() returns trigger language plpgsql set search_path = '' as
    $$ begin insert into public.noted values (new.id); return new; end $$;
create trigger noted after insert on auth.users for each row execute function public.noted();
"""


def test_what_only_the_auth_servers_role_shows_is_told_by_the_copy(app: App) -> None:
    """A SECURITY INVOKER function runs on the copy with the rights that it has in life.

    On the target nobody may become that role: there the verdict is "cannot tell", exit 1.
    """
    app.rows(NOTED)
    run = rehearsed(app)
    assert run.exit_code == 2
    assert any("42501 insufficient_privilege" in step.detail for step in run.steps), run.steps
    assert "Not proven" in run.notes[0]
    app.rows("grant insert on public.noted to supabase_auth_admin")
    run = rehearsed(app)
    assert run.exit_code == 0, run.steps
    assert run.notes[0].startswith("Proven")
    run = rehearsed(app, on_target=True)
    assert run.exit_code == 1
    assert {step.status for step in run.steps if "sign-up" in step.name} == {"unknown"}


@pytest.mark.parametrize("table", ["auth.users", "public.user_profiles"])
def test_what_would_leave_the_copy_is_not_fired_there(app: App, table: str) -> None:
    """A copy that calls another server would do it for real: nobody signs up there, exit 1."""
    app.rows(
        "create function public.dblink(text, text) returns void language plpgsql as"
        " $$ begin raise exception 'sent'; end $$;"
        " create function public.send() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin perform public.dblink('x', 'y'); return new; end $$;"
        f" create trigger send after insert on {table} for each row"
        " execute function public.send()"
    )
    for run in (rehearsed(app), proved(app)):
        assert run.exit_code == 1, run.steps
        (step,) = (one for one in run.steps if one.name == "canary")
        assert "send (public.send()) may do what a rollback does not undo" in step.detail
        assert "sent" not in str(run.steps)
        assert "Not proven" in run.notes[0]


def test_a_trigger_of_the_app_that_loses_sign_ups_is_told(app: App) -> None:
    """A trigger that cancels what we write is a finding of both rehearsals: exit 2."""
    app.rows(
        "create function public.never() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin return null; end $$;"
        " create trigger never before insert on public.user_profiles for each row"
        " execute function public.never()"
    )
    for on_target in (False, True):
        run = rehearsed(app, on_target=on_target)
        assert run.exit_code == 2
        assert any(step.status == "finding" for step in run.steps)


@pytest.mark.parametrize(
    ("name", "revert", "told"),
    [
        ("0006_sign_up", "select 1;", ["added: function usersync.on_auth_user_created()",
                                       "added: trigger on_auth_user_created on auth.users"]),
        ("0003_failures", "alter table usersync.failures rename to kept;",
         ["added: relation usersync.kept", "added: index usersync.failures_pkey"]),
        ("0008_api", "{revert} grant select on public.user_profiles to anon;",
         ["changed: relation public.user_profiles: "]),
        ("0007_follow", "{revert} update auth.users set phone = left(id::text, 8);",
         ["changed: rows of auth.users: "]),
    ],
)  # fmt: skip
def test_a_revert_that_is_no_inverse_is_named(
    app: App, monkeypatch: pytest.MonkeyPatch, name: str, revert: str, told: list[str]
) -> None:
    """``migration.test --rollback`` is exit 2, and names every difference that is left."""
    render = changes.render

    def wrong(*given: Any, **named: Any) -> tuple[changes.Change, ...]:
        return tuple(
            replace(change, revert=revert.replace("{revert}", change.revert))
            if change.name == name
            else change
            for change in render(*given, **named)
        )

    monkeypatch.setattr(changes, "render", wrong)
    run = proved(app)
    assert run.exit_code == 2, run.error
    left = [step.detail for step in run.steps if step.name == "left behind"]
    assert all(any(line.startswith(start) for line in left) for start in told), left
    assert "Not proven" in run.notes[0]


def test_what_cannot_be_copied_is_named_and_proves_nothing(app: App, database: Database) -> None:
    """A function that the copy cannot have makes the verdict "not proven": exit 1."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("create language strange handler plpgsql_call_handler")
        admin.execute(
            "create function public.odd() returns trigger language strange"
            " as 'begin return new; end'"
        )
        admin.execute(
            "create trigger odd after insert on public.user_profiles for each row"
            " execute function public.odd()"
        )
    run = rehearsed(app)
    assert run.exit_code == 1
    left_out = [step.detail for step in run.steps if step.name == "not copied"]
    assert any("function public.odd()" in sentence for sentence in left_out), left_out
    assert "Not proven" in run.notes[0]


def test_rehearsal_on_the_target(app: App) -> None:
    """Everything runs on the target itself in one transaction, and nothing stays."""
    app.rows("create table public.other (id int)")
    before = app.rows("select count(*) from pg_class")
    run = rehearsed(app, on_target=True)
    assert run.exit_code == 0, run.error
    assert {step.status for step in run.steps} == {"ok"}
    assert app.rows("select count(*) from pg_class") == before


def test_a_trace_is_named(app: App, door: PostgresDoor) -> None:
    """Every kind of difference is found and named, rows included."""
    app.rows(RICH)
    user = app.user()
    app.rows(f"insert into public.user_profiles (user_id) values ('{user}')")
    before = door.catalog.fingerprint()
    assert door.catalog.difference(before) == ()
    for statement, told in (
        (
            "create function public.new_one() returns int language sql as 'select 1'",
            "added: function",
        ),
        ("alter table public.teams add column color text", "added: column public.teams.color"),
        ("grant select on public.teams to anon", "changed: relation public.teams"),
        ("comment on table public.teams is 'x'", "changed: relation public.teams"),
        ("alter table public.user_profiles disable trigger audited", "changed: trigger audited"),
        ("update public.user_profiles set nick = 'x'", "changed: rows of public.user_profiles"),
        ('drop policy "own row" on public.user_profiles', "gone: policy"),
        ("alter default privileges in schema public grant select on tables to anon", "default"),
        ("alter function public.audited() cost 7", "changed: function public.audited()"),
        ("create schema left_over", "added: schema left_over"),
    ):
        before = door.catalog.fingerprint()
        app.rows(statement)
        assert any(told in line for line in door.catalog.difference(before)), statement


def test_nothing_is_left_running(app: App, door: PostgresDoor) -> None:
    """Also when what happens on the copy fails, its server is gone afterwards."""
    target = config.load(environ={"SUPABASE_DB_URL": app.url})
    definitions = door.catalog.definitions(target.profiles)
    seen: list[str] = []

    def fail_on_the_copy() -> None:
        with scratch.copy(definitions, target) as copy:
            assert copy.target.db_url is not None
            url = copy.target.db_url.get_secret_value()
            seen.extend(parse_qs(urlsplit(url).query)["host"])
            assert running_in(seen[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_on_the_copy()
    assert not running_in(seen[0])


def running_in(folder: str) -> list[int]:
    """The processes that have a folder on their command line."""
    return [
        one.pid
        for one in psutil.process_iter(["cmdline"])
        if any(folder in word for word in one.info["cmdline"] or [])
    ]
