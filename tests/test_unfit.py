"""A configuration that does not fit the database: refused in one sentence before any write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.app import App, summary_of
from tests.conftest import Database
from usersync import local
from usersync.migration import ApplyOptions
from usersync.sync import SyncOptions

#: What a run works on unless a case says otherwise.
PEOPLE = "create table public.people (uid uuid primary key, name text)"


def configured(columns: str = "{}", **of_table: str) -> str:
    """A usersync.yaml for public.people."""
    table = {"table": "people", "key": "uid", "columns": columns} | of_table
    fields = ", ".join(f"{name}: {value}" for name, value in table.items())
    return f"profiles: [{{{fields}}}]"


def refused(app: App, exit_code: int = 3) -> str:
    """What a sync says that does not start; nothing was written, anywhere."""
    app.user(email="somebody@example.com")
    run = app.sync()
    assert (run.exit_code, run.tables) == (exit_code, ()), run.error
    assert not (app.folder.parent / "state").exists()
    tables = app.rows(
        "select format('%I.%I', table_schema, table_name) as name from information_schema.tables"
        " where table_schema in ('public', 'app') and table_type = 'BASE TABLE'"
    )
    assert not any(app.one(f"select count(*) from {table['name']}") for table in tables)
    # One sentence a fault, and what to do about it.
    assert all("Traceback" not in line and "psycopg" not in line for line in run.error.splitlines())
    return "\n".join((run.error, *run.next_steps))


TABLES = {
    "a table that is not there": (
        "create table public.peoples (uid uuid primary key)",
        configured(),
        "there is no table public.people; did you mean public.peoples",
    ),
    "a table of another schema": (
        "create schema app; create table app.people (uid uuid primary key)",
        configured(),
        "there is no table public.people; did you mean app.people?",
    ),
    "a schema that is not there": (
        PEOPLE,
        configured(schema="nowhere"),
        "did you mean public.people?",
    ),
    "a key that is not there": (
        PEOPLE,
        configured(key="uuid"),
        "has no column uuid; did you mean uid?",
    ),
    "a column that is not there": (
        PEOPLE,
        configured("{nam: email}"),
        "has no column nam; did you mean name?",
    ),
    "a role column that is not there": (
        PEOPLE,
        configured(role="{column: rank, default: a, allowed: [a]}"),
        "has no column rank",
    ),
    "a column that must be filled and is not": (
        "create table public.people (uid uuid primary key, name text not null)",
        configured(),
        "people.name is NOT NULL, has no default and is not mapped",
    ),
    "a key of type text": (
        "create table public.people (uid text primary key)",
        configured(),
        "people.uid is of type text; the key holds the user's id, a uuid",
    ),
    "a key of type bigint": (
        "create table public.people (uid bigint generated always as identity primary key)",
        configured(),
        "people.uid is of type bigint",
    ),
    "a key without an index": (
        "create table public.people (uid uuid)",
        configured(),
        "people.uid has no unique index of its own",
    ),
    "a key with an index that is not unique": (
        "create table public.people (uid uuid); create index on public.people (uid)",
        configured(),
        "people.uid has no unique index of its own",
    ),
    "a partial index": (
        (
            "create table public.people (uid uuid, gone boolean);"
            " create unique index on public.people (uid) where not gone"
        ),
        configured(),
        "people.uid has no unique index of its own",
    ),
    "a deferrable index": (
        "create table public.people (uid uuid unique deferrable initially deferred)",
        configured(),
        "people.uid has no unique index of its own",
    ),
    "an index over an expression": (
        "create table public.people (uid uuid); create unique index on public.people ((uid::text))",
        configured(),
        "people.uid has no unique index of its own",
    ),
    "a composite key": (
        "create table public.people (uid uuid, org int, primary key (uid, org))",
        configured(),
        "it is only part of (org, uid), and a composite key cannot tell",
    ),
    "a view": (
        "create view public.people as select id as uid from auth.users",
        configured(),
        "public.people is a view",
    ),
    "a materialized view": (
        "create materialized view public.people as select id as uid from auth.users",
        configured(),
        "public.people is a materialized view",
    ),
    "a composite type": (
        "create type public.people as (uid uuid)",
        configured(),
        "public.people is not a table",
    ),
    "a generated column": (
        (
            "create table public.people (uid uuid primary key,"
            " name text generated always as (upper(uid::text)) stored)"
        ),
        configured("{name: email}"),
        "people.name is generated by Postgres",
    ),
    "an identity column": (
        "create table public.people (uid uuid primary key, name int generated always as identity)",
        configured("{name: 1}"),
        "people.name is generated by Postgres",
    ),
    "a column of another type": (
        "create table public.people (uid uuid primary key, name int)",
        configured("{name: created_at}"),
        "columns.name",
    ),
    "a literal of another type": (
        "create table public.people (uid uuid primary key, name int)",
        configured("{name: {literal: many}}"),
        "columns.name",
    ),
    "a role that is no value of its enum": (
        (
            "create type public.rank as enum ('a');"
            " create table public.people (uid uuid primary key, name public.rank)"
        ),
        configured(role="{column: name, default: b, allowed: [a, b]}"),
        "name",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_does_not_fit(app: App, case: str) -> None:
    """What is wrong with the table or its columns is named, with near names: exit 3."""
    setup, text, said = TABLES[case]
    app.rows(setup)
    app.configure(text)
    assert said in refused(app)


def test_a_foreign_table(app: App, database: Database) -> None:
    """A foreign table holds no profiles: exit 3."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("create foreign data wrapper somewhere")
        admin.execute("create server elsewhere foreign data wrapper somewhere")
        admin.execute("create foreign table public.people (uid uuid) server elsewhere")
        admin.execute("grant select, insert on public.people to postgres")
    app.configure(configured())
    assert "public.people is a foreign table" in refused(app)


def test_a_partitioned_table(app: App) -> None:
    """A partitioned table with a unique key is a table like any other."""
    app.rows("create table public.people (uid uuid primary key, name text) partition by hash (uid)")
    for number in range(3):
        app.rows(
            f"create table public.people_{number} partition of public.people"
            f" for values with (modulus 3, remainder {number})"
        )
    app.configure(configured("{name: email}"))
    app.users(20)
    assert summary_of(app.sync()).created == 20
    assert app.one("select count(*) from public.people") == 20
    assert app.status().missing == 0


def test_two_tables_of_one_name(app: App) -> None:
    """Of two tables with one name the configured one is used, whatever the search path says."""
    for schema in ("public", "app"):
        app.rows(f"create schema if not exists {schema}")
        app.rows(f"create table {schema}.people (uid uuid primary key)")
    app.configure(configured(schema="app"))
    app.users(2)
    assert summary_of(app.sync()).created == 2
    assert app.one("select count(*) from app.people") == 2
    assert app.one("select count(*) from public.people") == 0


EXPRESSIONS = {
    "broken": "lower(",
    "empty": " ",
    "only a comment": "-- nothing",
    "an open comment": "u.email /*",
    "two statements": "u.email; delete from auth.users",
    "a stray parenthesis": "1) from auth.users u where (true",
    "a way out of the case": "1) end, (case when true then (1",
    "two values": "u.email, u.phone",
    "another row": "p.name",
    "an unknown column": "u.emial",
    "an unknown function": "lowercase(u.email)",
    "an aggregate": "max(u.email)",
    "a window": "row_number() over ()",
    "a set": "generate_series(1, 3)",
    "another type": "u.created_at",
    "a parameter": "$1",
    "a placeholder": "{profiles}",
    "a subquery of two columns": "(select 1, 2)",
    "a write": "(delete from auth.users returning 1)",
    "an open string": "'abc",
    "an open dollar": "$$abc",
}


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_a_sql_expression_that_is_none(app: App, case: str) -> None:
    """Whatever is not one expression of the right type over the row u is exit 3, unexecuted."""
    app.rows("create table public.people (uid uuid primary key, name int)")
    app.configure(configured("{name: {sql: " + repr(EXPRESSIONS[case]).replace("\\'", "''") + "}}"))
    said = refused(app)
    assert "name" in said
    assert app.one("select count(*) from auth.users") == 1


@pytest.mark.parametrize("place", [0, 1])
def test_every_sql_expression_of_a_list(app: App, place: int) -> None:
    """Of a list of sources each sql: expression is validated, not only the last."""
    app.rows(PEOPLE)
    sources = ['{sql: "upper(u.email)"}']
    sources.insert(place, '{sql: "upper("}')
    app.configure(configured(f"{{name: [{', '.join(sources)}]}}"))
    assert "does not prepare" in refused(app)


@pytest.mark.parametrize(
    "expression",
    [
        "(select count(*) from auth.users)",
        "length(email) -- of the row u",
        "length(id::text)",
        "case when u.email like '%;%' then 1 else 2 end",
        "(select max(n) from generate_series(1, 3) as n)",
        "length('{} %s %(x)s $1 :: ''')",
    ],
)
def test_a_sql_expression_that_is_one(app: App, expression: str) -> None:
    """Subqueries, comments, odd text, bare column names work, also when a row must be isolated."""
    app.rows("create table public.people (uid uuid primary key, name int, mail text unique)")
    mapping = f"{{name: {{sql: {expression!r}}}, mail: user_metadata.mail}}"
    app.configure(configured(mapping.replace("\\'", "''")))
    for _ in range(3):
        app.user(raw_user_meta_data={"mail": "same"})
    run = app.sync()
    assert (run.exit_code, summary_of(run).created, summary_of(run).failed) == (2, 1, 2), run.error


# -- rights ------------------------------------------------------------------------------------


@pytest.fixture
def reader(app: App, database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the product connect as a role of its own, after SQL that gives it rights."""
    created: list[str] = []

    def connect(attributes: str, *rights: str) -> None:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            role = f"reader_{database.name}"
            admin.execute(f"create role {role} login {attributes}".encode())
            created.append(role)
            for right in rights:
                admin.execute(right.format(role=role).encode())
        monkeypatch.setenv("SUPABASE_DB_URL", database.url_of(role))

    yield connect
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        for role in created:
            admin.execute(f"drop owned by {role}".encode())
            admin.execute(f"drop role {role}".encode())


USERS = "grant usage on schema auth to {role}"
READ = "grant select on auth.users to {role}"
LOCK = "grant update on auth.users to {role}"
PROFILES = "grant select, insert on public.user_profiles to {role}"

RIGHTS = {
    "no right at all": ("bypassrls", (), 1, "may not read auth.users"),
    "no row of auth.users": (
        "nobypassrls",
        (USERS, READ, LOCK, PROFILES),
        1,
        "row security hides auth.users",
    ),
    "no lock on auth.users": (
        "bypassrls",
        (USERS, READ, PROFILES),
        3,
        "may not lock rows of auth.users",
    ),
    "no sight of the profiles": (
        "bypassrls",
        (USERS, READ, LOCK),
        1,
        "may not read public.user_profiles",
    ),
    "no insert": (
        "bypassrls",
        (USERS, READ, LOCK, "grant select on public.user_profiles to {role}"),
        3,
        "may not insert into public.user_profiles",
    ),
    "no row of the profiles": (
        "nobypassrls",
        (
            USERS,
            READ,
            LOCK,
            PROFILES,
            "create policy everybody on auth.users for all to {role} using (true)",
            "alter table auth.users disable row level security",
        ),
        1,
        "row security hides public.user_profiles",
    ),
}


@pytest.mark.parametrize("case", RIGHTS)
def test_a_role_that_may_not(app: App, reader: Any, case: str) -> None:
    """A missing right is named before any write; what hides rows is exit 1, the rest exit 3."""
    attributes, rights, exit_code, said = RIGHTS[case]
    reader(attributes, *rights)
    assert said in refused(app, exit_code)


def test_a_role_with_just_enough_rights(app: App, reader: Any) -> None:
    """Select and update on auth.users, select and insert on the profiles are enough."""
    app.users(3)
    reader("bypassrls", USERS, READ, LOCK, PROFILES)
    run = app.sync()
    assert (run.exit_code, run.error, summary_of(run).created) == (0, "", 3)


def refused_as_read_only(app: App, said: str) -> None:
    """Everything that writes is exit 3 before it does, with what to do; reading works."""
    user_id = app.one("select id::text from auth.users limit 1")
    for run in (
        app.sync(yes=True),
        app.run("sync.rehearse", options=SyncOptions()),
        app.run("create-profile", task="create-profile", reference=user_id, yes=True),
        app.run("migration.apply", task="migration.apply", options=ApplyOptions(yes=True)),
    ):
        assert run.exit_code == 3, (run.task, run.error)
        assert said in run.error
        assert run.next_steps
    assert not list(app.folder.parent.rglob("journal.jsonl"))
    assert app.status().missing == 3
    plan = app.plan()[1]
    assert (plan.rows, [guard.name for guard in plan.guards]) == (3, ["read_only"])
    checked = app.run("connect.check", task="connect.check")
    assert said in " ".join(step.detail for step in checked.steps)


def test_a_database_that_is_read_only(app: App, database: Database) -> None:
    """A database whose transactions are read-only (a full disk) is named before any write."""
    app.users(3)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            f"alter database {database.name} set default_transaction_read_only = on".encode()
        )
    refused_as_read_only(app, "default_transaction_read_only is on")


def test_a_standby(binaries: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica is named before any write."""
    with local.temporary(binaries=binaries) as server:
        app = App(server.url, workdir)
        app.users(3)
        local.stop(server.directory)
        (server.directory / "data" / "standby.signal").touch()
        local.start(server.directory, binaries=binaries)
        monkeypatch.setenv("SUPABASE_DB_URL", server.url)
        refused_as_read_only(app, "it is a standby")
