"""``migration.pause``, ``migration.resume``: the kill switch, and that it loses nothing."""

from __future__ import annotations

import base64
import re
import signal
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.faults import PROGRAM, backends, journal, started, until
from usersync.model import Run

NAME = "public.handle_new_user()"
LEDGER, JOURNAL, FAILURES, IMAGES, SIGN_UP = (
    "0001_ledger",
    "0002_journal",
    "0003_failures",
    "0004_before_images",
    "0006_sign_up",
)

WORKS = "insert into public.user_profiles (user_id, email) values (new.id, new.email);"
BROKEN = "insert into public.no_such_table (id) values (new.id);"


def give_function(
    app: App,
    body: str = WORKS,
    *,
    name: str = "public.handle_new_user",
    options: str = "security definer set search_path = ''",
    returns: str = "return new;",
) -> None:
    """The app's own function, made or replaced."""
    app.rows(
        f"create or replace function {name}() returns trigger language plpgsql {options}"
        f" as $body$ begin {body} {returns} end $body$"
    )


def give_trigger(
    app: App,
    *,
    when: str = "after insert",
    name: str = "on_auth_user_created",
    function: str = "public.handle_new_user",
    table: str = "auth.users",
) -> None:
    """A trigger that calls it."""
    app.rows(f"create trigger {name} {when} on {table} for each row execute function {function}()")


@pytest.fixture
def own(app: App) -> App:
    """An app whose own trigger makes the profiles."""
    give_function(app)
    give_trigger(app)
    return app


def pause(app: App, function: str | None = None) -> Run:
    """``migration.pause``."""
    return app.run("migration.pause", task="migration.pause", function=function)


def resume(app: App, function: str | None = None, **options: Any) -> Run:
    """``migration.resume``."""
    return app.run("migration.resume", task="migration.resume", function=function, **options)


def definition(app: App, name: str = NAME) -> str:
    """What Postgres prints of a function."""
    return str(app.one(f"select pg_get_functiondef('{name}'::regprocedure)"))


def nature(app: App, name: str = NAME) -> dict[str, Any]:
    """What create or replace has to leave alone, and the definition."""
    (row,) = app.rows(
        "select pg_get_functiondef(oid) as definition, proowner::regrole::text as owner,"
        " proacl::text as acl, obj_description(oid, 'pg_proc') as comment, oid::text as oid"
        f" from pg_proc where oid = '{name}'::regprocedure"
    )
    return row


def is_stub(app: App, name: str = NAME) -> bool:
    """Whether a function does nothing for now."""
    return "-- usersync: paused" in definition(app, name)


def files(app: App) -> list[Path]:
    """The definitions that are kept in files."""
    return sorted((app.folder.parent / "state").rglob("*.sql"))


# -- sign-ups pass --------------------------------------------------------------------------------


def test_sign_ups_pass_while_a_broken_function_is_paused(own: App) -> None:
    """A broken function stops sign-ups; paused, they pass; without asking anybody."""
    give_function(own, BROKEN)
    with pytest.raises(psycopg.errors.UndefinedTable):
        own.user()
    run = pause(own)
    assert (run.exit_code, run.error) == (0, "")
    assert [(step.name, step.status) for step in run.steps] == [(NAME, "changed")]
    assert run.paused[0].triggers == ("auth.users: on_auth_user_created",)
    assert "migration.resume" in run.next_steps[0]
    own.users(2)


def test_resume_puts_it_back_and_tells_who_signed_up_meanwhile(own: App) -> None:
    """Resume restores the function, counts who has no profile since, and names the sync."""
    before = nature(own)
    pause(own)
    own.users(2, created_at=datetime.now(UTC) + timedelta(seconds=5))
    status = own.run("status")
    assert [(p.function, p.signed_up) for p in status.paused] == [(NAME, 2)]
    run = resume(own)
    assert (run.exit_code, run.error) == (0, ""), run.steps
    assert run.notes == ("Signed up without a profile while it was paused: 2",)
    assert run.next_steps == ("invoke sync --dry-run", "invoke sync")
    assert nature(own) == before
    new = own.user()
    assert own.rows("select user_id::text from public.user_profiles") == [{"user_id": new}]
    assert own.run("status").paused == ()


def test_ours_is_paused_when_none_is_named(app: App) -> None:
    """Ours is meant beside another sign-up function, and its journal and images tell of it."""
    app.install(LEDGER, JOURNAL, FAILURES, IMAGES, SIGN_UP)
    give_function(app, "")
    give_trigger(app, name="another")
    ours = "usersync.on_auth_user_created()"
    before = nature(app, ours)
    run = pause(app)
    assert (run.exit_code, run.error) == (0, "")
    assert is_stub(app, ours)
    assert not is_stub(app)
    (image,) = app.rows("select object, run_id::text, image from usersync.before_images")
    assert image["object"] == f"function {ours}"
    assert image["image"] == {"definition": before["definition"]}
    lines = app.rows("select event, task, run_id::text, counts, exit_code from usersync.journal")
    assert [line["event"] for line in lines] == ["started", "unit", "ended"]
    assert {line["run_id"] for line in lines} == {image["run_id"]} == {run.run_id}
    app.user()
    assert app.one("select count(*) from public.user_profiles") == 0
    again = resume(app)
    assert (again.exit_code, again.error) == (0, ""), again.steps
    assert nature(app, ours) == before
    app.user()
    assert app.one("select count(*) from public.user_profiles") == 1


def test_other_events_pass_while_paused(own: App) -> None:
    """BEFORE and AFTER triggers for insert, update and delete let every row pass as it is."""
    give_function(own, "", returns="return null;", name="public.stop")
    for when in ("before insert", "before update", "before delete", "after update"):
        give_trigger(
            own, when=when, name=when.replace(" ", "_"), function="public.stop", table="auth.users"
        )
    run = pause(own, "public.stop")
    assert run.exit_code == 0, run.error
    user = own.user()
    own.rows("update auth.users set email = 'new@example.com' where id = %(id)s", id=user)
    assert own.one("select email from auth.users") == "new@example.com"
    own.rows("delete from auth.users where id = %(id)s", id=user)
    assert own.one("select count(*) from auth.users") == 0


def test_a_truncate_trigger_passes_while_paused(app: App) -> None:
    """A statement-level trigger of a paused function lets its statement pass."""
    give_function(app, "raise exception 'no';")
    give_trigger(app)
    app.rows("create table public.other (n int)")
    app.rows(
        "create trigger stop before truncate on public.other"
        " execute function public.handle_new_user()"
    )
    assert pause(app, NAME).exit_code == 0
    app.rows("truncate public.other")


@pytest.mark.parametrize("mode", ["access share", "row exclusive", "access exclusive"])
def test_it_waits_for_no_lock_on_users(
    own: App, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Whatever lock somebody holds on auth.users and the profiles, pause does not wait for it."""
    own.configure("lock_timeout_s: 0.2\nretry_s: 1\n")
    with psycopg.connect(own.url) as holder:
        holder.execute(f"lock auth.users, public.user_profiles in {mode} mode".encode())
        began = time.monotonic()
        run = pause(own)
        assert (run.exit_code, run.error) == (0, "")
        assert time.monotonic() - began < 2
        again = pause(own)
        assert (again.exit_code, again.steps[0].status) == (0, "ok"), again.error
    assert is_stub(own)


def test_it_takes_no_lock_on_users(own: App) -> None:
    """The transaction that pauses holds no lock on any table of the app."""
    # A lock on the catalog's row makes pause wait where its transaction can be looked at.
    own.configure("lock_timeout_s: 20\n")
    with psycopg.connect(own.url) as holder:
        holder.execute("alter function public.handle_new_user() cost 101")
        with subprocess_of(own, "migration.pause") as process:
            until(lambda: waiting(own), "pause to wait")
            locked = own.rows(
                "select l.relation::regclass::text as name from pg_locks as l"
                " join pg_stat_activity as a using (pid) where a.application_name = 'usersync'"
                " and a.datname = current_database() and l.relation is not null"
            )
            assert not {"auth.users", "user_profiles"} & {row["name"] for row in locked}
            holder.rollback()
            assert process.wait(timeout=20) == 0
    assert is_stub(own)


# -- byte for byte ---------------------------------------------------------------------------------

ODD = {
    "dollar quotes": "perform $$ it's $$ || $usersync$x$usersync$ || $function$f$function$;",
    "quotes and backslashes": r"perform 'it''s', E'\\ \n', '\';",
    "unicode": "perform 'ÄÖ ☃ 𝄞 ' || U&'\\2603'; /* ﷽ \u202e */",
    "comments": "/* a /* nested */ */ -- usersync: paused\n\t-- {}\n  \n perform 1;   ",
    "carriage returns": "perform 1;\r\n perform 2;\r\n",
    "percent and braces": "perform '100%s %% {0} {name}';",
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_a_body_comes_back_byte_for_byte(app: App, body: str) -> None:
    """Nothing in a body is lost or changed, in the function, in the file, in the before-image."""
    app.install(LEDGER, JOURNAL, IMAGES)
    app.rows(
        "create function public.handle_new_user() returns trigger language plpgsql as"
        " $outer_x$\n declare x int; begin if false then"
        f" {body} end if; return new; end $outer_x$"
    )
    give_trigger(app)
    before = nature(app)
    assert pause(app).exit_code == 0
    assert files(app)[0].read_bytes().decode() == before["definition"]
    image = app.one("select image ->> 'definition' from usersync.before_images")
    assert image == before["definition"]
    run = resume(app, allow=["public.handle_new_user"])
    assert (run.exit_code, run.error) == (0, ""), run.steps
    assert nature(app) == before


def test_what_a_rollback_does_not_undo_keeps_it_paused(app: App) -> None:
    """A function that may reach beyond a rollback comes back only when it is named."""
    app.rows(
        "create function public.handle_new_user() returns trigger language plpgsql as"
        " $$ begin if false then perform dblink('x', 'y'); end if; return new; end $$"
    )
    give_trigger(app)
    before = nature(app)
    assert pause(app).exit_code == 0
    refused = resume(app)
    assert refused.exit_code == 3
    assert "dblink" in refused.error
    assert "--allow public.handle_new_user" in " ".join(refused.next_steps)
    assert nature(app) != before
    assert resume(app, allow=["public.handle_new_user"]).exit_code == 0
    assert nature(app) == before


def test_its_attributes_owner_rights_and_comment_come_back(app: App, database: Database) -> None:
    """What create or replace would lose or keep is as it was: cost, SET, ACL, owner, comment."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "do $$ begin if to_regrole('team') is null then create role team; end if; end $$"
        )
        admin.execute(
            "grant team to postgres with inherit true"
            if admin.info.server_version >= 160000
            else "grant team to postgres"
        )
        admin.execute("grant usage, create on schema public to team")
    app.rows('create schema "My App"; grant usage, create on schema "My App" to team')
    name = '"My App"."Neue Nutzer"'
    give_function(
        app,
        "",
        name=name,
        options="security definer cost 7 parallel safe set search_path = 'a b', \"$user\", public"
        " set work_mem to '5MB' set timezone from current",
    )
    app.rows(f"comment on function {name}() is 'it''s ours'")
    app.rows(f"revoke all on function {name}() from public")
    app.rows(f"grant execute on function {name}() to service_role, team")
    give_trigger(app, function=name)
    app.rows(f"alter function {name}() owner to team")
    before = nature(app, f"{name}()")
    assert before["owner"] == "team"
    run = pause(app, "Neue Nutzer")
    assert (run.exit_code, run.error) == (0, "")
    stub = nature(app, f"{name}()")
    assert {k: v for k, v in stub.items() if k != "definition"} == {
        k: v for k, v in before.items() if k != "definition"
    }
    assert "SECURITY DEFINER" not in stub["definition"]
    run = resume(app, f"{name}()")
    assert (run.exit_code, run.error) == (0, ""), run.steps
    assert nature(app, f"{name}()") == before


REASONS = {
    "newlines": "first\nsecond\r\n\u2028 third\x0b",
    "comments": "-- */ /* --\n begin raise exception 'x'; end; --",
    "dollar quotes": "$$ $usersync$ $usersync_$ $body$; drop table public.user_profiles; --",
    "quotes": "it's \"so\" \\' E'\\n' %s {x} {{}}",
    "unicode": "☃ \u202e \x1b[31m 𝄞",
}


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_a_reason_is_only_text(own: App, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """Whatever a person writes as the reason neither ends the comment nor the body."""
    monkeypatch.setenv("USERSYNC_REASON", reason)
    monkeypatch.setenv("USERSYNC_ACTOR", reason)
    assert pause(own).exit_code == 0
    paused = own.run("status").paused[0]
    assert paused.reason == own.run("status").reason
    own.user()
    assert own.one("select count(*) from public.user_profiles") == 0
    run = resume(own)
    assert (run.exit_code, run.error) == (0, "")


def test_the_file_is_for_its_user_alone(own: App) -> None:
    """The saved definition is in a file of mode 0600 that the output names."""
    before = definition(own)
    run = pause(own)
    (file,) = files(own)
    assert str(file) in run.notes[0]
    assert file.read_text() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_journal_tells_of_both(own: App) -> None:
    """Pausing and resuming are a start, a unit and an end each."""
    pause(own)
    resume(own)
    told = [
        (line["task"], line["event"], line["counts"], line["exit_code"]) for line in journal(own)
    ]
    assert told == [
        ("migration.pause", "started", {"paused": 1}, None),
        ("migration.pause", "unit", {"paused": 1}, None),
        ("migration.pause", "ended", {"paused": 1}, 0),
        ("migration.resume", "started", {"resumed": 1}, None),
        ("migration.resume", "unit", {"resumed": 1}, None),
        ("migration.resume", "ended", {"resumed": 1}, 0),
    ]


# -- twice, and after others -----------------------------------------------------------------------


def test_pausing_twice_changes_nothing(own: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second pause says so, exits 0, and leaves since, by and the definition as they were."""
    monkeypatch.setenv("USERSYNC_REASON", "the first")
    first = pause(own).paused[0]
    stub = definition(own)
    monkeypatch.setenv("USERSYNC_REASON", "the second")
    run = pause(own)
    assert (run.exit_code, run.error) == (0, "")
    assert "paused already" in run.steps[0].detail
    assert run.paused == (first,)
    assert definition(own) == stub
    assert len(files(own)) == 1


def test_resuming_twice_changes_nothing(own: App) -> None:
    """The second resume says that nothing is paused and exits 0, by name too."""
    pause(own)
    resume(own)
    before = nature(own)
    for name in (None, NAME, "handle_new_user"):
        run = resume(own, name)
        assert (run.exit_code, run.error) == (0, "")
        assert "paused; nothing was changed" in run.notes[0]
    assert nature(own) == before


@pytest.mark.parametrize("name", [None, NAME])
@pytest.mark.parametrize("images", [False, True])
def test_resume_after_somebody_replaced_the_body(own: App, images: bool, name: str | None) -> None:
    """The new body stays, exit is 3, and the place of the saved definition is named."""
    if images:
        own.install(LEDGER, JOURNAL, IMAGES)
    pause(own)
    give_function(own, "perform 1;")
    before = nature(own)
    run = resume(own, name)
    assert run.exit_code == 3
    assert "somebody replaced its body" in run.error
    place = "usersync.before_images" if images else str(files(own)[0])
    assert place in run.next_steps[0]
    assert nature(own) == before
    assert own.run("status").paused == ()


def test_a_body_written_below_the_mark_is_no_pause(own: App) -> None:
    """Who keeps the comments of a stub and writes code below has replaced the body."""
    pause(own)
    own.rows(definition(own).replace("return new;", "perform 1; return new;").replace("%", "%%"))
    assert own.run("status").paused == ()
    run = resume(own)
    assert (run.exit_code, "somebody replaced" in run.error) == (3, True)


def test_a_saved_definition_that_was_changed_is_not_run(own: App) -> None:
    """A stub whose saved text is not what was saved is exit 1, still paused, with the way out."""
    pause(own)
    stub = definition(own)
    first = re.findall(r"^-- ([A-Za-z0-9+/]{96})$", stub, re.MULTILINE)[0]
    for other in (base64.b64encode(b"x" * 72).decode(), "!" + first[1:]):
        own.rows(stub.replace(first, other))
        assert [one.function for one in own.run("status").paused] == [NAME]
        run = resume(own)
        assert run.exit_code == 1
        assert "changed by hand" in run.error
        assert "migration.pause" in run.next_steps[0]
        assert is_stub(own)


def test_a_forged_stub_runs_nothing_else(own: App) -> None:
    """A stub that saves another statement than its own definition is not run."""
    from usersync.sql import stub

    for text in (
        "drop table public.user_profiles",
        definition(own) + "; drop table public.user_profiles",
        definition(own).replace("handle_new_user", "another_function"),
    ):
        forged = stub.body(stub.Stub(datetime.now(UTC), "", "", text), text).as_string()
        own.rows(f"create or replace function {NAME} returns trigger language plpgsql as {forged}")
        run = resume(own)
        assert run.exit_code == 1, run
        assert is_stub(own)
        assert own.one("select to_regclass('public.user_profiles') is not null")
        assert own.one("select to_regprocedure('public.another_function()') is null")
        give_function(own)


def test_resume_keeps_it_paused_when_the_canary_fails(own: App) -> None:
    """A function that is still broken stays paused: exit 5, the steps, and sign-ups still pass."""
    give_function(own, BROKEN)
    broken = definition(own)
    pause(own)
    stub = definition(own)
    run = resume(own)
    assert run.exit_code == 5
    assert any(step.status == "failed" and "42P01" in step.detail for step in run.steps)
    assert not any("migration.pause" in step.next_step for step in run.steps)
    assert "still paused" in run.error
    assert "migration.resume" in run.next_steps[0]
    assert run.paused[0].function == NAME
    assert definition(own) == stub
    own.user()
    assert journal(own)[-1]["exit_code"] == 5
    own.rows("create table public.no_such_table (id uuid)")
    run = resume(own)
    assert (run.exit_code, definition(own)) == (0, broken), run.steps


def test_a_function_without_a_trigger_by_now_can_be_resumed(own: App) -> None:
    """A paused function is found also when nothing calls it any more."""
    before = definition(own)
    pause(own)
    with psycopg.connect(own.url.replace("//postgres@", "//supabase_admin@")) as admin:
        admin.execute("drop trigger on_auth_user_created on auth.users")
    assert [one.triggers for one in own.run("status").paused] == [()]
    assert resume(own).exit_code == 0
    assert definition(own) == before


# -- which one -------------------------------------------------------------------------------------


def test_several_functions_are_listed_with_their_commands(own: App) -> None:
    """With two sign-up functions and none of ours, pause is exit 3 with a command for each."""
    give_function(own, name="public.second")
    give_trigger(own, name="second", function="public.second")
    run = pause(own)
    assert run.exit_code == 3
    assert run.next_steps == (
        "invoke migration.pause 'public.handle_new_user()'",
        "invoke migration.pause 'public.second()'",
    )
    assert not is_stub(own)
    for name in (None, "second", "public.handle_new_user", "handle_new_user()"):
        assert pause(own, name).exit_code == (0 if name else 3)
    run = resume(own)
    assert (run.exit_code, len(run.next_steps)) == (3, 2)
    assert "migration.resume" in run.next_steps[0]


def test_nothing_acts_on_sign_ups(app: App) -> None:
    """Without any trigger, or with others than INSERT's, there is nothing to pause."""
    assert pause(app).exit_code == 3
    assert pause(app, "handle_new_user").exit_code == 3
    give_function(app)
    give_trigger(app, when="after update")
    assert "no trigger acts on sign-ups" in pause(app).error
    assert resume(app).exit_code == 0


def test_an_unknown_name(own: App) -> None:
    """A name that no trigger on auth.users calls is exit 3 with the nearest one."""
    run = pause(own, "handle_new_usr")
    assert run.exit_code == 3
    assert f"did you mean {NAME}?" in run.error
    own.rows("create function public.plain() returns int language sql as 'select 1'")
    assert pause(own, "public.plain").exit_code == 3
    assert not is_stub(own)


def test_the_same_name_in_two_schemas(own: App) -> None:
    """A name without its schema is taken only when it is one function's."""
    own.rows("create schema other")
    give_function(own, name="other.handle_new_user")
    give_trigger(own, name="other", function="other.handle_new_user", when="after update")
    run = pause(own, "handle_new_user")
    assert (run.exit_code, len(run.next_steps)) == (3, 2)
    assert pause(own, "other.handle_new_user").exit_code == 0
    assert not is_stub(own)


def test_a_function_of_two_triggers_is_paused_by_name_only(own: App) -> None:
    """A function that more than one trigger calls has to be named; then all are told."""
    own.rows("create table public.other (id uuid, email text)")
    give_trigger(own, name="also", table="public.other")
    run = pause(own)
    assert run.exit_code == 3
    assert "public.other: also" in run.error
    assert run.next_steps == (
        "name it, if that is meant: invoke migration.pause 'public.handle_new_user()'",
    )
    assert not is_stub(own)
    run = pause(own, NAME)
    assert run.exit_code == 0
    assert run.paused[0].triggers == ("auth.users: on_auth_user_created", "public.other: also")


def test_a_function_of_another_role_is_refused(app: App, database: Database) -> None:
    """A function that belongs to a role we are not is exit 3 with the owner's name."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "create function public.theirs() returns trigger language plpgsql as"
            " $$ begin return new; end $$"
        )
        admin.execute(
            "create trigger theirs after insert on auth.users"
            " for each row execute function public.theirs()"
        )
    before = definition(app, "public.theirs()")
    for name in (None, "theirs"):
        run = pause(app, name)
        assert run.exit_code == 3
        assert "belongs to supabase_admin" in run.error
        assert "connect as supabase_admin" in run.next_steps[0]
    assert definition(app, "public.theirs()") == before
    assert files(app) == []


def test_what_could_not_be_put_back_is_not_taken_away(app: App, database: Database) -> None:
    """A function that this role may replace but never make again as it is, is refused."""
    give_function(app)
    give_trigger(app)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("alter function public.handle_new_user() leakproof")
    before = definition(app)
    run = pause(app)
    assert run.exit_code == 3
    assert "could not put it back" in run.error
    assert definition(app) == before
    assert [line["exit_code"] for line in journal(app)] == [None, 3]


def test_a_schema_of_our_name_that_is_somebody_elses(own: App, database: Database) -> None:
    """The switch works where the schema usersync belongs to another role."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("create schema usersync; create table usersync.before_images (n int)")
    before = definition(own)
    assert pause(own).exit_code == 0
    assert resume(own).exit_code == 0
    assert definition(own) == before


def test_production_asks_nobody(own: App) -> None:
    """In production too the switch needs no approval and no terminal."""
    own.configure(
        "targets:\n  production: {environment: production, db_url_env: SUPABASE_DB_URL}\n"
    )
    own.answer = False
    run = pause(own)
    assert (run.exit_code, run.error, own.asked) == (0, "", [])
    assert run.target is not None
    assert run.target.environment == "production"


def test_a_folder_that_takes_no_file_does_not_stop_the_switch(own: App) -> None:
    """With the journal in the target, an unwritable state folder is told and no more."""
    own.install(LEDGER, JOURNAL, IMAGES)
    (own.folder.parent / "state").write_text("a file")
    before = definition(own)
    run = pause(own)
    assert (run.exit_code, run.error) == (0, "")
    assert "It is not in a file too" in run.notes[0]
    assert resume(own).exit_code == 0
    assert definition(own) == before


# -- others at the same time, and bad luck ---------------------------------------------------------


def waiting(app: App) -> bool:
    """Whether the product waits for somebody else's lock."""
    return bool(
        app.rows(
            "select pid from pg_stat_activity where application_name = 'usersync'"
            " and datname = current_database() and wait_event_type = 'Lock'"
        )
    )


def subprocess_of(app: App, *arguments: str) -> subprocess.Popen[bytes]:
    """The program by itself."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=app.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_deployment_at_the_same_time_is_not_overwritten(own: App) -> None:
    """A body that somebody deploys while pause reads it is neither lost nor paused unsaved."""
    own.configure("lock_timeout_s: 20\n")
    with psycopg.connect(own.url) as other:
        other.execute(
            "create or replace function public.handle_new_user() returns trigger"
            " language plpgsql as $$ begin return new; /* deployed */ end $$"
        )
        with started(own, "migration.pause") as command:
            until(lambda: waiting(own), "pause to wait")
            other.commit()
            assert command.end()[0] == 1
            assert "somebody else replaced" in command.result()["error"]
    assert "deployed" in definition(own)
    assert pause(own).exit_code == 0
    assert resume(own).exit_code == 0
    assert "deployed" in definition(own)


def test_two_pauses_at_once(own: App) -> None:
    """Of two pauses at the same moment one pauses, and nothing of the definition is lost."""
    before = definition(own)
    with (
        subprocess_of(own, "migration.pause") as first,
        subprocess_of(own, "migration.pause") as second,
    ):
        codes = sorted(process.wait(timeout=30) for process in (first, second))
    assert codes[0] == 0
    assert is_stub(own)
    assert resume(own).exit_code == 0
    assert definition(own) == before


@pytest.mark.parametrize("task", ["migration.pause", "migration.resume"])
def test_a_connection_that_breaks(own: App, task: str) -> None:
    """Cut off while it works, either task is exit 1, and the function is whole, as it was."""
    own.configure("lock_timeout_s: 20\n")
    if task == "migration.resume":
        pause(own)
    before = definition(own)
    with psycopg.connect(own.url) as holder:
        holder.execute("alter function public.handle_new_user() cost 101")
        with started(own, task) as command:
            until(lambda: waiting(own), "it to wait")
            for pid in backends(own):
                own.rows(f"select pg_terminate_backend({pid})")
            assert command.end()[0] == 1
            assert "Traceback" not in command.end()[2]
        holder.rollback()
    assert definition(own) == before


def test_killed_while_the_canary_signs_up(own: App) -> None:
    """Killed before the canary has passed, the function is still paused, and nobody signed up."""
    give_function(own, f"perform pg_sleep(1); {WORKS}")
    pause(own)
    stub = definition(own)
    with subprocess_of(own, "migration.resume") as process:
        until(
            lambda: own.rows(
                "select pid from pg_stat_activity where application_name = 'usersync'"
                " and datname = current_database() and wait_event = 'PgSleep'"
            ),
            "the canary",
        )
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    until(lambda: not backends(own), "the server to notice")
    assert definition(own) == stub
    assert own.one("select count(*) from auth.users") == 0


def test_kill_9_at_any_moment(own: App) -> None:
    """Killed at any moment, pause leaves the function as it was or a stub that holds it."""
    before = definition(own)
    began = time.monotonic()
    with subprocess_of(own, "migration.pause") as whole:
        assert whole.wait(timeout=30) == 0
    took_s = time.monotonic() - began
    assert resume(own).exit_code == 0
    tries = 14
    for number in range(tries):
        with subprocess_of(own, "migration.pause") as process:
            # From the first connection to the end; what comes before touches nothing.
            time.sleep(took_s * (0.6 + 0.45 * number / tries))
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=30)
        until(lambda: not backends(own), "the server to notice")
        if is_stub(own):
            run = resume(own)
            assert (run.exit_code, run.error) == (0, ""), run.steps
        assert definition(own) == before


def test_killed_between_saving_and_replacing(own: App) -> None:
    """Killed inside the transaction that replaces, everything is as it was, and a rerun pauses."""
    own.configure("lock_timeout_s: 20\n")
    before = definition(own)
    with psycopg.connect(own.url) as holder:
        holder.execute("alter function public.handle_new_user() cost 101")
        with subprocess_of(own, "migration.pause") as process:
            until(lambda: waiting(own), "pause to wait")
            assert len(files(own)) == 1
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=30)
        holder.rollback()
    until(lambda: not backends(own), "the server to notice")
    assert definition(own) == before
    assert pause(own).exit_code == 0
    assert resume(own).exit_code == 0
    assert definition(own) == before
