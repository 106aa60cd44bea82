"""What ours took the place of comes back as it was; what others changed meanwhile is left alone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.faults import Wire, socket_of
from tests.migrated import applied, apply, digest, plan, plan_rollback, rollback, triggers
from usersync.backends.postgres import PostgresDoor
from usersync.config import load
from usersync.model import Run
from usersync.sql import replaced
from usersync.sql.fragments import dollar_quoted

NAME = "Make Profile"

#: A trigger and a function of which nothing is as usual.
UNUSUAL = r"""
create schema "The App";
grant usage, create on schema "The App" to service_role;
create function "The App"."Handle New"() returns trigger language plpgsql strict cost 7
    security definer set search_path = '' set lock_timeout = '3s'
    as $body$
declare note text := E'a\\b ''c'' {x}';
begin
    insert into public.user_profiles (user_id, email) values (new.id, new.email);
    /*
drop table if exists public.user_profiles;
    */
    return new;
end $body$;
create function "The App"."Handle New"(one text) returns text language sql as 'select one';
comment on function "The App"."Handle New"() is E'It''s ours; a\\b\nand {more}';
revoke all on function "The App"."Handle New"() from public;
grant execute on function "The App"."Handle New"() to authenticated;
grant execute on function "The App"."Handle New"() to anon with grant option;
alter function "The App"."Handle New"() owner to service_role;
create trigger "Make Profile" after insert on auth.users
    for each row when (new.email <> E'x\\n''y {}')
    execute function "The App"."Handle New"('a', 'b''c');
create table public.guests (id uuid, email text);
create trigger "Make Profile" before insert on public.guests
    for each row execute function "The App"."Handle New"('other');
"""


def catalog(app: App) -> Mapping[str, str]:
    """Everything in the database that a migration might change, apart from what is ours."""
    door = PostgresDoor(load(environ={"SUPABASE_DB_URL": app.url}))
    try:
        found = door.catalog.fingerprint()
    finally:
        door.close()
    return {
        name: text
        for name, text in found.items()
        if "usersync" not in name and not name.startswith("rows of ")
    }


@pytest.fixture
def unusual(app: App) -> App:
    """An app whose trigger and function have every attribute that they may have."""
    app.configure(f"install: {{trigger: {NAME}}}\n")
    app.rows(UNUSUAL)
    return app


def taken(app: App, name: str = NAME) -> None:
    """Ours takes the place of the app's trigger, as its dry run said."""
    run = apply(app, replace=name, approve=digest(plan(app, replace=name)))
    assert run.exit_code == 0, run.error


def back(app: App) -> Run:
    """The rollback, as its dry run said, and with what that said."""
    planned = plan_rollback(app)
    run = rollback(app, approve=digest(planned))
    assert run.exit_code == 0, run.error
    assert run.notes == planned.notes[:-2]
    return run


def told(run: Run) -> str:
    """What a run says beside its steps."""
    return "\n".join(run.notes)


def test_nothing_but_ours_differs_after_a_round_trip(unusual: App) -> None:
    """Function and trigger, with every attribute, are what they were; others stand all the time."""
    before = catalog(unusual)
    taken(unusual)
    assert unusual.one("select count(*) from pg_trigger where tgname = 'Make Profile'") == 2
    run = back(unusual)
    assert catalog(unusual) == before
    assert told(run) == (
        'The trigger Make Profile of the app comes back, and calls "The App"."Handle New"().'
    )


def test_a_function_that_was_dropped_comes_back_with_all_it_had(unusual: App) -> None:
    """Owner, rights and comment as well, though the schema gives new functions other rights."""
    unusual.rows('drop trigger "Make Profile" on public.guests')
    before = catalog(unusual)
    taken(unusual)
    unusual.rows(
        'drop function "The App"."Handle New"();'
        'alter default privileges in schema "The App" grant execute on functions to authenticator'
    )
    run = back(unusual)
    unusual.rows(
        'alter default privileges in schema "The App" revoke execute on functions'
        " from authenticator"
    )
    assert catalog(unusual) == before
    assert "is gone, and comes back too, with its owner, its rights and its comment" in told(run)


def test_rights_that_were_never_given_are_not_given(app: App) -> None:
    """A function with the default rights comes back with these, byte for byte."""
    app.rows(
        "create function public.handle() returns trigger language plpgsql as"
        " $$ begin insert into public.user_profiles (user_id) values (new.id); return new; end $$;"
        "create trigger handle after insert on auth.users for each row execute function handle()"
    )
    app.configure("install: {trigger: handle}\n")
    before = catalog(app)
    taken(app, "handle")
    app.rows("drop function public.handle()")
    back(app)
    assert catalog(app) == before


def test_the_rights_of_a_role_that_is_gone_go_with_it(app: App) -> None:
    """Everything else comes back."""
    role = f"r{uuid.uuid4().hex[:8]}"
    app.rows(
        f"create role {role};"
        "create function public.handle() returns trigger language plpgsql as"
        " $$ begin insert into public.user_profiles (user_id) values (new.id); return new; end $$;"
        f"grant execute on function public.handle() to {role};"
        "comment on function public.handle() is 'theirs';"
        "create trigger handle after insert on auth.users for each row execute function handle()"
    )
    app.configure("install: {trigger: handle}\n")
    taken(app, "handle")
    app.rows(f"drop function public.handle(); drop role {role}")
    back(app)
    assert app.one("select obj_description('public.handle()'::regprocedure, 'pg_proc')") == "theirs"
    assert triggers(app) == ["handle"]


def test_the_comment_of_the_trigger_is_never_gone(unusual: App, database: Database) -> None:
    """Rule 2 forbids to write one; ours stands under the same trigger, which keeps it."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("""comment on trigger "Make Profile" on auth.users is 'who made it'""")
    before = catalog(unusual)
    taken(unusual)
    back(unusual)
    assert catalog(unusual) == before


@pytest.mark.parametrize("twice", [False, True])
def test_what_somebody_edited_stays_and_is_told(unusual: App, twice: bool) -> None:
    """The dry runs of rollback and uninstall say so, and print what was kept."""
    taken(unusual)
    if twice:
        unusual.rows('drop trigger "Make Profile" on public.guests')
        unusual.rows('drop function "The App"."Handle New"()')
    unusual.rows(
        'create or replace function "The App"."Handle New"() returns trigger language plpgsql'
        " as $$ begin return new; end $$"
    )
    edited = catalog(unusual)['function "The App"."Handle New"()']
    for run in (plan_rollback(unusual), unusual.run("uninstall.plan", task="uninstall")):
        assert "stays as it is now. As it was:" in told(run)
        assert "declare note text := E'a\\\\b ''c'' {x}';" in told(run)
        assert 'alter function "The App"."Handle New"() owner to service_role;' in told(run)
    back(unusual)
    assert catalog(unusual)['function "The App"."Handle New"()'] == edited
    assert triggers(unusual) == [NAME]


def test_edited_rights_stay_and_are_told(unusual: App) -> None:
    """Who took a right away does not get it back unasked."""
    taken(unusual)
    unusual.rows(
        'set role service_role;revoke execute on function "The App"."Handle New"() from anon'
    )
    run = back(unusual)
    assert "stay as they are now. As they were:" in told(run)
    assert 'grant execute on function "The App"."Handle New"() to anon with grant option;' in told(
        run
    )
    assert not unusual.one(
        """select has_function_privilege('anon', '"The App"."Handle New"()', 'execute')"""
    )


def test_what_stands_in_our_place_by_now_stays_and_is_told(unusual: App) -> None:
    """A trigger that somebody put over ours is not overwritten."""
    taken(unusual)
    unusual.rows(
        'create or replace trigger "Make Profile" after insert on auth.users'
        """ for each row execute function "The App"."Handle New"('new')"""
    )
    definition = catalog(unusual)['trigger "Make Profile" on auth.users']
    run = back(unusual)
    assert "A trigger Make Profile that is not ours stands on auth.users, and stays" in told(run)
    assert "EXECUTE FUNCTION \"The App\".\"Handle New\"('a', 'b''c');" in told(run)
    assert catalog(unusual)['trigger "Make Profile" on auth.users'] == definition


def test_a_later_edit_makes_the_dry_run_stale(unusual: App) -> None:
    """What is said to come back is what comes back: exit 4, and nothing was touched."""
    taken(unusual)
    approved = digest(plan_rollback(unusual))
    unusual.rows('alter function "The App"."Handle New"() cost 8')
    assert rollback(unusual, approve=approved).exit_code == 4
    assert rollback(unusual, approve=digest(plan_rollback(unusual))).exit_code == 0


@pytest.mark.parametrize("how", ["schema", "create", "owner"])
def test_a_function_that_cannot_be_made_again(unusual: App, database: Database, how: str) -> None:
    """Exit 3 before anything is touched, with its text and the way on; ours goes on working."""
    taken(unusual)
    unusual.rows('drop trigger "Make Profile" on public.guests')
    unusual.rows('drop function "The App"."Handle New"()')
    reason = {
        "schema": 'there is no schema "The App" any more',
        "create": 'we may make no function in the schema "The App"',
        "owner": 'its owner service_role may make no function in the schema "The App"',
    }[how]
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            {
                "schema": 'drop schema "The App" cascade',
                "create": 'alter schema "The App" owner to supabase_admin;'
                'revoke create on schema "The App" from postgres, service_role',
                "owner": 'revoke create on schema "The App" from service_role',
            }[how]
        )
    for run in (
        plan_rollback(unusual),
        rollback(unusual, yes=True),
        unusual.run("uninstall.plan", task="uninstall"),
    ):
        assert run.exit_code == 3, run.error
        assert reason in run.error
        assert "declare note text" in run.error
        assert "--dry-run" in " ".join(run.next_steps)
    assert NAME in triggers(unusual)
    user_id = unusual.user()
    assert unusual.one("select user_id::text from public.user_profiles") == user_id
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute('create schema if not exists "The App"')
        admin.execute('grant usage, create on schema "The App" to postgres, service_role')
    back(unusual)
    assert (
        unusual.one("""select proowner::regrole::text from pg_proc
        where oid = '"The App"."Handle New"()'::regprocedure""")
        == "service_role"
    )


@pytest.mark.parametrize("dropped", [False, True])
def test_a_ledger_of_an_older_version(unusual: App, dropped: bool) -> None:
    """Its way back ends with what was replaced, without rights: it is read, and works."""
    before = catalog(unusual)
    taken(unusual)
    entry = unusual.one("select revert_text from usersync.ledger where change = '0006_sign_up'")
    old = replaced.read(entry)
    assert old is not None
    older = _older(unusual, old, replaced.without(entry))
    unusual.rows(
        "update usersync.ledger set revert_text = %(text)s where change = '0006_sign_up'",
        text=older,
    )
    if dropped:
        unusual.rows('drop trigger "Make Profile" on public.guests')
        unusual.rows('drop function "The App"."Handle New"()')
    assert plan(unusual).exit_code == 0
    run = back(unusual)
    name = 'function "The App"."Handle New"()'
    if dropped:
        assert "an older usersync kept no others" in told(run)
        assert catalog(unusual)[name].startswith(old.function_definition)
    else:
        assert catalog(unusual) == before
    assert triggers(unusual) == [NAME]


def _older(app: App, old: replaced.Replaced, revert: str) -> str:
    """The way back as version 0.1.0 wrote it."""
    block = f"""declare
    names_in constant text := current_setting('search_path');
begin
    -- As the catalog printed it: names without a schema were found there then.
    perform set_config('search_path', {_literal(old.search_path)}, true);
    if to_regprocedure({_literal(old.function)}) is null then
        execute {_literal(old.function_definition)};
    end if;
    execute {_literal(old.definition.replace("CREATE", "CREATE OR REPLACE", 1))};
    perform set_config('search_path', names_in, true);
end"""
    quoted = dollar_quoted(psycopg.sql.Composed([psycopg.sql.SQL(block)])).as_string()
    return f"{revert}\n{replaced.MARK}do {quoted};\n"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return "e'" + escaped.replace("\n", "\\n") + "'"


def test_both_definitions_are_stored_before_ours_is_made(unusual: App, database: Database) -> None:
    """While theirs still stands, images and ledger hold what it is and its function's rights."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("create table public.seen (place text, kept text)")
        admin.execute(
            "create function public.see() returns event_trigger language plpgsql security definer"
            " as $$ begin"
            " if to_regclass('usersync.before_images') is not null and not exists (select from"
            " pg_trigger as t join pg_proc as f on f.oid = t.tgfoid where"
            " t.tgrelid = 'auth.users'::regclass"
            " and f.pronamespace = 'usersync'::regnamespace) then"
            " insert into public.seen"
            " select 'images', b.image ->> 'definition' from usersync.before_images as b"
            " union all select 'ledger', l.revert_text from usersync.ledger as l;"
            " end if; end $$"
        )
        admin.execute(
            "create event trigger see on ddl_command_start when tag in ('CREATE TRIGGER')"
            " execute function public.see()"
        )
        taken(unusual)
        admin.execute("drop event trigger see")
        seen = admin.execute("select place, kept from public.seen").fetchall()
    for place in ("images", "ledger"):
        kept = " ".join(str(text) for where, text in seen if where == place)
        assert "declare note text" in kept, place
        assert 'TRIGGER "Make Profile"' in kept
        assert "owner to service_role" in kept


@pytest.mark.parametrize("fate", ["drop", "deafen"])
def test_cut_at_its_commit(
    unusual: App, database: Database, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    """Either theirs stands as it was, or ours does and theirs is kept: never neither."""
    before = catalog(unusual)
    wire = Wire(
        socket_of(database.server),
        lambda commit: fate if commit == 1 else "pass",
        marker=b'create or replace trigger "Make Profile"',
    )
    with wire.url(unusual) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        run = apply(unusual, replace=NAME, approve=digest(plan(unusual, replace=NAME)))
    monkeypatch.setenv("SUPABASE_DB_URL", unusual.url)
    assert run.exit_code == 1, run.error
    name = 'trigger "Make Profile" on auth.users'
    ours = "usersync" in catalog(unusual)[name]
    assert ours == (fate == "deafen")
    if not ours:
        assert catalog(unusual) == before
        return
    kept = unusual.rows("select image ->> 'definition' as text from usersync.before_images")
    assert any("declare note text" in row["text"] for row in kept)
    applied(unusual)
    back(unusual)
    assert catalog(unusual) == before
