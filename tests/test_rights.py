"""``rights.grant``: what was lacking is given, told in the journal, and taken back at the end."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.faults import Wire, backends, journal, socket_of, until
from tests.migrated import applied, digest, rollback
from tests.test_footprint import footprint, traces
from tests.test_runbooks import Books
from tests.test_uninstall import catalog, exported, plan, uninstall
from usersync.model import Run

#: What the app's table lacks in these tests, and its line in the journal.
LACKING = """
revoke insert, delete on public.user_profiles from service_role;
revoke select on public.user_profiles from authenticated;
"""
GIVEN = {
    "granted": 3,
    "delete to service_role by its owner": 1,
    "insert to service_role by its owner": 1,
    "select to authenticated by its owner": 1,
}
NAMED = (
    "select on table public.user_profiles to authenticated",
    "delete on table public.user_profiles to service_role",
    "insert on table public.user_profiles to service_role",
)

NOTHING = "install: nothing\n"


def grant(app: App) -> Run:
    """``rights.grant``, which succeeds."""
    run = app.run("rights.grant", task="runbook.sync-permission-errors")
    assert run.exit_code == 0, run.error
    return run


def units(app: App) -> list[dict[str, Any]]:
    """What the target's journal counts of it."""
    rows = app.rows(
        "select counts from usersync.journal where profile_table <> '' and event = 'unit'"
        " and task like 'runbook.%' order by id"
    )
    return [row["counts"] for row in rows]


def granted(app: App, table: str = "public.user_profiles") -> set[str]:
    """The rights on the table, as Postgres writes them down."""
    rows = app.rows(
        f"select unnest(relacl)::text as one from pg_class where oid = '{table}'::regclass"
    )
    return {row["one"] for row in rows}


def place(app: App) -> dict[str, int]:
    """What the journal counts besides: which table it was, of which database of which cluster."""
    (row,) = app.rows(
        "select 'public.user_profiles'::regclass::oid::bigint as table_oid,"
        " d.oid::bigint as database_oid, c.system_identifier as cluster"
        " from pg_database as d, pg_control_system() as c where d.datname = current_database()"
    )
    return row


def test_what_was_lacking_is_told(app: App) -> None:
    """The journal has each right that was given, and none that was there; again, there is none."""
    applied(app)
    app.rows(LACKING)
    grant(app)
    grant(app)
    assert units(app) == [GIVEN | place(app), {"granted": 0}]
    run = footprint(app)
    assert [name for name in traces(run) if "user_profiles" in name] == [
        f"grant {name}" for name in NAMED
    ]
    assert {one.change for one in run.footprint if one.name in NAMED} == {"rights.grant"}
    assert run.notes == ()


def test_by_a_runbook_it_is_told_too(app: App) -> None:
    """Nobody calls it by itself: the line bears the name of the runbook."""
    applied(app)
    app.rows(LACKING)
    books = Books(app)
    books.write("steps:\n  - id: it\n    change: rights.grant\n")
    run = books.run()
    assert run.exit_code == 0, run.error
    assert GIVEN | place(app) in units(app)
    assert set(NAMED) < {one.name for one in footprint(app).footprint}


def test_a_rehearsal_tells_the_journal_nothing(app: App) -> None:
    """What is rolled back was not given."""
    applied(app)
    app.rows(LACKING)
    before = granted(app)
    assert app.run("rights.grant.rehearse", task="runbook.x").exit_code == 0
    assert (granted(app), units(app)) == (before, [])


def test_uninstall_takes_exactly_that_back(app: App) -> None:
    """The dry run names it, and the catalog is what it was before, by fingerprint."""
    app.rows(LACKING)
    before = catalog(app)
    applied(app)
    grant(app)
    shown = plan(app)
    (told,) = (one.does for one in shown.changes if one.name == "rights.grant")
    assert told.startswith(f"is taken back: {', '.join(NAMED)}. What the app does by it fails")
    assert "--keep-grants leaves it" in told
    text = app.run("uninstall.plan", task="uninstall", statements=True).statements
    assert "revoke delete, insert on table public.user_profiles from service_role;" in text
    run = uninstall(app, approve=digest(shown))
    assert run.exit_code == 0, run.error
    (step,) = (one for one in run.steps if one.name == "rights.grant")
    assert step.detail == f"taken back: {', '.join(NAMED)}"
    assert catalog(app) == before
    assert run.steps[-1].detail.endswith(" or right of usersync")


def test_its_sql_does_the_same(app: App) -> None:
    """The printed statements leave what uninstall leaves."""
    app.rows(LACKING)
    before = catalog(app)
    applied(app)
    grant(app)
    app.rows(app.run("uninstall.plan", task="uninstall", statements=True).statements)
    assert catalog(app) == before


def test_they_are_kept_where_somebody_says_so(app: App) -> None:
    """Plan, digest, next command and proof say so; an uninstall that takes them is another plan."""
    app.rows(LACKING)
    applied(app)
    grant(app)
    there = granted(app)
    keeping = app.run("uninstall.plan", task="uninstall", keep_grants=True)
    for name in NAMED:
        assert f"{name} stays, as rights.grant gave it: --keep-grants" in keeping.notes
    assert keeping.next_steps == (f"invoke uninstall --approve {digest(keeping)} --keep-grants",)
    assert digest(plan(app)) != digest(keeping)
    assert uninstall(app, approve=digest(keeping)).exit_code == 4
    run = uninstall(app, approve=digest(keeping), keep_grants=True)
    assert run.exit_code == 0, run.error
    assert granted(app) == there
    assert run.steps[-1].detail.endswith(f"; by rights.grant stays {', '.join(NAMED)}")
    # From now on they are the app's own.
    assert uninstall(app).exit_code == 0
    assert granted(app) == there


def test_what_others_did_since_is_left_alone(app: App, database: Database) -> None:
    """Revoked, given to be passed on, or given by another role as well: not ours to take back."""
    app.rows(LACKING)
    applied(app)
    grant(app)
    app.rows(
        "revoke delete on public.user_profiles from service_role;"
        "grant select on public.user_profiles to authenticated with grant option"
    )
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("create role passes_on")
        admin.execute("grant usage on schema public to passes_on")
        admin.execute("grant insert on public.user_profiles to passes_on with grant option")
        admin.execute("set role passes_on")
        admin.execute("grant insert on public.user_profiles to service_role")
    try:
        found = [one for one in traces(footprint(app)) if "user_profiles" in one]
        assert found == [f"grant {NAMED[2]}"]
        (told,) = (one.does for one in plan(app).changes if one.name == "rights.grant")
        assert told == f"is taken back: {NAMED[2]} (which it has from others too)"
        run = uninstall(app)
        assert run.exit_code == 0, run.error
        assert run.steps[-1].detail.endswith(f"; not known to be by rights.grant, stays {NAMED[0]}")
        assert app.one(
            "select has_table_privilege('service_role', 'public.user_profiles', 'insert')"
        )
        assert "service_role=a/passes_on" in granted(app)
        assert "authenticated=r*/postgres" in granted(app)
    finally:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute("drop owned by passes_on cascade")
            admin.execute("drop role passes_on")


def test_another_role_cannot_take_them_back(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3 before anything is touched, with who can, and the command that leaves them."""
    app.configure(NOTHING)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("alter table public.user_profiles owner to supabase_admin")
        admin.execute(
            "grant select, insert, update, delete on public.user_profiles to postgres"
            " with grant option"
        )
        admin.execute("revoke insert on public.user_profiles from service_role")
    grant(app)
    monkeypatch.setenv("SUPABASE_DB_URL", database.admin_url)
    there = granted(app)
    for run in (plan(app), uninstall(app)):
        assert run.exit_code == 3
        assert run.error.startswith("given by rights.grant, and supabase_admin cannot take it back")
        assert NAMED[2] in run.error
        assert run.next_steps == (
            "connect as postgres",
            "or leave it: invoke uninstall --dry-run --keep-grants",
        )
    assert granted(app) == there
    kept = app.run("uninstall.plan", task="uninstall", keep_grants=True)
    assert kept.exit_code == 0, kept.error


def test_a_journal_in_a_file(app: App) -> None:
    """``install: nothing``: footprint and uninstall read the file, once."""
    app.configure(NOTHING)
    app.rows(LACKING)
    before = catalog(app)
    grant(app)
    (unit,) = (line for line in journal(app) if line["event"] == "unit")
    assert unit["counts"] == GIVEN | place(app)
    assert {one.name for one in footprint(app).footprint} == set(NAMED)
    shown = plan(app)
    assert [one.name for one in shown.changes] == ["rights.grant"]
    run = uninstall(app, approve=digest(shown))
    assert run.exit_code == 0, run.error
    assert catalog(app) == before
    assert footprint(app).footprint == ()
    # Given again, by the app itself: not ours any more.
    app.rows("grant insert on public.user_profiles to service_role")
    assert plan(app).exit_code == 0
    assert footprint(app).footprint == ()


def test_a_file_from_before_the_migration(app: App) -> None:
    """What was given before there was a journal in the target is taken back too."""
    app.rows(LACKING)
    before = catalog(app)
    app.configure(NOTHING)
    grant(app)
    app.configure("")
    applied(app)
    assert uninstall(app).exit_code == 0
    assert catalog(app) == before


@pytest.mark.parametrize("again", [False, True])
def test_a_rollback_that_drops_the_journal(app: App, again: bool) -> None:
    """What it told of rights is told in the file from then on, so that they go with the rest."""
    app.rows(LACKING)
    before = catalog(app)
    applied(app)
    grant(app)
    assert rollback(app, drop_data=True).exit_code == 0
    if again:
        applied(app)
    assert {*NAMED} <= {one.name for one in footprint(app).footprint}
    assert uninstall(app).exit_code == 0
    assert catalog(app) == before


MOVED = {
    "renamed": ("alter table public.user_profiles rename to people", "public.people"),
    "in another schema": (
        "create schema app; alter table public.user_profiles set schema app",
        "app.user_profiles",
    ),
    "with a view in its place": (
        (
            "alter table public.user_profiles rename to people;"
            "create view public.user_profiles as select * from public.people;"
            "grant select on public.user_profiles to authenticated"
        ),
        "public.people",
    ),
    "with another table in its place": (
        (
            "alter table public.user_profiles rename to people;"
            "create table public.user_profiles (user_id uuid primary key, email text);"
            "grant all on public.user_profiles to service_role"
        ),
        "public.people",
    ),
}


@pytest.mark.parametrize("how", MOVED)
def test_a_table_is_known_wherever_it_moves(app: App, how: str) -> None:
    """Not by its name: the rights go there, and nothing that bears its old name loses any."""
    app.rows(LACKING)
    before = granted(app)
    applied(app)
    grant(app)
    statements, moved = MOVED[how]
    app.rows(statements)
    old = (
        "select unnest(relacl)::text from pg_class where oid = to_regclass('public.user_profiles')"
    )
    theirs = app.rows(old)
    shown = plan(app)
    (told,) = (one.does for one in shown.changes if one.name == "rights.grant")
    listed = told.removeprefix("is taken back: ").partition(". What")[0]
    assert {one.replace(moved, "public.user_profiles") for one in listed.split(", ")} == {*NAMED}
    run = uninstall(app, approve=digest(shown))
    assert run.exit_code == 0, run.error
    assert granted(app, moved) == before
    assert app.rows(old) == theirs
    assert run.steps[-1].detail.endswith(" or right of usersync")


def test_another_owner_has_given_them(app: App, database: Database) -> None:
    """Who gets a table has given, in Postgres' eyes, what the owner before gave."""
    app.rows(LACKING)
    applied(app)
    grant(app)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("create role owns_it")
        admin.execute("grant owns_it to postgres")
        admin.execute("grant usage on schema public to owns_it")
        admin.execute("alter table public.user_profiles owner to owns_it")
    try:
        assert "authenticated=r/owns_it" in granted(app)
        assert set(NAMED) < {one.name for one in footprint(app).footprint}
        run = uninstall(app)
        assert run.exit_code == 0, run.error
        assert not any(one.startswith("authenticated=r/") for one in granted(app))
        for right in ("insert", "delete"):
            has = f"select has_table_privilege('service_role', 'public.user_profiles', '{right}')"
            assert not app.one(has)
        assert run.steps[-1].detail.endswith(" or right of usersync")
    finally:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute("alter table public.user_profiles owner to postgres")
            admin.execute("drop owned by owns_it cascade")
            admin.execute("drop role owns_it")


#: The app's own table, with rights of its own.
AGAIN = """
create table public.new (like public.user_profiles including all);
drop table public.user_profiles cascade;
alter table public.new rename to user_profiles;
grant all on public.user_profiles to service_role;
grant select on public.user_profiles to authenticated;
"""


@pytest.mark.parametrize("what", ["the table", "the database", "the cluster"])
def test_what_was_made_again_keeps_its_rights(app: App, what: str) -> None:
    """As after ``supabase db reset``: footprint, plan and proof name them, and nothing goes."""
    app.configure(NOTHING)
    app.rows(LACKING)
    grant(app)
    if what == "the table":
        app.rows(AGAIN)
    else:
        key = {"the database": "database_oid", "the cluster": "cluster"}[what]
        (path,) = (app.folder.parent / "state").rglob("journal.jsonl")
        now = place(app)[key]
        text = path.read_text()
        assert f'"{key}": {now}' in text
        path.write_text(text.replace(f'"{key}": {now}', f'"{key}": {now + 1}'))
    there = granted(app)
    run = footprint(app)
    assert run.footprint == ()
    assert {one.partition(":")[0] for one in run.notes[1:]} == set(NAMED)
    shown = plan(app)
    assert (shown.exit_code, shown.changes) == (0, ())
    for name in NAMED:
        assert any(one.startswith(f"{name} stays: ") for one in shown.notes)
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert granted(app) == there
    detail = run.steps[-1].detail
    _, _, stays = detail.partition("; not known to be by rights.grant, stays ")
    assert set(stays.split(", ")) == set(NAMED), detail


def test_of_a_table_that_is_gone_nothing_stays(app: App) -> None:
    """Its rights went with it."""
    app.configure(NOTHING)
    app.rows(LACKING)
    grant(app)
    app.rows("drop table public.user_profiles cascade")
    app.rows("create table public.user_profiles (user_id uuid primary key, email text)")
    app.rows("revoke all on public.user_profiles from service_role, authenticated")
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert run.steps[-1].detail.endswith(" or right of usersync")


def test_a_line_that_does_not_tell_the_table(app: App) -> None:
    """What it told is no table for certain: the rights stay, and are named."""
    app.rows(LACKING)
    applied(app)
    grant(app)
    there = granted(app)
    app.rows(
        "set usersync.journal_forgets = 'on'; update usersync.journal"
        " set counts = counts - 'table_oid' where counts ? 'granted'"
    )
    run = uninstall(app)
    assert run.exit_code == 0
    assert granted(app) == there
    assert run.steps[-1].detail.endswith("stays what it gave on public.user_profiles(user_id)")


@pytest.mark.parametrize("task", ["rights.grant", "runbook.sync-permission-errors"])
def test_an_earlier_usersync_told_not_which(app: App, task: str) -> None:
    """They stay, and footprint, plan and proof name the table."""
    app.rows(LACKING)
    applied(app)
    grant(app)
    there = granted(app)
    app.rows(
        "set usersync.journal_forgets = 'on'; update usersync.journal"
        f""" set counts = '{{"rows": 0}}', task = '{task}' where counts ? 'granted'"""
    )
    table = "public.user_profiles(user_id)"
    (note,) = footprint(app).notes
    assert note.startswith(f"rights.grant gave rights on {table}; an earlier usersync")
    assert any(one.startswith(f"{table} keeps the rights") for one in plan(app).notes)
    run = uninstall(app)
    assert run.exit_code == 0
    assert granted(app) == there
    assert run.steps[-1].detail.endswith(f"; by rights.grant stays what it gave on {table}")


def test_the_retention_of_the_journal_leaves_it(app: App) -> None:
    """A line that tells of rights is not too old as long as it may be needed."""
    app.configure("journal: {retention_days: 1}\n")
    app.rows(LACKING)
    before = catalog(app)
    applied(app)
    grant(app)
    app.rows(
        "set usersync.journal_forgets = 'on';"
        "update usersync.journal set at = at - interval '3 days'"
    )
    app.users(1)
    app.rows("delete from public.user_profiles")
    app.sync()
    assert app.one("select count(*) from usersync.journal where at < now() - interval '1 day'") == 1
    app.rows("delete from auth.users")
    assert uninstall(app).exit_code == 0
    assert catalog(app) == before


@pytest.mark.parametrize("fate", ["drop", "deafen"])
def test_cut_off_it_goes_on(
    app: App, monkeypatch: pytest.MonkeyPatch, database: Database, fate: str
) -> None:
    """A wire that breaks while the rights go: all of them went or none, and it goes on."""
    app.rows(LACKING)
    before = catalog(app)
    applied(app)
    grant(app)
    wire = Wire(
        socket_of(database.server),
        lambda number: fate if number == 4 else "pass",
        marker=b"-- rerun: safe",
    )
    with wire.url(app) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        cut = uninstall(app)
    monkeypatch.setenv("SUPABASE_DB_URL", app.url)
    assert cut.exit_code in (1, 5), cut.error
    assert cut.changes[0].name == "rights.grant"
    until(lambda: not backends(app), "the server to notice")
    may_insert = "select has_table_privilege('service_role', 'public.user_profiles', 'insert')"
    assert app.one(may_insert) == (fate == "drop")
    again = uninstall(app)
    assert again.exit_code == 0, again.error
    assert catalog(app) == before
    assert any("granted" in line["counts"] for line in exported(app)["usersync.journal"])


def test_a_role_that_may_not_ask_which_cluster(app: App, database: Database) -> None:
    """Table and database will do then: what was given is taken back."""
    app.rows(LACKING)
    before = catalog(app)
    applied(app)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("revoke execute on function pg_control_system() from public")
    grant(app)
    (counts,) = units(app)
    assert set(counts) == {*GIVEN, "table_oid", "database_oid"}
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert catalog(app) == before


def test_another_table_meanwhile(app: App, database: Database) -> None:
    """One that takes the name while rights are given: nothing is given, and none of its is told."""
    applied(app)
    app.rows(LACKING)
    before = granted(app)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "create function public.swap() returns event_trigger language plpgsql security definer"
            " as $$ begin if to_regclass('public.people') is null then"
            " alter table public.user_profiles rename to people;"
            " create table public.user_profiles (like public.people including all);"
            " alter table public.user_profiles owner to postgres; end if; end $$;"
            "create event trigger swap on ddl_command_start when tag in ('GRANT')"
            " execute function public.swap()"
        )
        run = app.run("rights.grant", task="runbook.x")
        admin.execute("drop event trigger swap")
    assert run.exit_code == 5
    assert "another table took its name" in run.error
    assert (granted(app), units(app)) == (before, [])
