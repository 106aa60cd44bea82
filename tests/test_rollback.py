"""``migration.rollback``: out with what acts on sign-ups; what holds data stays, or is dumped."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.faults import Wire, socket_of
from tests.migrated import (
    PRODUCTION,
    applied,
    digest,
    done,
    has_schema,
    plan,
    plan_rollback,
    rollback,
    states,
    triggers,
)
from usersync.migration import RollbackOptions
from usersync.model import Run
from usersync.sql import changes

MADE = "profiles:\n  - {table: members, key: id, columns: {email: email}}\n"

DATA = [
    "0001_ledger",
    "0002_journal",
    "0003_failures",
    "0004_before_images",
    "0009_parked_profiles",
]
ACTING = ["0007_follow", "0006_sign_up"]

#: Of our functions; what keeps the journal append-only stays with it.
OURS_LEFT = """
select (select count(*) from pg_proc where (pronamespace = 'usersync'::regnamespace
    or proname like 'usersync\\_%') and proname <> 'journal_keeps')
"""


def reverted(run: Run) -> list[str]:
    """The changes that a run took out, in its order."""
    return [name for name in done(run) if name in changes.names()]


def dumped(app: App) -> dict[str, list[dict[str, object]]]:
    """The rows in files, by table."""
    folder = app.folder.parent / "state"
    return {
        path.name.split("-")[-1].removesuffix(".jsonl"): [
            json.loads(line) for line in path.read_text().split("\n") if line
        ]
        for path in folder.rglob("dropped/*.jsonl")
    }


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_what_acts_goes_and_what_holds_data_stays(app: App, grants: str) -> None:
    """Triggers newest first, the API's functions last; profiles, ledger and journal stay."""
    assert grants
    applied(app)
    app.users(2)
    run = rollback(app)
    assert run.exit_code == 0, run.error
    assert reverted(run) == [*ACTING, "0008_api"]
    assert triggers(app) == []
    assert app.one(OURS_LEFT) == 0
    assert app.one("select count(*) from public.user_profiles") == 2
    assert list(states(plan_rollback(app))) == DATA
    assert [
        row["change"] for row in app.rows("select change from usersync.ledger order by change")
    ] == DATA
    units = "select count(*) from usersync.journal where task = %(task)s and event = 'unit'"
    assert app.one(units, task="migration.rollback") == 3
    app.user()
    assert app.status().missing == 1
    again = rollback(app)
    assert (again.exit_code, again.steps) == (0, ())


def test_functions_do_nothing_before_anything_is_dropped(app: App) -> None:
    """The first statements are bodies that do nothing, and take no lock on auth.users."""
    applied(app)
    run = rollback(app)
    assert done(run)[:2] == [
        "usersync.on_auth_user_updated()",
        "usersync.on_auth_user_created()",
    ]


def test_the_dry_run_says_exactly_what_goes(app: App) -> None:
    """--dry-run writes nothing; --sql, run by hand, is the rollback."""
    applied(app)
    run = plan_rollback(app)
    assert run.exit_code == 2
    assert [name for name, state in states(run).items() if state == "unwanted"] == [
        *ACTING,
        "0008_api",
    ]
    assert triggers(app) == ["on_auth_user_created", "on_auth_user_updated"]
    text = app.run(
        "migration.rollback.plan",
        task="migration.rollback",
        options=RollbackOptions(),
        statements=True,
    ).statements
    assert "-- take out 0007_follow" in text
    app.rows(text)
    assert triggers(app) == []
    assert app.one(OURS_LEFT) == 0


def test_to_stops_earlier(app: App) -> None:
    """--to NNNN leaves that change and everything before it."""
    applied(app)
    run = rollback(app, to=6)
    assert run.exit_code == 0
    assert reverted(run) == ["0007_follow", "0008_api"]
    assert triggers(app) == ["on_auth_user_created"]
    app.user()
    assert app.status().missing == 0


def test_apply_after_rollback(app: App) -> None:
    """What was taken out can be installed again, as it was."""
    applied(app)
    before = app.one("select pg_get_functiondef('usersync.on_auth_user_created()'::regprocedure)")
    rollback(app)
    applied(app)
    after = app.one("select pg_get_functiondef('usersync.on_auth_user_created()'::regprocedure)")
    assert after == before
    assert set(states(plan(app)).values()) == {"applied"}


# -- data -----------------------------------------------------------------------------------------


def test_drop_data_dumps_every_row_first(app: App) -> None:
    """With --drop-data everything of ours goes; each row is in a file of its user alone."""
    app.configure(MADE)
    applied(app, create_table=True)
    users = app.users(1_203)
    installed = {row["change"] for row in app.rows("select change from usersync.ledger")}
    run = rollback(app, drop_data=True)
    assert run.exit_code == 0, run.error
    assert not has_schema(app)
    assert app.one("select to_regclass('public.members') is null")
    rows = dumped(app)
    assert sorted(str(row["id"]) for row in rows["public.members"]) == sorted(users)
    # There is no file of a table without a row.
    assert set(rows) == {"public.members", "usersync.ledger", "usersync.journal"}
    assert {row["change"] for row in rows["usersync.ledger"]} == installed
    journal_rows = rows["usersync.journal"]
    assert "migration.rollback" in {row["task"] for row in journal_rows}
    for path in (app.folder.parent / "state").rglob("dropped/*.jsonl"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert any(str(path) in step.detail for step in run.steps)


ODD = """
alter table public.members
    add column "odd Name" text, add column numbers numeric[], add column bytes bytea,
    add column at timestamptz, add column much double precision, add column document jsonb,
    add column span tstzrange, add column flag boolean;
update public.members set "odd Name" = E'a\\n"b"\\\\ \u2028 ::x', numbers = '{1.50,NaN,-0.00}',
    bytes = '\\x00ff', at = '2026-01-01 00:00:00.123456+00', much = 1e-300,
    document = '{"a": [1, null, "\u00e9"]}', span = '[2026-01-01, infinity)', flag = false;
"""


def test_what_was_dumped_can_be_put_back(app: App) -> None:
    """Every value of every column comes back from the file, as it was."""
    app.configure(MADE)
    applied(app, create_table=True)
    app.users(3)
    app.rows(ODD)
    before = app.rows("select m::text as line from public.members as m order by 1")
    assert rollback(app, drop_data=True).exit_code == 0
    (path,) = (app.folder.parent / "state").rglob("dropped/*public.members.jsonl")
    applied(app, create_table=True)
    app.rows(ODD)
    app.rows(
        "insert into public.members select r.*"
        " from unnest(%(lines)s::text[]) as l (line),"
        " jsonb_populate_record(null::public.members, l.line::jsonb) as r",
        lines=path.read_text().strip("\n").split("\n"),
    )
    assert app.rows("select m::text as line from public.members as m order by 1") == before


def test_a_file_in_the_way_loses_nothing(app: App) -> None:
    """The folder for the dump is a file: the rollback ends there, and every row stands."""
    app.configure(MADE)
    applied(app, create_table=True)
    app.user()
    (blocked,) = {path.parent for path in Path(app.folder.parent / "state").rglob("journal.jsonl")}
    (blocked / "dropped").touch()
    run = rollback(app, drop_data=True)
    assert run.exit_code != 0
    assert "nothing was dropped" in run.error
    assert app.one("select count(*) from public.members") == 1
    assert app.one("select count(*) from usersync.ledger") > 0


def test_a_table_that_was_there_before_is_never_dropped(app: App) -> None:
    """--drop-data takes what usersync made, and no table of the app."""
    applied(app)
    app.users(2)
    assert rollback(app, drop_data=True).exit_code == 0
    assert app.one("select count(*) from public.user_profiles") == 2
    assert not has_schema(app)
    assert "public.user_profiles" not in dumped(app)


def test_the_schema_stays_while_somebody_elses_table_is_in_it(app: App) -> None:
    """What others put into our schema is theirs."""
    applied(app)
    app.rows("create table usersync.theirs (id int); insert into usersync.theirs values (1)")
    assert rollback(app, drop_data=True).exit_code == 0
    assert app.one("select id from usersync.theirs") == 1


# -- guards ---------------------------------------------------------------------------------------


def test_what_stands_on_ours_stops_it_before_anything_happens(app: App) -> None:
    """Another trigger that calls our function would go with it: exit 3, and sign-ups still work."""
    applied(app)
    app.rows("create table public.guests (id uuid, email text, aud text)")
    app.rows(
        "create trigger theirs after insert on public.guests"
        " for each row execute function usersync.on_auth_user_created()"
    )
    for run in (plan_rollback(app), rollback(app)):
        assert run.exit_code == 3, run.error
        assert "trigger theirs on table guests" in run.error
    assert triggers(app) == ["on_auth_user_created", "on_auth_user_updated"]
    app.user()
    assert app.status().missing == 0


def test_a_second_trigger_of_somebody_else_on_the_users_table_stops_it_too(app: App) -> None:
    """Also on auth.users itself only our own trigger goes."""
    applied(app)
    app.rows(
        "create trigger theirs after insert on auth.users"
        " for each row execute function usersync.on_auth_user_created()"
    )
    run = rollback(app)
    assert run.exit_code == 3
    assert "trigger theirs on table auth.users" in run.error


def test_production_takes_only_a_digest(app: App) -> None:
    """Neither a terminal nor --yes lets production's rollback pass; a digest does, once."""
    app.configure(PRODUCTION)
    applied(app)
    app.answer = True
    for options in ({}, {"yes": True}):
        run = rollback(app, **options)
        assert run.exit_code == 3, options
    assert app.asked == []
    approved = digest(plan_rollback(app))
    assert any(f"--approve {approved}" in step for step in run.next_steps)
    app.rows("create function usersync.more() returns int language sql as 'select 1'")
    assert rollback(app, approve=approved).exit_code == 4
    app.rows("drop function usersync.more()")
    assert rollback(app, approve=approved).exit_code == 0
    assert triggers(app) == []
    assert rollback(app, approve=approved).exit_code == 4


def test_another_owner_is_refused(app: App, database: Database) -> None:
    """A schema that another role owns is not ours to take out."""
    applied(app)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("alter schema usersync owner to supabase_admin")
    run = rollback(app)
    assert run.exit_code == 3
    assert "belongs to supabase_admin" in run.error
    assert len(triggers(app)) == 2


def test_only_its_text_in_the_ledger_counts(app: App) -> None:
    """Another configuration, even another trigger name, undoes what was installed all the same."""
    applied(app)
    app.configure("install: {trigger: something_else}\nusers: {anonymous: true}\n")
    run = rollback(app)
    assert run.exit_code == 0, run.error
    assert triggers(app) == []
    assert app.one(OURS_LEFT) == 0


@pytest.mark.parametrize("fate", ["drop", "deafen"])
def test_cut_in_the_middle_it_goes_on(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    """A wire that breaks leaves whole changes; the same command does the rest."""
    applied(app)
    wire = Wire(
        socket_of(database.server),
        lambda commit: fate if commit == 2 else "pass",
        marker=b"drop function if exists",
    )
    with wire.url(app) as url:
        monkeypatch.setenv("SUPABASE_DB_URL", url)
        run = rollback(app)
    monkeypatch.setenv("SUPABASE_DB_URL", app.url)
    assert run.exit_code == 1
    assert reverted(run) == ["0007_follow"]
    assert triggers(app) == ([] if fate == "deafen" else ["on_auth_user_created"])
    app.user()
    assert rollback(app).exit_code == 0
    assert triggers(app) == []
    assert app.one(OURS_LEFT) == 0
