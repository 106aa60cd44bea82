"""``migration.export``: files that the Supabase CLI pushes leave what apply leaves."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from tests.app import App
from tests.migrated import PRODUCTION, applied, apply, export, has_schema, plan, states, triggers
from usersync import config
from usersync.backends.postgres import PostgresDoor
from usersync.comparison import statements
from usersync.sql import changes

MADE = "profiles:\n  - {table: members, key: id, columns: {email: email}}\n"

ADOPTED = [name for name in changes.names() if name != changes.PROFILE_TABLE]


def migrations(app: App) -> list[Path]:
    """What the CLI would push, in its order."""
    return sorted((app.folder / "supabase" / "migrations").iterdir())


def push(app: App, paths: list[Path]) -> None:
    """Run files as ``supabase db push`` does, in that order: each is a pipeline of its statements.

    A pipeline is one implicit transaction, and no transaction block.
    """
    with psycopg.connect(app.url, autocommit=True) as connection:
        for path in paths:
            with connection.pipeline():
                for statement in statements.split(path.read_text(encoding="utf-8")):
                    connection.execute(statement.text.encode())


def fingerprint(app: App) -> dict[str, str]:
    """Everything in the database that a migration might change, without the rows of our tables."""
    door = PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    try:
        found = door.catalog.fingerprint()
        return {name: text for name, text in found.items() if "rows of usersync." not in name}
    finally:
        door.close()


def test_pushed_files_are_what_apply_installs(app: App) -> None:
    """After the push nothing is pending, verify has nothing against it, and sign-ups work."""
    run = export(app)
    assert run.exit_code == 0, run.error
    assert not has_schema(app)
    paths = migrations(app)
    assert len(paths) == len(ADOPTED)
    assert all(re.fullmatch(r"\d{14}_usersync_[a-z_]+\.sql", path.name) for path in paths)
    assert "supabase db push" in run.next_steps
    push(app, paths)
    assert states(plan(app)) == dict.fromkeys(ADOPTED, "applied")
    app.user()
    assert app.status().missing == 0
    pushed = app.run("migration.verify", task="migration.verify")
    ours = [check for check in pushed.checks if check.check.startswith("change_")]
    assert len(ours) == len(ADOPTED)
    assert [check.check for check in ours if check.exit_code] == []
    again = export(app)
    assert "Nothing to export" in again.notes[0]
    assert migrations(app) == paths


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
@pytest.mark.parametrize("file", ["", MADE], ids=["adopted", "made"])
def test_pushed_is_applied_to_the_last_byte(app: App, grants: str, file: str) -> None:
    """A database that the files were pushed to is the one that apply leaves, by fingerprint."""
    assert grants
    app.configure(file)
    create = bool(file)
    before = fingerprint(app)
    export(app, create_table=create)
    push(app, migrations(app))
    pushed = fingerprint(app)
    push(app, sorted((app.folder / "supabase" / "usersync").iterdir(), reverse=True))
    assert fingerprint(app) == before
    applied(app, create_table=create)
    assert fingerprint(app) == pushed


def test_no_statement_wants_a_transaction_block(app: App) -> None:
    """The lock on auth.users is taken also where Postgres does not count a pipeline as one."""
    export(app)
    locks = [
        statement.text
        for folder in ("migrations", "usersync")
        for path in (app.folder / "supabase" / folder).iterdir()
        for statement in statements.split(path.read_text(encoding="utf-8"))
        if "lock table" in statement.text.partition("\n")[0]
    ]
    assert len(locks) == 4
    for statement in locks:
        app.rows(statement)
    with pytest.raises(psycopg.errors.NoActiveSqlTransaction):
        app.rows(locks[0].removeprefix("do $$ begin ").removesuffix(" end $$"))


def test_the_way_back(app: App) -> None:
    """The down files, newest first, leave the database as it was, by fingerprint."""
    door = PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    try:
        before = door.catalog.fingerprint()
        export(app)
        push(app, migrations(app))
        assert door.catalog.difference(before) != ()
        down = sorted((app.folder / "supabase" / "usersync").iterdir(), reverse=True)
        assert [path.name.replace(".down", "") for path in reversed(down)] == [
            path.name for path in migrations(app)
        ]
        push(app, down)
        assert door.catalog.difference(before) == ()
    finally:
        door.close()


def test_each_file_is_all_or_nothing(app: App) -> None:
    """A file that fails half-way leaves nothing of itself, and the ledger does not tell of it."""
    export(app)
    *first, last = migrations(app)
    push(app, first)
    last.write_text(last.read_text() + "select 1 / 0;\n")
    with pytest.raises(psycopg.errors.DivisionByZero):
        push(app, [last])
    assert [name for name, state in states(plan(app)).items() if state == "absent"] == [
        "0009_parked_profiles"
    ]
    assert app.one("select to_regclass('usersync.parked_profiles')") is None


def test_each_file_waits_for_a_lock_no_longer_than_apply_does(app: App) -> None:
    """Its own lock time-out ends a push that would queue sign-ins, and it can be pushed again."""
    export(app)
    paths = migrations(app)
    with psycopg.connect(app.url) as holder:
        holder.execute("update auth.users set id = id")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            push(app, paths)
    assert triggers(app) == []
    push(app, paths)
    assert len(triggers(app)) == 2


def test_files_beside_older_ones_come_last(app: App) -> None:
    """Names are UTC times of now, one second apart, so that the CLI keeps their order."""
    folder = app.folder / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20240101000000_theirs.sql").write_text("select 1;\n")
    export(app)
    names = [path.name for path in migrations(app)]
    assert names[0] == "20240101000000_theirs.sql"
    times = [name[:14] for name in names]
    assert times == sorted(set(times))
    assert [name[15:].removeprefix("usersync_") for name in names[1:]] == [
        f"{name.partition('_')[2]}.sql" for name in ADOPTED
    ]


def test_only_what_is_pending_is_exported(app: App) -> None:
    """After a change of the configuration only what it changes is written."""
    applied(app)
    app.configure("install: {on_error: block}\n")
    export(app)
    assert [path.name[15:] for path in migrations(app)] == [
        "usersync_sign_up.sql",
        "usersync_api.sql",
    ]
    push(app, migrations(app))
    assert set(states(plan(app)).values()) == {"applied"}


def test_where_the_repository_has_migrations_apply_points_there(app: App) -> None:
    """On a target that is not local apply is exit 3 there; --direct applies all the same."""
    app.configure(PRODUCTION)
    (app.folder / "supabase" / "migrations").mkdir(parents=True)
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert any("migration.export" in step for step in run.next_steps)
    assert not has_schema(app)
    assert apply(app, yes=True, direct=True).exit_code == 0
    assert len(triggers(app)) == 2
    assert app.one("select to_regnamespace('supabase_migrations') is null")


def test_nothing_is_written_that_cannot_be_applied(app: App) -> None:
    """Where ours is wanted beside another writer of the table no file is written either."""
    app.configure("trigger: own\n")
    app.rows(
        "create function public.handle() returns trigger language plpgsql as $$ begin"
        " insert into public.user_profiles (user_id) values (new.id); return new; end $$"
    )
    app.rows(
        "create trigger handle after insert on auth.users"
        " for each row execute function public.handle()"
    )
    assert export(app).exit_code == 3
    assert not (app.folder / "supabase").exists()


def test_a_folder_that_cannot_be_written(app: App) -> None:
    """Exit 3 with its name."""
    (app.folder / "supabase").touch()
    run = export(app)
    assert run.exit_code == 3
    assert "cannot be written" in run.error
