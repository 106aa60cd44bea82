"""``uninstall``: everything of ours out, what it replaced back, nothing lost, and it is proved."""

from __future__ import annotations

import json
import shlex
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.faults import Wire, backends, socket_of, started, until
from tests.migrated import (
    PRODUCTION,
    applied,
    digest,
    done,
    export,
    has_schema,
    states,
    triggers,
)
from tests.test_export import migrations, push
from usersync.backends.postgres import PostgresDoor
from usersync.config import load
from usersync.migration import UninstallOptions
from usersync.model import Run
from usersync.sql import changes

MADE = "profiles:\n  - {table: members, key: id, columns: {email: email}}\n"

#: As apps write it.
HANDLE_NEW_USER = """
create function public.handle_new_user() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.user_profiles (user_id, email) values (new.id, new.email);
    return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
"""


def uninstall(app: App, **options: Any) -> Run:
    """``uninstall``, whatever comes of it."""
    return app.run("uninstall", options=UninstallOptions(**options))


def plan(app: App) -> Run:
    """``uninstall --dry-run``."""
    return app.run("uninstall.plan", task="uninstall")


def catalog(app: App) -> dict[str, str]:
    """Everything in the database that a migration might change."""
    door = PostgresDoor(load(environ={"SUPABASE_DB_URL": app.url}))
    try:
        found = door.catalog.fingerprint()
        return {name: text for name, text in found.items() if not name.startswith("rows of ")}
    finally:
        door.close()


def exported(app: App) -> dict[str, list[dict[str, Any]]]:
    """The rows in files, by table."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((app.folder.parent / "state").rglob("dropped/*.jsonl")):
        lines = path.read_text().split("\n")
        table = path.name.split("-")[-1].removesuffix(".jsonl")
        rows.setdefault(table, []).extend(json.loads(line) for line in lines if line)
    return rows


# -- there and back -------------------------------------------------------------------------------


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_there_and_back(app: App, grants: str) -> None:
    """The catalog after uninstall is that before apply, and every profile is as it was."""
    assert grants
    app.users(2)
    before = catalog(app)
    applied(app)
    app.user()
    rows = app.rows("select p::text from public.user_profiles as p order by 1")
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert catalog(app) == before
    assert app.rows("select p::text from public.user_profiles as p order by 1") == rows
    assert (done(run)[-1], run.steps[-1].status) == ("proof", "ok")


def test_kept_trigger_of_the_app(app: App) -> None:
    """Beside the app's own trigger too, which still acts."""
    app.rows(HANDLE_NEW_USER)
    before = catalog(app)
    applied(app)
    assert uninstall(app).exit_code == 0
    assert catalog(app) == before
    app.user()
    assert app.status().missing == 0


def test_what_was_replaced_comes_back(app: App) -> None:
    """The app's trigger, whose place ours took, is there again, byte for byte."""
    app.rows(HANDLE_NEW_USER)
    before = catalog(app)
    applied(app, replace="on_auth_user_created")
    shown = plan(app)
    assert any("the app's own trigger comes back" in change.does for change in shown.changes)
    assert uninstall(app).exit_code == 0
    assert catalog(app) == before
    app.user()
    assert app.status().missing == 0


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_a_profile_table_that_we_made_stays(app: App, grants: str) -> None:
    """It keeps its rows, policies and rights: nothing but it differs from before."""
    assert grants
    app.configure(MADE)
    before = catalog(app)
    applied(app, create_table=True)
    app.users(3)
    made = {name: text for name, text in catalog(app).items() if "members" in name}
    rows = app.rows("select m::text from public.members as m order by 1")
    shown = plan(app)
    assert states(shown)["0005_profile_table"] == "applied"
    assert any("public.members stays with its rows" in change.does for change in shown.changes)
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert any(note.startswith("public.members stays") for note in run.notes)
    after = catalog(app)
    assert {name: text for name, text in after.items() if name not in before} == made
    assert {name: after.get(name) for name in before} == before
    assert app.rows("select m::text from public.members as m order by 1") == rows
    assert "public.members" not in exported(app)


def test_again(app: App) -> None:
    """Where nothing is left there is nothing to do, and the proof says so; apply works again."""
    applied(app)
    assert uninstall(app).exit_code == 0
    again = uninstall(app)
    assert (again.exit_code, done(again)) == (0, ["proof"])
    assert "Nothing to do" in again.notes[0]
    assert plan(app).exit_code == 0
    applied(app)
    app.user()
    assert app.status().missing == 0


# -- the dry run ----------------------------------------------------------------------------------


def test_the_dry_run_tells_the_truth(app: App) -> None:
    """It writes nothing, counts the rows that go into files, and its SQL is the uninstall."""
    before = catalog(app)
    applied(app)
    app.rows(
        "insert into usersync.parked_profiles (run_id, profile_table, key, profile)"
        " select gen_random_uuid(), 'public.user_profiles', gen_random_uuid(), '{}'"
        " from generate_series(1, 2)"
    )
    number = app.next_transaction()
    run = plan(app)
    assert app.next_transaction() == number
    assert run.exit_code == 2
    told = {change.name: change.does for change in run.changes}
    assert "usersync.parked_profiles (2 rows now)" in told["0009_parked_profiles"]
    assert "every row goes into a file first" in told["0009_parked_profiles"]
    assert run.next_steps == (f"invoke uninstall --approve {digest(run)}",)
    text = app.run("uninstall.plan", task="uninstall", statements=True).statements
    app.rows(text)
    assert catalog(app) == before


def test_production_takes_only_the_digest(app: App) -> None:
    """No terminal will do; the digest approves exactly what was shown, once."""
    app.configure(PRODUCTION)
    applied(app)
    app.answer = True
    assert uninstall(app).exit_code == 3
    assert app.asked == []
    approved = digest(plan(app))
    app.rows(
        "create or replace function usersync.journal_keeps() returns trigger"
        " language plpgsql set search_path = '' as 'begin return new; end'"
    )
    assert uninstall(app, approve=approved).exit_code == 4
    assert has_schema(app)
    approved = digest(plan(app))
    assert uninstall(app, approve=approved).exit_code == 0
    assert not has_schema(app)
    used = uninstall(app, approve=approved)
    assert (used.exit_code, "carried out already" in used.error) == (4, True)


def test_a_digest_of_another_task(app: App) -> None:
    """What approves a rollback approves no uninstall."""
    applied(app)
    assert uninstall(app, approve="rollback-1-2-3-4").exit_code == 3
    assert has_schema(app)


# -- what is kept ---------------------------------------------------------------------------------


def test_every_row_of_ours_is_in_a_file(app: App) -> None:
    """Ledger, journal and the rest, for their user alone, each named; the end is in the file."""
    applied(app)
    app.users(2)
    app.rows(
        "insert into usersync.failures (user_id, profile_table, trigger_name, sqlstate)"
        " values (gen_random_uuid(), 'public.user_profiles', 'on_auth_user_created', '23505')"
    )
    ledger = app.rows("select to_jsonb(l) as row from usersync.ledger as l order by change")
    run = uninstall(app)
    assert run.exit_code == 0
    rows = exported(app)
    # There is no file of a table without a row.
    assert set(rows) == {"usersync.ledger", "usersync.journal", "usersync.failures"}
    assert rows["usersync.ledger"] == [row["row"] for row in ledger]
    assert {"migration.apply", "uninstall"} <= {row["task"] for row in rows["usersync.journal"]}
    for path in (app.folder.parent / "state").rglob("dropped/*.jsonl"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert any(str(path) in step.detail for step in run.steps)
    (journal,) = (app.folder.parent / "state").rglob("journal.jsonl")
    last = json.loads(journal.read_text().splitlines()[-1])
    assert (last["task"], last["event"], last["exit_code"]) == ("uninstall", "ended", 0)


def test_no_file_no_loss(app: App) -> None:
    """Where a file cannot be written its table stays, and every row in it."""
    applied(app)
    (state,) = {path.parent for path in (app.folder.parent / "state").rglob("journal.jsonl")}
    (state / "dropped").touch()
    run = uninstall(app)
    assert run.exit_code == 3
    assert "nothing was dropped" in run.error
    assert app.one("select count(*) from usersync.journal") > 0
    assert any("uninstall --dry-run" in step for step in run.next_steps)
    (state / "dropped").unlink()
    assert uninstall(app).exit_code == 0
    assert not has_schema(app)


# -- what is refused ------------------------------------------------------------------------------

OTHERS = {
    "a view": (
        "create view public.v as select id from usersync.journal",
        "view public.v",
    ),
    "a foreign key": (
        "create table public.t (id bigint references usersync.journal (id))",
        "table constraint t_id_fkey on public.t",
    ),
    "a trigger": (
        (
            "create table public.guests (id uuid, email text, aud text);"
            " create trigger theirs after insert on public.guests"
            " for each row execute function usersync.on_auth_user_created()"
        ),
        "trigger theirs on public.guests",
    ),
    "a trigger on auth.users": (
        (
            "create trigger theirs after insert on auth.users"
            " for each row execute function usersync.on_auth_user_created()"
        ),
        "trigger theirs on auth.users",
    ),
    "a policy": (
        (
            "create table public.p (id bigint);"
            " create policy theirs on public.p using ((public.usersync_access('{}') is not null))"
        ),
        "policy theirs on public.p",
    ),
    "a publication": (
        "create publication theirs for table usersync.journal",
        "usersync.journal in publication theirs",
    ),
    "a child of our table": (
        "create table public.child () inherits (usersync.journal)",
        "table public.child",
    ),
    "a function that Postgres tracks": (
        (
            "create function public.f() returns bigint"
            " begin atomic select count(*) from usersync.journal; end"
        ),
        "function public.f()",
    ),
    "their trigger on our table": (
        (
            "create trigger theirs before insert on usersync.failures"
            " for each row execute function suppress_redundant_updates_trigger()"
        ),
        "trigger theirs on usersync.failures",
    ),
    "their policy on our table": (
        "create policy theirs on usersync.failures for select using (true)",
        "policy theirs on usersync.failures",
    ),
    "a default": (
        "create table public.d (at text default public.usersync_access('{}')::text)",
        "default value for public.d.at",
    ),
    "their table in our schema": (
        "create table usersync.theirs (id integer)",
        "table usersync.theirs",
    ),
    "their function under our name": (
        "create function public.usersync_theirs() returns integer language sql as 'select 1'",
        "function public.usersync_theirs()",
    ),
    "their type in our schema": (
        "create type usersync.mood as enum ('good')",
        "type usersync.mood",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_others_have_is_never_touched(app: App, what: str) -> None:
    """What stands on ours, or in our place, is named, and nothing at all is done."""
    applied(app)
    statement, named = OTHERS[what]
    app.rows(statement)
    before = catalog(app)
    for run in (plan(app), uninstall(app)):
        assert run.exit_code == 3, run.error
        assert named in run.error
    assert catalog(app) == before


def test_a_paused_function_of_the_app(app: App) -> None:
    """It is resumed first: afterwards nobody could."""
    app.rows(HANDLE_NEW_USER)
    applied(app)
    app.run("migration.pause", function="handle_new_user")
    run = uninstall(app)
    assert run.exit_code == 3
    assert run.next_steps == ("invoke migration.resume 'public.handle_new_user()'",)
    assert app.run("migration.resume", function=None).exit_code == 0
    assert uninstall(app).exit_code == 0


def test_our_own_paused_function(app: App) -> None:
    """Ours goes all the same."""
    applied(app)
    assert app.run("migration.pause", function=None).exit_code == 0
    assert uninstall(app).exit_code == 0
    assert not has_schema(app)


def test_a_schema_of_somebody_else(app: App, database: Database) -> None:
    """A schema of our name that no ledger of ours knows stays."""
    app.rows("create schema usersync; create table usersync.theirs (id integer)")
    run = uninstall(app)
    assert run.exit_code == 3
    assert "table usersync.theirs" in run.error
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("alter schema usersync owner to supabase_admin")
    assert "belongs to supabase_admin" in uninstall(app).error


def test_installed_in_another_schema(app: App) -> None:
    """Where the configuration names another schema by now, the one with the ledger is told."""
    applied(app)
    app.configure("install: {schema: other}\n")
    run = uninstall(app)
    assert run.exit_code == 3
    assert "usersync.ledger" in run.error


def test_a_function_that_names_ours_is_told(app: App) -> None:
    """Postgres does not track it: it is said, and does not stop anything."""
    applied(app)
    app.rows(
        "create function public.report() returns bigint language plpgsql as"
        " $$ begin return (select count(*) from usersync.journal); end $$"
    )
    assert any("public.report()" in note for note in plan(app).notes)
    assert uninstall(app).exit_code == 0


# -- other versions, and other ends ---------------------------------------------------------------


def test_the_ledger_of_a_newer_version(app: App) -> None:
    """Its changes, columns and tables are unknown here, and go by its own word."""
    before = catalog(app)
    applied(app)
    app.rows(
        "alter table usersync.ledger add column more jsonb not null default '{}';"
        "alter table usersync.journal add column more text not null default '';"
        "create table usersync.future (id integer, note text);"
        "create view usersync.future_notes as select note from usersync.future;"
        "create function public.usersync_future() returns integer language sql as 'select 1';"
        "insert into usersync.future values (1, 'kept');"
        "update usersync.ledger set tool_version = '99.0.0';"
        "insert into usersync.ledger (change, tool_version, configuration, apply_text, revert_text,"
        " objects) values ('0042_future', '99.0.0', '',"
        " 'create table usersync.future (id integer); create view usersync.future_notes as ;"
        " create or replace function public.usersync_future()',"
        " E'drop view usersync.future_notes;\\ndrop table usersync.future;\\n"
        "drop function public.usersync_future();',"
        ' \'{"table usersync.future": "", "function public.usersync_future()": ""}\')'
    )
    assert states(plan(app))["0042_future"] == "unwanted"
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert catalog(app) == before
    assert exported(app)["usersync.future"] == [{"id": 1, "note": "kept"}]


def test_the_ledger_of_an_older_version(app: App) -> None:
    """A journal without its younger columns, and changes that were not there yet."""
    before = catalog(app)
    applied(app)
    app.rows(
        "alter table usersync.journal drop column commit_sha, drop column approver;"
        "drop table usersync.parked_profiles;"
        "delete from usersync.ledger where change = '0009_parked_profiles';"
        "update usersync.ledger set tool_version = '0.0.1'"
    )
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert catalog(app) == before


@pytest.mark.parametrize("commit", [1, 3, 6, 8])
@pytest.mark.parametrize("fate", ["drop", "deafen"])
def test_cut_off_it_goes_on(
    app: App, monkeypatch: pytest.MonkeyPatch, database: Database, fate: str, commit: int
) -> None:
    """A wire that breaks in the middle leaves whole changes; the same command does the rest."""
    before = catalog(app)
    applied(app)
    app.users(1)
    wire = Wire(
        socket_of(database.server),
        lambda number: fate if number == commit else "pass",
        marker=b"-- rerun: safe",
    )
    with wire.url(app) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        cut = uninstall(app)
    monkeypatch.setenv("SUPABASE_DB_URL", app.url)
    assert cut.exit_code in (1, 5), cut.error
    assert wire.commits >= commit, cut.error
    # Until it does, what was not committed keeps its locks, and the run that of the target.
    until(lambda: not backends(app), "the server to notice")
    again = uninstall(app)
    assert again.exit_code == 0, again.error
    assert (again.steps[-1].name, again.steps[-1].status) == ("proof", "ok")
    assert catalog(app) == before
    assert {row["change"] for row in exported(app)["usersync.ledger"]} == set(changes.names()) - {
        "0005_profile_table"
    }
    assert app.one("select count(*) from public.user_profiles") == 1


def test_kill_9_half_way(app: App) -> None:
    """What was committed stays; the journal shows a run without an end; the next one ends it."""
    before = catalog(app)
    applied(app)
    api = "select count(*) from pg_proc where proname like 'usersync\\_%'"
    with psycopg.connect(app.url) as busy:
        # It waits at the table of failures, in the middle.
        busy.execute("lock table usersync.failures in access share mode")
        with started(app, "uninstall") as command:
            until(
                lambda: app.one(api) == 0 or command.process.poll() is not None,
                "the first changes to be out",
            )
            assert command.process.poll() is None, command.end()
            command.send(signal.SIGKILL)
            assert command.end()[0] == -signal.SIGKILL
    until(lambda: not backends(app), "the server to notice")
    assert app.one("select count(*) from usersync.ledger") > 1
    lines = app.rows("select event from usersync.journal where task = 'uninstall'")
    assert {line["event"] for line in lines} == {"started", "unit"}
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert catalog(app) == before


def test_the_proof_can_fail(app: App) -> None:
    """What a way back left behind is exit 6, and each thing is named; the journal says so too."""
    app.configure("contact: the database people\n")
    applied(app)
    app.rows("update usersync.ledger set revert_text = '-- no' where change = '0008_api'")
    run = uninstall(app)
    assert run.exit_code == 6
    assert "function public.usersync_access(input jsonb)" in run.error
    assert run.next_steps == (
        "look at each: invoke migration.footprint",
        "contact: the database people",
    )
    assert (run.steps[-1].name, run.steps[-1].status) == ("proof", "failed")
    (journal,) = (app.folder.parent / "state").rglob("journal.jsonl")
    assert json.loads(journal.read_text().splitlines()[-1])["exit_code"] == 6


# -- elsewhere ------------------------------------------------------------------------------------


def test_what_goes_by_hand(app: App) -> None:
    """The files of init that are there, what they name on GitHub, and the folder of the user."""
    applied(app)
    from usersync import scaffold

    action = "acme/usersync@" + "0" * 40
    scaffold.write(app.folder, scaffold.plan(app.folder, action))
    (app.folder / "usersync.yaml").unlink()
    run = uninstall(app)
    assert run.exit_code == 0
    removed = next(step for step in run.next_steps if step.startswith("git rm "))
    assert ".github/workflows/usersync-sync.yml" in removed
    assert "usersync.yaml" not in removed.split()
    for command in (
        "gh label delete usersync --yes",
        "gh api --method DELETE repos/{owner}/{repo}/environments/production  # with its secrets",
        "gh api --method DELETE repos/{owner}/{repo}/actions/variables/USERSYNC_NIGHTLY",
    ):
        assert command in run.next_steps
    assert any("actions/secrets/SUPABASE_DB_URL " in step for step in run.next_steps)
    assert str(Path(app.folder.parent / "state")) in run.next_steps[-1]
    assert (app.folder / ".github/workflows/usersync-sync.yml").exists()


def test_exported_files_would_install_it_again(app: App) -> None:
    """They are named; the migration that takes it out fits here, and a database begun anew."""
    before = catalog(app)
    assert export(app).exit_code == 0
    files = migrations(app)
    push(app, files)
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert any(f"install usersync again: {len(files)} files" in step for step in run.next_steps)
    (removed,) = (step for step in run.next_steps if step.startswith("git rm "))
    for path in files:
        assert f"supabase/migrations/{path.name}" in removed
        assert f"supabase/usersync/{path.stem}.down.sql" in removed
    (piped,) = (step for step in run.next_steps if step.startswith("cat "))
    way_back, new = piped.split(" | ")
    assert new == "supabase migration new usersync_taken_out && supabase db push"
    text = subprocess.run(
        shlex.split(way_back), cwd=app.folder, capture_output=True, text=True, check=True
    ).stdout
    made = files[0].with_name("20991231235959_usersync_taken_out.sql")
    made.write_text(text)
    push(app, [made])
    assert catalog(app) == before
    push(app, migrations(app))
    assert catalog(app) == before
    assert len(uninstall(app).next_steps) == 1


@pytest.mark.parametrize("gone", ["all", "one"])
def test_exported_files_without_their_way_back(app: App, gone: str) -> None:
    """Where down files are gone, the history of the repository is named, which has them."""
    assert export(app).exit_code == 0
    files = migrations(app)
    push(app, files)
    down = sorted((app.folder / "supabase" / "usersync").iterdir())
    for path in down if gone == "all" else down[3:4]:
        path.unlink()
    run = uninstall(app)
    assert run.exit_code == 0, run.error
    assert not any("cat " in step for step in run.next_steps)
    assert "git log -- supabase/usersync  # has the way back" in run.next_steps
    (removed,) = (step for step in run.next_steps if step.startswith("git rm "))
    assert set(shlex.split(removed, comments=True)[2:]) == {
        str(path.relative_to(app.folder)) for path in (*files, *down) if path.exists()
    }


def test_nothing_elsewhere(app: App) -> None:
    """Where init wrote nothing only the folder is named."""
    assert triggers(app) == []
    run = uninstall(app)
    assert len(run.next_steps) == 1
