"""``migration.footprint``: everything of ours in a target, by the catalog's word."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.app import App
from tests.conftest import Database
from tests.migrated import applied
from usersync import local, report
from usersync.model import Run, Trace


def footprint(app: App) -> Run:
    """``migration.footprint``, which reads."""
    run = app.run("migration.footprint", task="migration.footprint")
    assert run.exit_code == 0, run.error
    return run


def traces(run: Run) -> dict[str, Trace]:
    """What was found, by kind and name."""
    return {f"{one.kind} {one.name}": one for one in run.footprint}


def test_nothing_installed(app: App) -> None:
    """It says so."""
    run = footprint(app)
    assert (run.footprint, run.notes) == ((), ("Nothing of usersync is in this target.",))


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_everything_is_listed(app: App, grants: str) -> None:
    """Schema, tables with their rows, functions, triggers, policies and rights, with the change."""
    assert grants
    applied(app)
    number = app.next_transaction()
    run = footprint(app)
    assert app.next_transaction() == number
    found = traces(run)
    for name, change in {
        "schema usersync": "0001_ledger",
        "table usersync.ledger": "0001_ledger",
        "table usersync.journal": "0002_journal",
        "policy nobody on usersync.journal": "0002_journal",
        "trigger journal_keeps on usersync.journal": "0002_journal",
        "function usersync.on_auth_user_created()": "0006_sign_up",
        "trigger on_auth_user_created on auth.users": "0006_sign_up",
        "function public.usersync_access(input jsonb)": "0008_api",
        "grant execute on function public.usersync_access(input jsonb) to service_role": "0008_api",
    }.items():
        assert found[name].change == change, name
    ledger = found["table usersync.ledger"]
    assert ledger.rows == app.one("select count(*) from usersync.ledger")
    assert ledger.size_bytes == app.one("select pg_total_relation_size('usersync.ledger')")
    assert [name for name, one in found.items() if not one.change] == []
    assert run.notes == ()
    text = report.terminal(run)
    assert "\nindex      11; --verbose lists them\n" in text
    text = report.terminal(run, verbose=True)
    assert "\nindex      usersync.journal_pkey, " in text
    assert f"table      usersync.ledger, {ledger.rows} rows, " in text
    assert "trigger    on_auth_user_created on auth.users (0006_sign_up)" in text
    assert json.loads(report.as_json(run))["footprint"][0]["kind"]


def test_by_the_catalog_and_not_the_ledger(app: App) -> None:
    """What no ledger entry knows is there all the same, and is told."""
    applied(app)
    app.rows(
        "create table usersync.theirs (id integer);"
        "create function public.usersync_theirs() returns integer language sql as 'select 1';"
        "create view public.v as select id from usersync.journal;"
        "create function public.f() returns void language plpgsql as"
        " 'begin perform 1 from usersync.journal; end';"
        "delete from usersync.ledger where change = '0003_failures'"
    )
    run = footprint(app)
    for note in (
        "In no ledger of ours: table usersync.theirs",
        "In no ledger of ours: function public.usersync_theirs()",
        "In no ledger of ours: table usersync.failures",
        "Stands on ours, and is not ours: view public.v",
        "Names ours in its text: public.f()",
    ):
        assert note in run.notes


def test_a_profile_table_that_we_made(app: App) -> None:
    """It is told with its rows; when usersync leaves it is the app's own."""
    app.configure("profiles:\n  - {table: members, key: id, columns: {email: email}}\n")
    applied(app, create_table=True)
    app.users(3)
    run = footprint(app)
    made = {name: one for name, one in traces(run).items() if "public.members" in name}
    assert (made["profile table public.members"].rows, run.notes) == (3, ())
    assert {one.change for one in made.values()} == {"0005_profile_table"}
    assert set(made) == {
        "profile table public.members",
        'policy "users read their own profile" on public.members',
        "grant select on table public.members to authenticated",
        "grant delete, insert, select, update on table public.members to service_role",
    }
    text = report.terminal(run)
    policy = 'policy     "users read their own profile" on public.members (0005_profile_table)'
    assert policy in text
    # What stands in the catalog, whatever was made once.
    app.rows(
        "revoke delete, insert on public.members from service_role;"
        'drop policy "users read their own profile" on public.members;'
        "create policy mine on public.members using (true)"
    )
    found = traces(footprint(app))
    assert [name for name in found if "public.members" in name] == [
        "profile table public.members",
        "policy mine on public.members",
        "grant select on table public.members to authenticated",
        "grant select, update on table public.members to service_role",
    ]
    # What rights.grant gives there is told by itself.
    app.run("rights.grant", task="runbook.x")
    found = traces(footprint(app))
    assert found["grant insert on table public.members to service_role"].change == "rights.grant"
    assert "grant select, update on table public.members to service_role" in found


def test_what_names_it_elsewhere(app: App, database: Database) -> None:
    """Settings of roles and jobs of pg_cron, which no dependency of Postgres knows."""
    applied(app)
    stub = Path(local.__file__).parents[1] / "sql/local/stubs/pg_cron.sql"
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(stub.read_bytes())
        for statement in (
            "alter role authenticator in database {} set pgrst.db_schemas = 'public, usersync'",
            "alter role anon in database {} set search_path = usersyncs, public",
            "alter role service_role in database {} set application_name = 'usersync'",
        ):
            query = sql.SQL(statement).format(sql.Identifier(database.name))
            admin.execute(query)
    app.rows(
        "select cron.schedule('tidy', '7 3 * * *', 'delete from usersync.failures'),"
        " cron.schedule('other', '7 3 * * *', 'select 1')"
    )
    run = footprint(app)
    setting = f"setting pgrst.db_schemas of role authenticator in database {database.name}"
    assert [note.removeprefix("Names ours in its text: ") for note in run.notes] == [
        setting,
        "cron job tidy",
    ]


def test_a_role_that_may_not_read_the_ledger(app: App, database: Database) -> None:
    """What it cannot know is not told as if it were known."""
    applied(app)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("alter schema usersync owner to supabase_admin")
        admin.execute("alter table usersync.ledger owner to supabase_admin")
    run = footprint(app)
    assert traces(run)["table usersync.ledger"].rows is None
    assert run.notes == ("This role may not read the ledger.",)


def test_a_paused_function_of_the_app(app: App) -> None:
    """Its body is ours for now."""
    app.rows(
        "create function public.handle_new_user() returns trigger language plpgsql as"
        " 'begin return new; end';"
        "create trigger theirs after insert on auth.users"
        " for each row execute function public.handle_new_user()"
    )
    app.run("migration.pause", function=None)
    assert list(traces(footprint(app))) == ["paused function public.handle_new_user()"]
    app.run("migration.resume", function=None)
    assert footprint(app).footprint == ()
