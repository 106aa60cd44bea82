"""``migration.apply``: what it installs, what it refuses, and that it says exactly what it does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.app import PROFILES, App
from tests.conftest import Database
from tests.faults import Wire, journal, socket_of
from tests.migrated import (
    PRODUCTION,
    applied,
    apply,
    digest,
    done,
    has_schema,
    plan,
    rollback,
    statements,
    states,
    triggers,
)
from usersync import local
from usersync.migration import ApplyOptions
from usersync.model import Run
from usersync.sql import changes

#: What apply installs beside a profile table that is there.
ADOPTED = [name for name in changes.names() if name != changes.PROFILE_TABLE]

CREATED = """
profiles:
  - table: members
    key: id
    columns: {email: email, joined_at: created_at, plan: {literal: free}}
"""


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_applied_it_gives_new_users_their_profile(app: App) -> None:
    """After apply a sign-up makes a profile, in both grant regimes; a second apply does nothing."""
    run = applied(app)
    assert set(states(run).values()) == {"applied"}, run
    assert done(run) == ADOPTED
    user = app.user()
    assert app.one("select user_id::text from public.user_profiles") == user
    again = applied(app)
    assert again.steps == ()
    assert "Nothing to do" in again.notes[0]


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_nobody_else_may_use_what_it_installs(app: App, grants: local.Grants) -> None:
    """Roles of the API see nothing of ours, in both grant regimes; the service role calls ours."""
    assert grants
    applied(app)
    roles = ("anon", "authenticated", "service_role")
    reachable = app.rows(
        "select r.rolname, format('%%s.%%s', n.nspname, c.relname) from pg_roles as r"
        " cross join pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname = 'usersync' and c.relkind = 'r' and r.rolname = any(%(roles)s)"
        " and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate')",
        roles=list(roles),
    )
    assert reachable == []
    callable_by = app.rows(
        "select distinct r.rolname, n.nspname from pg_roles as r cross join pg_proc as f"
        " join pg_namespace as n on n.oid = f.pronamespace"
        " where (n.nspname = 'usersync' or f.proname like 'usersync\\_%%')"
        " and r.rolname = any(%(roles)s) and has_function_privilege(r.oid, f.oid, 'execute')",
        roles=list(roles),
    )
    assert callable_by == [{"rolname": "service_role", "nspname": "public"}]


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_it_makes_the_table_only_when_asked(app: App, grants: local.Grants) -> None:
    """A missing table is exit 3; with --create-table it is made, closed to all but its user."""
    assert grants
    app.configure(CREATED)
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "--create-table" in "\n".join(run.next_steps)
    assert not has_schema(app)
    run = applied(app, create_table=True)
    assert done(run) == list(changes.names())
    user = app.user(email="own@example.com")
    other = app.user()
    assert app.one("select count(*) from public.members") == 2
    assert app.one(f"select plan from public.members where id = '{user}'") == "free"
    with psycopg.connect(app.url) as connection:
        connection.execute("set local role authenticated")
        claims = f'{{"sub": "{user}", "role": "authenticated"}}'
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        seen = connection.execute("select id::text from public.members").fetchall()
        assert seen == [(user,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update public.members set plan = 'paid'")
    with psycopg.connect(app.url) as connection:
        connection.execute("set local role anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select 1 from public.members")
    app.rows(f"delete from auth.users where id = '{other}'")
    assert app.one("select count(*) from public.members") == 1
    # What it made is followed, and stays of its making although nobody says --create-table again.
    app.rows(f"update auth.users set email = 'new@example.com' where id = '{user}'")
    assert app.one("select email from public.members") == "new@example.com"
    assert states(plan(app)) == dict.fromkeys(changes.names(), "applied")


def test_a_column_that_nobody_maps_makes_nothing_pending(app: App) -> None:
    """The app may add columns of its own to its table; what is installed stays as configured."""
    applied(app)
    app.rows("alter table public.user_profiles add column shoe_size numeric")
    assert set(states(plan(app)).values()) == {"applied"}
    app.rows("alter table public.user_profiles alter column email type varchar(300)")
    assert states(plan(app))["0006_sign_up"] == "configured"


def test_a_table_of_the_app_is_never_altered(app: App) -> None:
    """Apply leaves definition, rights and rows of an app's own table as they are."""
    fingerprint = (
        "select md5(string_agg(x, ',' order by x)) from ("
        " select a::text from pg_attribute as a where attrelid = 'public.user_profiles'::regclass"
        " union all select conname || pg_get_constraintdef(oid) from pg_constraint"
        " where conrelid = 'public.user_profiles'::regclass"
        " union all select relacl::text from pg_class where oid = 'public.user_profiles'::regclass"
        " union all select p::text from pg_policy as p"
        " where p.polrelid = 'public.user_profiles'::regclass) as all_of_it (x)"
    )
    app.users(2)
    before = app.one(fingerprint)
    applied(app, create_table=True)
    assert app.one(fingerprint) == before
    assert app.one("select count(*) from public.user_profiles") == 0


def test_the_dry_run_writes_nothing_and_prints_exactly_what_runs(app: App) -> None:
    """--sql, run by hand statement by statement, leaves what apply leaves; --dry-run nothing."""
    run = plan(app)
    assert run.exit_code == 2
    assert states(run) == dict.fromkeys(ADOPTED, "absent")
    text = statements(app)
    assert not has_schema(app)
    assert triggers(app) == []
    app.rows(text)
    assert states(plan(app)) == dict.fromkeys(ADOPTED, "applied")
    assert statements(app) == ""
    app.user()
    assert app.status().missing == 0


def test_sql_is_what_the_server_gets(app: App, database: Database) -> None:
    """Between begin and commit the server's log holds what --sql printed, in its order."""
    text = statements(app)
    wanted = [part.strip() for part in text.split("begin;\n")[1:]]
    assert len(wanted) == len(ADOPTED)
    app.rows("create table public.said (line int generated always as identity, query text)")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "create function public.say() returns event_trigger language plpgsql"
            " security definer as"
            " $$ begin insert into public.said (query) values (current_query()); end $$"
        )
        admin.execute("create event trigger say on ddl_command_start execute function public.say()")
    applied(app)
    said = list(dict.fromkeys(row["query"].strip() for row in app.rows("table public.said")))
    assert said
    assert [query for query in said if query not in text] == []


def test_a_digest_approves_exactly_this_once(app: App) -> None:
    """In production a dry run's digest lets it pass; never a second time, never something else."""
    app.configure(PRODUCTION)
    run = apply(app)
    assert run.exit_code == 3
    assert not has_schema(app)
    approved = digest(plan(app))
    assert f"--approve {approved}" in "\n".join(run.next_steps)
    app.rows("create function public.noted() returns trigger language plpgsql as 'begin end'")
    app.rows(
        "create trigger noted after insert on auth.users for each row"
        " execute function public.noted()"
    )
    stale = apply(app, approve=approved)
    assert stale.exit_code == 4
    assert "what is installed" in stale.error
    assert not has_schema(app)
    app.rows("drop function public.noted() cascade")
    run = apply(app, approve=approved)
    assert run.exit_code == 0, run.error
    assert triggers(app) == ["on_auth_user_created", "on_auth_user_updated"]
    assert apply(app, approve=approved).exit_code == 4
    assert apply(app, approve=approved.replace("apply", "rollback")).exit_code == 3


@pytest.mark.parametrize("answer", [True, False])
def test_production_asks_at_a_terminal(app: App, answer: bool) -> None:
    """At a terminal production asks; no is exit 4 and nothing is touched."""
    app.configure(PRODUCTION)
    app.answer = answer
    run = apply(app)
    assert run.exit_code == (0 if answer else 4)
    assert has_schema(app) is answer
    assert len(app.asked) == 1


def test_who_was_there_before_is_counted_and_synced(app: App) -> None:
    """Apply ends with the number of missing profiles and the sync that makes exactly them."""
    app.users(3)
    run = applied(app)
    assert run.notes == ("Missing profiles in public.user_profiles(user_id): 3",)
    (command,) = run.next_steps
    assert command.startswith("invoke sync --approve ")
    app.user()
    approved = command.rpartition(" ")[2]
    assert app.synced(approve=approved).created == 3
    assert app.status().missing == 0


def test_then_sync_does_both(app: App) -> None:
    """--then-sync installs the trigger first and makes the missing profiles after it."""
    app.users(3)
    run = app.run(
        "migration.apply",
        task="migration.apply",
        options=ApplyOptions(yes=True),
        then_sync=True,
    )
    assert run.exit_code == 0, run.error
    assert run.tables[0].summary is not None
    assert run.tables[0].summary.created == 3
    assert app.status().missing == 0


def test_in_an_app_with_several_tables_each_gets_its_row(app: App) -> None:
    """One trigger writes every profile table; one that fails costs its own row and no other."""
    app.rows(PROFILES)
    app.configure(
        """
profiles:
  - table: user_profiles
    key: user_id
    columns: {email: email}
  - table: profiles
    key: id
    columns: {username: user_metadata.name}
"""
    )
    applied(app)
    user = app.user(raw_user_meta_data={"name": "long enough"})
    short = app.user(raw_user_meta_data={"name": "x"})
    ids = "select array_agg({key}::text order by {key}::text) from public.{table}"
    assert app.one(ids.format(key="user_id", table="user_profiles")) == sorted([user, short])
    assert app.one(ids.format(key="id", table="profiles")) == [user]
    (failure,) = app.rows("select user_id::text, profile_table, sqlstate from usersync.failures")
    assert failure == {
        "user_id": short,
        "profile_table": "public.profiles(id)",
        "sqlstate": "23514",
    }


@pytest.mark.parametrize("name", ['we"ird $usersync$ %s {x}', "Über", "select"])
def test_odd_names_are_names(app: App, name: str) -> None:
    """Schema, trigger, table and columns may bear any name that Postgres takes."""
    quoted = '"' + name.replace('"', '""') + '"'
    app.rows(f"create table public.{quoted} ({quoted} uuid primary key, email text)")
    text = "'" + name.replace("'", "''") + "'"
    app.configure(
        f"install: {{schema: {text}, trigger: {text}}}\n"
        f"profiles:\n  - {{table: {text}, key: {text}, columns: {{email: email}}}}\n"
    )
    applied(app)
    user = app.user()
    assert app.one(f"select {quoted}::text from public.{quoted}") == user
    assert states(plan(app)) == dict.fromkeys(ADOPTED, "applied")
    run = rollback(app, drop_data=True)
    assert run.exit_code == 0, run.error
    assert not has_schema(app, name)
    assert triggers(app) == []


# -- whose it is ----------------------------------------------------------------------------------


def test_a_schema_of_somebody_else_is_not_touched(app: App, database: Database) -> None:
    """A schema of our name that another role owns is exit 3."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("create schema usersync authorization supabase_admin")
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "belongs to supabase_admin" in run.error
    assert triggers(app) == []


def test_what_stands_there_already_is_not_ours(app: App) -> None:
    """A table of our name in a schema of our name that no ledger records is exit 3, untouched."""
    app.rows("create schema usersync; create table usersync.failures (mine text)")
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "table usersync.failures" in run.error
    assert app.rows("select * from usersync.failures") == []


def test_without_the_right_to_make_triggers_it_is_refused(app: App, database: Database) -> None:
    """Exit 3 with the role that has the right; nothing is touched."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("revoke trigger on auth.users from postgres, public")
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "may not create a trigger on auth.users" in run.error
    assert not has_schema(app)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("{table: user_profiles, key: email, columns: {role: email}}", "email"),
        ("{table: user_profiles, key: user_id, columns: {nick: email}}", "nick"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(app: App, settings: str, told: str) -> None:
    """A wrong key and a mapped column that is missing are exit 3, before anything is installed."""
    app.configure(f"profiles:\n  - {settings}\n")
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert told in run.error
    assert not has_schema(app)


# -- bad luck -------------------------------------------------------------------------------------


def test_two_applies_at_once_install_once(app: App) -> None:
    """Of several at the same moment one works; the others are exit 7, or find nothing to do."""
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: apply(app, yes=True), range(4)))
    assert sorted({run.exit_code for run in runs}) in ([0], [0, 7])
    assert [done(run) for run in runs if run.steps] == [ADOPTED]
    assert states(plan(app)) == dict.fromkeys(ADOPTED, "applied")


@pytest.mark.parametrize("fate", ["drop", "deafen"])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_cut_between_two_changes_the_ledger_tells_the_truth(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch, number: int, fate: str
) -> None:
    """A wire that breaks at a commit leaves whole changes; the next run does exactly the rest."""
    wire = Wire(
        socket_of(database.server),
        lambda commit: fate if commit == number else "pass",
        marker=b'insert into "usersync".ledger',
    )
    with wire.url(app) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        run = apply(app, yes=True)
    monkeypatch.setenv("SUPABASE_DB_URL", app.url)
    assert run.exit_code == 1, run.error
    committed = number if fate == "deafen" else number - 1
    # What was heard of is a step; the ledger knows what was not heard of.
    assert done(run) == ADOPTED[: number - 1]
    assert [name for name, state in states(plan(app)).items() if state == "applied"] == ADOPTED[
        :committed
    ]
    assert done(applied(app)) == ADOPTED[committed:]
    app.user()
    assert app.status().missing == 0


def test_a_server_that_does_not_come_back(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nobody can look any more, apply and rollback still tell what they have done: exit 1."""
    app.configure("retry_s: 1\n")
    ways: tuple[tuple[Callable[[], Run], bytes, int, str], ...] = (
        (lambda: apply(app, yes=True), b'insert into "usersync".ledger', 2, ADOPTED[0]),
        (lambda: rollback(app), b"l.change = '0006_sign_up'", 1, "0007_follow"),
    )
    for work, marker, last, first in ways:
        wire = Wire(socket_of(database.server), marker=marker)

        def fate(commit: int, wire: Wire = wire, last: int = last) -> str:
            wire.is_down = commit == last
            return "drop" if wire.is_down else "pass"

        wire.on_commit = fate
        with wire.url(app) as url:
            monkeypatch.setenv("SUPABASE_DB_URL", url)
            run = work()
        monkeypatch.setenv("SUPABASE_DB_URL", app.url)
        assert run.exit_code == 1
        assert first in done(run), (run.error, run.steps)
        applied(app, repair=True)


def test_the_journal_holds_it_in_both_places(app: App) -> None:
    """What came before the journal's table is in the file, the rest in the table."""
    applied(app)
    in_file = [line["counts"] for line in journal(app) if line["event"] == "unit"]
    in_table = [
        row["counts"]
        for row in app.rows("select counts from usersync.journal where event = 'unit' order by id")
    ]
    assert in_file == [{name: 1} for name in ADOPTED[:1]]
    assert in_table == [{name: 1} for name in ADOPTED[1:]]
