"""Profiles made by the app's own sign-up function, and what happens when it cannot."""

from __future__ import annotations

import pytest

from tests.api_server import SERVICE_KEY, Api, api
from tests.app import App, counts, summary_of
from tests.migrated import applied
from usersync.sync import SyncOptions

__all__ = ["api"]

INSERT = "insert into public.user_profiles (user_id, email) values (new.id, new.email);"


def function(app: App, body: str, language: str = "plpgsql") -> None:
    """The app's function as it is from now on, and its trigger."""
    app.rows(
        f"create or replace function public.handle() returns trigger language {language}"
        f" security definer as $body$ begin {body} return new; end $body$"
    )
    app.rows(
        "create or replace trigger handle after insert on auth.users"
        " for each row execute function public.handle()"
    )


@pytest.fixture
def lacking(app: App) -> App:
    """Six users who signed up before there was a trigger."""
    for number in range(6):
        app.user(email=f"n{number}@example.com")
    return app


def test_users_for_whom_it_raises_are_isolated(lacking: App) -> None:
    """The others get their profile; what it had done for these is undone."""
    lacking.rows("create table public.log (email text)")
    function(
        lacking,
        "insert into public.log values (new.email);"
        " if new.email in ('n1@example.com', 'n4@example.com') then"
        f" raise exception 'not %', new.email; end if; {INSERT}",
    )
    fire = {"fire_triggers": ("handle",)}
    rehearsed = lacking.rehearsed(**fire)
    run = lacking.sync(**fire)
    summary = summary_of(run)
    assert counts(rehearsed) == counts(summary)
    assert counts(summary) == {"created": 4, "failed": 2, "already_there": 0, "gone": 0}
    (group,) = summary.failures
    assert (group.sqlstate, group.count) == ("P0001", 2)
    assert group.subject == "public.handle()" or "handle()" in group.subject
    assert lacking.one("select count(*) from public.log") == 4


def test_a_function_that_makes_none_is_a_failed_creation(lacking: App) -> None:
    """A function that swallows its error, or goes another way, is named."""
    function(lacking, f"if new.email > 'n3' then {INSERT} end if;")
    summary = summary_of(lacking.sync())
    assert counts(summary) == {"created": 3, "failed": 3, "already_there": 0, "gone": 0}
    (group,) = summary.failures
    assert group.subject == "public.handle() made no profile"


def test_a_function_that_overwrites_meets_no_existing_profile(lacking: App) -> None:
    """Profiles that are there keep every value, whatever the function does on a conflict."""
    lacking.rows(
        "insert into public.user_profiles (user_id, email) select id, 'mine' from auth.users"
        " where email < 'n2'"
    )
    function(lacking, INSERT[:-1] + " on conflict (user_id) do update set email = 'overwritten';")
    assert summary_of(lacking.sync()).created == 4
    assert lacking.one("select count(*) from public.user_profiles where email = 'mine'") == 2
    assert lacking.one("select count(*) from public.user_profiles where email = 'overwritten'") == 0


def test_a_plan_is_stale_when_the_function_was_replaced(lacking: App) -> None:
    """The digest stands for the function too, and for what it calls."""
    lacking.rows(
        "create function public.lower_case(t text) returns text language sql as 'select t'"
    )
    function(
        lacking,
        "insert into public.user_profiles (user_id, email)"
        " values (new.id, public.lower_case(new.email));",
    )
    _, planned = lacking.plan()
    lacking.rows(
        "create or replace function public.lower_case(t text) returns text language sql"
        " as 'select lower(t)'"
    )
    assert lacking.sync(approve=planned.digest).exit_code == 4


def test_one_that_mails_stops_the_run(lacking: App) -> None:
    """The triggers guard holds for the function itself."""
    function(lacking, f"{INSERT} perform pg_notify('mail', new.email);")
    run = lacking.sync()
    assert run.exit_code == 4
    assert "handle" in run.error
    assert summary_of(lacking.sync(fire_triggers=("handle",))).created == 6


def test_one_that_asks_where_it_stands_is_refused(lacking: App) -> None:
    """On a temporary table it would hear another answer: exit 3, and what to say instead."""
    function(lacking, f"if tg_table_name = 'users' then {INSERT} end if;")
    run = lacking.sync()
    assert run.exit_code == 3
    assert "tg_table_name" in run.error
    assert run.next_steps == ("say create: columns for this table in usersync.yaml",)


def test_one_that_is_broken_ends_the_run_and_says_why(lacking: App) -> None:
    """An error that is no row's is not repeated for every user."""
    function(lacking, f"{INSERT} perform public.nothing_there();")
    run = lacking.sync(fire_triggers=("handle",))
    assert run.exit_code == 1
    assert "42883" in run.error
    assert lacking.status().missing == 6


def test_one_profile_by_hand(lacking: App) -> None:
    """create-profile runs it too, and a role is not for it to give."""
    function(lacking, INSERT)
    user_id = lacking.one("select id::text from auth.users order by email limit 1")
    refused = lacking.run("create-profile", reference=user_id, role="admin", yes=True)
    assert refused.exit_code == 3
    assert "gives new profiles" in refused.error
    run = lacking.run("create-profile", reference=user_id, yes=True)
    assert run.exit_code == 0, run.error
    assert "by public.handle()" in run.steps[0].detail
    assert lacking.status().missing == 5


def test_columns_when_that_is_said(lacking: App) -> None:
    """With `create: columns` the function is not run."""
    function(lacking, f"{INSERT} perform pg_notify('mail', new.email);")
    lacking.configure(
        "profiles: [{table: user_profiles, key: user_id, create: columns,"
        " columns: {email: email}}]\n"
    )
    _, planned = lacking.plan()
    assert planned.columns == ("user_id <- id", "email <- email")
    assert summary_of(lacking.sync()).created == 6


def test_no_function_to_run_is_refused(lacking: App) -> None:
    """Who asks for the app's function where no trigger writes the table hears so."""
    lacking.configure("profiles: [{table: user_profiles, key: user_id, create: own_function}]\n")
    run = lacking.sync()
    assert run.exit_code == 3
    assert "no trigger of the app's own" in run.error


def test_several_workers_and_small_batches(lacking: App) -> None:
    """Every profile is made once, with side rows, however the work is split."""
    lacking.rows("create table public.log (id uuid)")
    function(lacking, f"insert into public.log values (new.id); {INSERT}")
    lacking.many_users(3_000)
    lacking.rows("delete from public.user_profiles")
    lacking.rows("delete from public.log")
    run = lacking.sync(
        fire_triggers=("handle",), workers=3, batch_size=70, max_rows=5_000, first_fill=True
    )
    assert summary_of(run).created == 3_006
    assert lacking.one("select count(distinct id) = count(*) from public.log")
    assert lacking.one("select count(*) from public.log") == 3_006


def test_the_api_cannot_run_it(lacking: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the API it is exit 3 and the way that can; the app's trigger is told from ours."""
    function(lacking, INSERT)
    applied(lacking)
    user_id = lacking.one("select id::text from auth.users limit 1")
    monkeypatch.delenv("SUPABASE_DB_URL")
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    assert lacking.status().missing == 6
    for run in (
        lacking.sync(),
        lacking.run("sync.plan", task="sync", options=SyncOptions()),
        lacking.run("sync.rehearse", task="sync", options=SyncOptions()),
        lacking.run("create-profile", reference=user_id, yes=True),
    ):
        assert run.exit_code == 3, run.error
        assert "public.handle()" in run.error
        told = " ".join(run.next_steps)
        assert "SUPABASE_DB_URL" in told
        assert "create: columns" in told
    run = lacking.run("sync.overwrite", task="sync", options=SyncOptions())
    assert run.exit_code == 3
    assert "SUPABASE_DB_URL" in " ".join(run.next_steps)
    assert lacking.run("doctor.user", task="doctor", reference=user_id).exit_code == 2
    assert lacking.status().missing == 6


def test_before_the_migration_the_api_cannot_run_it(
    lacking: App, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it is refused where the file asks for it, with the same two ways out."""
    lacking.configure("profiles: [{table: user_profiles, key: user_id, create: own_function}]\n")
    monkeypatch.delenv("SUPABASE_DB_URL")
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    for run in (
        lacking.sync(),
        lacking.run("create-profile", reference="0aa1b2c3", yes=True),
    ):
        assert run.exit_code == 3
        assert "the API cannot run it" in run.error
        told = " ".join(run.next_steps)
        assert "SUPABASE_DB_URL" in told
        assert "create: columns" in told
