"""``install: nothing | trigger | full``: only that is there, and nothing else is asked for."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.app import App, summary_of
from tests.conftest import Database
from tests.faults import journal
from tests.migrated import (
    applied,
    apply,
    digest,
    done,
    export,
    has_schema,
    plan,
    plan_rollback,
    rollback,
    states,
    triggers,
)
from tests.test_runbooks import Books, statuses
from usersync import config
from usersync.errors import ConfigError
from usersync.migration import ApplyOptions, RollbackOptions, UninstallOptions
from usersync.model import Run
from usersync.repair import RepairOptions
from usersync.sync import SyncOptions

#: Everything that has a name in the database, and what functions and triggers are made of.
CATALOG = """
select md5(string_agg(line, chr(10) order by line)) from (
    select format('%s %s %s', 'class', oid, relname) as line from pg_class
        where relpersistence <> 't'
    union all select format('%s %s', 'schema', nspname) from pg_namespace
        where nspname !~ '^pg_(toast_)?temp_'
    union all select format('%s %s %s', 'function', oid, prosrc) from pg_proc
    union all select format('%s %s %s', 'trigger', tgname, tgenabled) from pg_trigger
    union all select format('%s %s %s', 'rule', rulename, ev_class) from pg_rewrite
    union all select format('%s %s', 'constraint', oid) from pg_constraint
    union all select format('%s %s', 'policy', oid) from pg_policy
) as there (line)
"""

BODY = "insert into public.user_profiles (user_id, email) values (new.id, new.email); return new;"

TRIGGER = ["0001_ledger", "0003_failures", "0006_sign_up", "0007_follow"]


def their_trigger(app: App, body: str = BODY) -> None:
    """The app's own trigger, which makes profiles."""
    app.rows(
        "create or replace function public.handle() returns trigger language plpgsql"
        f" security definer set search_path = '' as $body$ begin {body} end $body$"
    )
    app.rows(
        "create or replace trigger handle after insert on auth.users for each row"
        " execute function public.handle()"
    )


def words(run: Run) -> str:
    """All that a run tells a person to do."""
    return "\n".join(
        (
            *run.next_steps,
            *(step.next_step for step in run.steps),
            *(check.remedy for check in run.checks if check.count),
            *(check.unknown for check in run.checks),
        )
    )


def verify(app: App) -> Run:
    """``migration.verify``."""
    return app.run("migration.verify", task="migration.verify")


def paused(app: App, verb: str) -> Run:
    """``migration.pause`` or ``migration.resume``, which succeeds."""
    run = app.run(f"migration.{verb}", task=f"migration.{verb}", function=None)
    assert run.exit_code == 0, run.error
    return run


# -- the setting -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "full"),
        ("install: full\n", "full"),
        ("install: nothing\n", "nothing"),
        ("install: {what: trigger, schema: ops}\n", "trigger"),
    ],
)
def test_a_word_is_enough(text: str, what: str) -> None:
    """The section has the other settings, and says how much by `what`."""
    assert config.read_text(text).settings.install.what == what


@pytest.mark.parametrize("text", ["install: all\n", "install: {what: all}\n", "install: false\n"])
def test_another_word_names_the_three(text: str) -> None:
    """Who guesses is told what there is."""
    assert "allowed are nothing, trigger, full" in _fault(text)


def test_a_trigger_of_ours_that_is_not_installed() -> None:
    """`trigger: own` and `install: nothing` cannot both hold."""
    told = _fault("install: nothing\ntrigger: own\n")
    assert told.startswith("usersync.yaml:2: trigger: `own` is the trigger of usersync")


def _fault(text: str) -> str:
    """The one problem of a file."""
    with pytest.raises(ConfigError) as caught:
        config.read_text(text)
    (problem,) = caught.value.problems
    return problem


def test_what_is_installed_does_not_change_by_the_word() -> None:
    """An installation made before the word, or by another one, is no other configuration."""
    settings = [config.read_text(text).settings for text in ("", "install: trigger\n")]
    assert repr(settings[0].install) == repr(settings[1].install)


# -- nothing ---------------------------------------------------------------------------------------


def test_nothing_is_ever_made(app: App) -> None:
    """All that works without the migration works, and leaves the catalog as it was."""
    app.configure("install: nothing\n")
    early = app.users(3)
    their_trigger(app)
    before = app.one(CATALOG)
    for run in (plan(app), apply(app, yes=True), export(app)):
        assert run.exit_code == 0, run.error
        assert any("usersync.yaml says install: nothing." in note for note in run.notes)
    assert app.status().missing == 3
    assert app.run("doctor").exit_code == 2
    created = app.run("create-profile", task="create-profile", reference=early[0])
    assert created.exit_code == 0, created.error
    test = app.run("migration.test", task="migration.test")
    assert "failed" not in {step.status for step in test.steps}
    paused(app, "pause")
    paused(app, "resume")
    _, planned = app.plan()
    assert summary_of(app.sync(approve=planned.digest)).created == 2
    assert "carried out already" in app.sync(approve=planned.digest).error
    assert verify(app).exit_code in (0, 2)
    assert app.one(CATALOG) == before
    assert not has_schema(app)
    assert not (app.folder / "supabase").exists()


def test_the_journal_is_a_file(app: App) -> None:
    """Only its user reads it; history reads it, and one user is taken out of it."""
    app.configure("install: nothing\n")
    user_id = app.user()
    assert app.run("create-profile", task="create-profile", reference=user_id).exit_code == 0
    assert [line["event"] for line in journal(app)] == ["started", "unit", "ended"]
    (path,) = (app.folder.parent / "state").rglob("journal.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(app.run("status", history=5).history) == 3
    assert user_id in path.read_text()
    forgotten = app.run("journal.forget", task="journal.forget", user_id=user_id)
    assert forgotten.exit_code == 0, forgotten.error
    assert user_id not in path.read_text()


def test_not_installed_is_no_drift(app: App) -> None:
    """A healthy app with its own trigger is exit 0, and nobody speaks of the migration."""
    app.configure("install: nothing\n")
    their_trigger(app)
    for run in (verify(app), app.run("doctor"), app.run("status")):
        assert "migration.apply" not in words(run)
    assert {check.check for check in verify(app).checks if check.exit_code == 2} <= {
        # What an app with this trigger is told whatever is installed.
        check.check
        for check in _verified_without_the_word(app)
    }
    assert states(verify(app)) == {}


def _verified_without_the_word(app: App) -> list[Any]:
    app.configure("")
    found = [check for check in verify(app).checks if check.exit_code == 2]
    app.configure("install: nothing\n")
    return found


def test_a_lost_trigger_of_the_app_is_found(app: App) -> None:
    """Sign-ups without a profile are a finding, and the remedy is the app's own trigger."""
    app.configure("install: nothing\n")
    run = app.run("doctor")
    (lost,) = (check for check in run.checks if check.check == "sign_up_trigger_missing")
    assert lost.exit_code == 2
    assert lost.remedy.startswith("restore the app's own trigger")
    test = app.run("migration.test", task="migration.test")
    assert test.exit_code == 2
    assert "migration.apply" not in words(run) + words(test)


def test_drift_and_orphans_have_a_remedy_that_works(app: App) -> None:
    """No finding leads to what needs a table that is not there."""
    app.configure("install: nothing\n")
    their_trigger(app)
    user_id = app.user()
    app.rows("update auth.users set email = 'new@example.com' where id = %(id)s", id=user_id)
    app.rows("alter table user_profiles drop constraint user_profiles_user_id_fkey")
    app.rows("insert into user_profiles (user_id) values (gen_random_uuid())")
    run = verify(app)
    found = {check.check: check.remedy for check in run.checks if check.count}
    assert "migration.apply" not in words(run)
    assert "repair." not in found["orphan_profile"]
    assert "with install: full in usersync.yaml" in found["email_drift"]


@pytest.mark.parametrize("what", ["nothing", "trigger"])
def test_what_needs_a_table_names_the_setting(app: App, what: str) -> None:
    """Rows that are there are not touched where their old values could not be kept."""
    app.configure(f"install: {what}\ntrigger: {'keep' if what == 'nothing' else 'own'}\n")
    if what == "trigger":
        applied(app)
    user_id = app.user()
    app.rows(
        "insert into user_profiles (user_id, email) values (%(id)s, 'old@example.com')"
        " on conflict (user_id) do update set email = 'old@example.com'",
        id=user_id,
    )
    options = RepairOptions(yes=True)
    runs = [
        app.run("repair.emails", task="repair.emails", options=options),
        app.run("repair.tokens", task="repair.tokens", options=options),
        app.run("repair.orphans", task="repair.orphans", options=options, restore=False),
        app.run(
            "restore",
            task="restore",
            run_id="24c2c7f8-0000-4000-8000-000000000000",
            options=options,
        ),
        app.run("sync.overwrite", task="sync", options=SyncOptions(yes=True)),
    ]
    for run in runs:
        assert run.exit_code == 3, run.task
        assert any(
            f"say install: full in usersync.yaml, which says install: {what}" in step
            for step in run.next_steps
        )
    assert app.one("select email from user_profiles") == "old@example.com"


@pytest.mark.parametrize("option", [{"create_table": True}, {"replace": "handle"}])
def test_what_was_asked_for_by_a_flag_is_refused(app: App, option: dict[str, Any]) -> None:
    """A flag that would install something is exit 3, and not passed over."""
    app.configure("install: nothing\n")
    their_trigger(app)
    for run in (plan(app, **option), apply(app, yes=True, **option)):
        assert run.exit_code == 3
        assert "say install: trigger in usersync.yaml" in run.next_steps[0]


def test_a_missing_table_is_not_offered(app: App) -> None:
    """Nobody is told to let the table be made."""
    app.rows("drop table public.user_profiles cascade")
    app.configure("install: nothing\n")
    run = plan(app)
    assert run.exit_code == 3
    assert "migration.apply" not in words(run)


@pytest.mark.parametrize("on_target", [False, True])
def test_nothing_is_rehearsed_and_nothing_proven(app: App, on_target: bool) -> None:
    """There is nothing to try, and that is said."""
    app.configure("install: nothing\n")
    before = app.one(CATALOG)
    for run in (
        app.run(
            "migration.rehearse",
            task="migration.apply",
            options=ApplyOptions(),
            on_target=on_target,
        ),
        app.run("migration.prove", task="migration.test"),
    ):
        assert run.exit_code == 0, run.error
        assert "usersync.yaml says install: nothing" in run.notes[0]
    assert app.one(CATALOG) == before


def test_what_was_installed_before_is_told_and_left(app: App) -> None:
    """Ours still acts: a finding whose next step takes it out; what holds data stays after it."""
    applied(app)
    app.configure("install: nothing\n")
    before = app.one(CATALOG)
    for run in (plan(app), apply(app, yes=True)):
        assert run.exit_code == 0, run.error
        assert "0006_sign_up" in next(note for note in run.notes if note.startswith("Installed"))
        assert "invoke uninstall --dry-run" in run.next_steps
    found = verify(app)
    assert found.exit_code == 2
    assert states(found)["0006_sign_up"] == "unwanted"
    assert "invoke uninstall --dry-run" in found.next_steps
    assert app.one(CATALOG) == before
    assert rollback(app, approve=digest(plan_rollback(app))).exit_code == 0
    their_trigger(app)
    assert words(apply(app, yes=True)) == "invoke uninstall --dry-run"
    assert set(states(verify(app)).values()) == {"applied"}
    for approve in (digest(app.run("uninstall.plan", task="uninstall")), None):
        assert app.run("uninstall", options=UninstallOptions(approve=approve)).exit_code == 0
    assert not has_schema(app)
    assert states(verify(app)) == {}


# -- the trigger -----------------------------------------------------------------------------------


def test_only_the_trigger_and_what_it_needs(app: App) -> None:
    """The ledger, the failures and the triggers; the journal is a file."""
    app.configure("install: trigger\n")
    assert done(applied(app)) == TRIGGER
    tables = app.one(
        "select array_agg(relname::text order by relname) from pg_class"
        " where relnamespace = 'usersync'::regnamespace and relkind = 'r'"
    )
    assert tables == ["failures", "ledger"]
    assert app.one("select count(*) from pg_proc where proname like 'usersync\\_%%'") == 0
    assert {line["task"] for line in journal(app)} == {"migration.apply"}
    user_id = app.user()
    assert app.one("select user_id::text from user_profiles") == user_id
    assert app.run("migration.test", task="migration.test").exit_code == 0
    run = verify(app)
    assert set(states(run)) == set(TRIGGER)
    assert "migration.apply" not in words(run)
    assert plan(app).exit_code == 0


def test_failures_are_recorded_by_what_follows_too(app: App) -> None:
    """What follows changes of users records whatever on_error says; without it nobody does."""
    app.configure("install: {what: trigger, on_error: block}\n")
    assert done(applied(app)) == TRIGGER
    app.configure("install: {what: trigger, on_error: block}\nusers: {anonymous: true}\n")
    run = applied(app)
    assert states(run)["0003_failures"] == "applied"
    assert rollback(app, approve=digest(plan_rollback(app, drop_data=True)), drop_data=True)
    assert done(applied(app)) == ["0001_ledger", "0006_sign_up"]


def test_it_is_taken_out_without_a_trace(app: App) -> None:
    """Rollback with its data leaves the schema as it was."""
    app.configure("install: trigger\n")
    before = app.one(CATALOG)
    applied(app)
    assert app.one(CATALOG) != before
    run = rollback(app, approve=digest(plan_rollback(app, drop_data=True)), drop_data=True)
    assert run.exit_code == 0, run.error
    assert app.one(CATALOG) == before
    assert app.run("migration.prove", task="migration.test").exit_code == 0


def test_from_full_to_the_trigger(app: App) -> None:
    """The dry run tells what goes; what holds data stays, and the journal goes on in it."""
    applied(app)
    app.configure("install: trigger\n")
    in_file = len(journal(app))
    planned = plan(app)
    assert planned.exit_code == 2
    assert {name for name, state in states(planned).items() if state != "applied"} == {"0008_api"}
    stays = {one.name: one.does for one in planned.changes}
    assert "holds data and stays" in stays["0002_journal"]
    assert done(applied(app, approve=digest(planned))) == ["0008_api"]
    assert plan(app).exit_code == 0
    assert len(journal(app)) == in_file
    app.configure("")
    assert done(applied(app)) == ["0008_api"]


def test_what_ours_takes_the_place_of_is_kept_in_a_file(app: App) -> None:
    """There is no table for it: both definitions are in a file, named, before they go."""
    app.configure("install: {what: trigger, trigger: handle}\n")
    their_trigger(app)
    was = app.one("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'handle'")
    run = apply(app, replace="handle", approve=digest(plan(app, replace="handle")))
    assert run.exit_code == 0, run.error
    kept = _kept(run)
    assert kept["trigger handle on auth.users"] == was
    assert BODY in kept["function public.handle()"]
    assert rollback(app, approve=digest(plan_rollback(app))).exit_code == 0
    assert app.one("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'handle'") == was


def test_what_was_edited_by_hand_is_kept_in_a_file(app: App) -> None:
    """--repair puts ours back, and what stood there is in a file that only its user reads."""
    app.configure("install: trigger\n")
    applied(app)
    app.rows(
        "create or replace function usersync.on_auth_user_created() returns trigger"
        " language plpgsql security definer set search_path = '' as"
        " $$ begin /* mine */ return new; end $$"
    )
    run = applied(app, repair=True)
    assert "/* mine */" in _kept(run)["function usersync.on_auth_user_created()"]


def test_what_cannot_be_kept_is_not_overwritten(app: App) -> None:
    """Where the file cannot be written, nothing is put in its place."""
    app.configure("install: trigger\n")
    applied(app)
    app.rows(
        "create or replace function usersync.on_auth_user_created() returns trigger"
        " language plpgsql security definer set search_path = '' as"
        " $$ begin /* mine */ return new; end $$"
    )
    (path,) = (app.folder.parent / "state").rglob("journal.jsonl")
    (path.parent / "overwritten").write_text("in the way")
    run = apply(app, yes=True, repair=True)
    assert run.exit_code == 3, run.error
    assert "/* mine */" in app.one(
        "select prosrc from pg_proc where proname = 'on_auth_user_created'"
    )


def test_an_edited_function_that_is_asked_for_no_more_is_kept(app: App) -> None:
    """Taken out, it would be as lost as overwritten."""
    applied(app)
    app.rows(
        "create or replace function usersync.on_auth_user_created() returns trigger"
        " language plpgsql security definer set search_path = '' as"
        " $$ begin /* mine */ return new; end $$"
    )
    app.configure("trigger: none\n")
    applied(app)
    assert "/* mine */" in app.one(
        "select image ->> 'definition' from usersync.before_images"
        " where object = 'function usersync.on_auth_user_created()'"
    )


def test_what_was_edited_is_kept_when_everything_goes(app: App) -> None:
    """How somebody changed a table that goes is in a file, as its rows are."""
    applied(app)
    app.rows("alter table usersync.before_images add column mine text")
    approve = digest(app.run("uninstall.plan", task="uninstall"))
    run = app.run("uninstall", options=UninstallOptions(approve=approve))
    assert run.exit_code == 0, run.error
    (definition,) = (text for name, text in _kept(run).items() if "before_images" in name)
    assert "mine" in definition
    assert any("what was changed by hand is kept in" in step.detail for step in run.steps)


def _kept(run: Run) -> dict[str, str]:
    """What the file holds that a step names."""
    (told,) = (step.detail for step in run.steps if "is kept in" in step.detail)
    path = Path(told.partition("is kept in ")[2].partition(";")[0])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["object"]: line["definition"] for line in lines}


# -- who gives the profile, and how much is installed ----------------------------------------------


@pytest.mark.parametrize("trigger", ["keep", "none"])
def test_a_ledger_alone_is_pointless(app: App, trigger: str) -> None:
    """Without a trigger of ours there is nothing to install, and that is said."""
    app.configure(f"install: trigger\ntrigger: {trigger}\n")
    before = app.one(CATALOG)
    for run in (plan(app), apply(app, yes=True), export(app)):
        assert run.exit_code == 0, run.error
        assert "usersync.yaml says install: trigger, and" in run.notes[0]
    assert app.one(CATALOG) == before
    assert "migration.apply" not in words(app.run("doctor"))


@pytest.mark.parametrize("trigger", ["keep", "none", "own", None])
def test_full_has_all_but_what_is_not_asked_for(app: App, trigger: str | None) -> None:
    """As before the word: everything, and triggers of ours only where they belong."""
    app.configure(f"install: full\ntrigger: {trigger}\n" if trigger else "install: full\n")
    run = applied(app)
    assert {"0002_journal", "0004_before_images", "0008_api"} <= set(states(run))
    assert ("0006_sign_up" in states(run)) == (trigger in ("own", None))


@pytest.mark.parametrize("what", ["nothing", "trigger"])
def test_no_trigger_is_as_configured(app: App, what: str) -> None:
    """With `trigger: none` a sign-up without a profile is no finding, and sync makes it."""
    app.configure(f"install: {what}\ntrigger: none\n")
    test = app.run("migration.test", task="migration.test")
    assert test.exit_code == 0, [step for step in test.steps if step.status != "ok"]
    assert "migration.apply" not in words(test) + words(verify(app)) + words(app.run("doctor"))


def test_a_table_is_made_without_a_trigger(app: App) -> None:
    """--create-table works with what usersync may install, and is recorded."""
    app.rows("drop table public.user_profiles cascade")
    app.configure("install: trigger\ntrigger: none\n")
    assert done(applied(app, create_table=True)) == ["0001_ledger", "0005_profile_table"]
    assert triggers(app) == []


def test_only_a_trigger_asks_for_the_right_on_triggers(app: App, database: Database) -> None:
    """A role that may make none on auth.users installs the rest beside the app's own trigger."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("revoke trigger on auth.users from postgres")
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "may not create a trigger on auth.users" in run.error
    app.configure("trigger: keep\n")
    assert "0008_api" in done(applied(app))


# -- paused ----------------------------------------------------------------------------------------


def test_sync_is_not_advised_while_it_would_be_refused(app: App) -> None:
    """Where the paused function is what makes the profiles, sync comes after the resume."""
    app.configure("profiles: [{table: user_profiles, key: user_id, create: own_function}]\n")
    their_trigger(app)
    told = paused(app, "pause").next_steps
    assert told[-1] == "and afterwards, for those who sign up: invoke sync"
    assert app.sync().exit_code == 3
    paused(app, "resume")
    app.configure("install: nothing\n")
    told = paused(app, "pause").next_steps
    assert told[-1] == "and, until then, for those who sign up: invoke sync"
    app.user()
    assert app.sync().exit_code == 0


# -- what else proposes it -------------------------------------------------------------------------


def test_a_runbook_does_not_ask_for_what_installs_nothing(app: App) -> None:
    """No gate before a migration with nothing to do; it stops with the remedy that works."""
    app.configure("install: nothing\n")
    app.user()
    run = Books(app).run("profile-creation-stopped")
    assert run.exit_code == 4
    stopped = {step.name: step for step in run.steps}
    assert statuses(run)["approve_trigger"] == "skipped"
    assert "restore the app's own trigger" in stopped["exists"].next_step
    assert "migration.apply" not in words(run)
    run = Books(app).run("new-users-get-no-profile")
    assert statuses(run)["approve_trigger"] == "skipped"
    assert "migration.apply" not in words(run)


def test_a_runbook_knows_that_no_trigger_is_wanted(app: App) -> None:
    """With `trigger: none` the lack of one is no finding in a runbook either."""
    app.configure("install: nothing\ntrigger: none\n")
    run = Books(app).run("profile-creation-stopped")
    assert run.exit_code == 0, [(step.name, step.status, step.detail) for step in run.steps]
    assert statuses(run)["trigger"] == "ok"


def test_a_schedule_cannot_be_told_from_a_file(app: App) -> None:
    """Where the journal is a file of each machine, the last run of another one is unknown."""
    app.configure("install: nothing\ntrigger: none\nhealth: {schedule: {task: sync}}\n")
    (told,) = (check.unknown for check in verify(app).checks if check.check.startswith("schedule"))
    assert "say install: full in usersync.yaml, which says install: nothing; then: " in told


def test_a_rollback_that_fails_names_what_puts_back(app: App, database: Database) -> None:
    """The functions do nothing any more, and apply alone would not install them."""
    applied(app)
    app.configure("install: nothing\nlock_timeout_s: 0.1\n")
    with psycopg.connect(database.url) as holder:
        holder.execute("lock table auth.users in access share mode")
        for task, options in (
            ("migration.rollback", RollbackOptions()),
            ("uninstall", UninstallOptions()),
        ):
            inputs = {"options": options} if task == "migration.rollback" else {}
            planned = app.run(f"{task}.plan", task=task, **inputs)
            run = app.run(task, options=replace(options, approve=digest(planned)))
            assert run.exit_code == 1, run.error
            assert run.next_steps[-1] == (
                "or put them back: say install: trigger in usersync.yaml, which says install:"
                " nothing; then: invoke migration.apply --repair"
            )
