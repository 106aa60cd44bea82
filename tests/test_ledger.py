"""What the ledger tells apart: edited, configured, lost, older, newer, asked for no more."""

from __future__ import annotations

import pytest

from tests.app import App
from tests.migrated import (
    applied,
    apply,
    digest,
    done,
    plan,
    plan_rollback,
    rollback,
    states,
    triggers,
)
from usersync import report
from usersync.model import ChangeState, Run

EDITED = """
create or replace function usersync.on_auth_user_created() returns trigger
language plpgsql security definer set search_path = '' as
$$ begin insert into public.user_profiles (user_id) values (new.id); return null; end $$
"""

OTHER_TRIGGER = """
create or replace trigger on_auth_user_created after insert on auth.users
    for each row when (new.email is not null) execute function usersync.on_auth_user_created()
"""

STRANGE_VERSION = "update usersync.ledger set tool_version = '{version}' where change = '{change}'"


def state(run: Run, name: str = "0006_sign_up") -> ChangeState:
    """One change of a run."""
    return next(change for change in run.changes if change.name == name)


def definition(app: App) -> str:
    """The sign-up function as it is."""
    return str(
        app.one("select pg_get_functiondef('usersync.on_auth_user_created()'::regprocedure)")
    )


# -- edited by hand -------------------------------------------------------------------------------


def test_edited_by_hand_is_shown_and_left_alone(app: App) -> None:
    """Somebody's edit stops apply with the difference: exit 4, and the edit stands."""
    applied(app)
    app.rows(EDITED)
    edited = definition(app)
    run = apply(app, yes=True)
    assert run.exit_code == 4
    assert "changed by hand: function usersync.on_auth_user_created()" in run.error
    assert any(
        line.startswith("+AS $function$ begin insert into public.user_profiles (user_id)")
        for line in state(run).diff
    )
    assert run.next_steps == (
        "to put ours back, and keep what is there: invoke migration.apply --repair",
    )
    text = report.terminal(run)
    # A difference is SQL as it is: casts, and the id of nobody, whole.
    assert "values" not in run.error
    assert "'00000000-0000-0000-0000-000000000000'::uuid" in text
    assert plan(app).exit_code == 4
    assert definition(app) == edited
    verified = app.run("migration.verify", task="migration.verify")
    assert verified.exit_code == 2


def test_repair_puts_ours_back_and_keeps_the_edit(app: App) -> None:
    """With --repair ours is back, byte for byte, and the edit is among the before-images."""
    applied(app)
    ours = definition(app)
    app.rows(EDITED)
    edited = definition(app)
    run = applied(app, repair=True)
    assert done(run) == ["0006_sign_up"]
    assert definition(app) == ours
    (image,) = app.rows("select object, image ->> 'definition' as was from usersync.before_images")
    assert image == {"object": "function usersync.on_auth_user_created()", "was": edited}


@pytest.mark.parametrize(
    ("statement", "change"),
    [
        (OTHER_TRIGGER, "0006_sign_up"),
        ("alter table usersync.failures add column mine text", "0003_failures"),
        ("alter function public.usersync_status(jsonb) security invoker", "0008_api"),
    ],
)
def test_every_kind_of_edit_is_seen(app: App, statement: str, change: str) -> None:
    """A trigger, a table and a function of the API, each in its change."""
    applied(app)
    app.rows(statement)
    edited = [one.name for one in app.run("doctor").changes if one.state == "edited"]
    assert edited == [change]


def test_an_edit_between_plan_and_lock_is_left_alone(app: App) -> None:
    """A digest of before an edit approves nothing after it."""
    applied(app)
    app.configure("install: {on_error: block}\n")
    approved = digest(plan(app))
    app.rows(EDITED)
    edited = definition(app)
    assert apply(app, approve=approved).exit_code == 4
    assert definition(app) == edited


# -- what the configuration asks for --------------------------------------------------------------


def test_another_configuration_is_pending_with_its_difference(app: App) -> None:
    """A changed setting is shown as a difference of statements; apply makes it so."""
    applied(app)
    app.configure("install: {on_error: block}\n")
    run = plan(app)
    assert run.exit_code == 2
    assert state(run).state == "configured"
    assert any(line.strip("+ ") == "raise;" for line in state(run).diff)
    run = applied(app)
    assert done(run) == ["0006_sign_up", "0008_api"]
    assert "raise;" in definition(app)
    assert set(states(plan(app)).values()) == {"applied"}


def test_what_is_asked_for_no_more_is_taken_out(app: App) -> None:
    """A follow trigger that the configuration asks for no more goes with the next apply."""
    applied(app)
    app.configure("users: {anonymous: true}\n")
    run = plan(app)
    assert state(run, "0007_follow").state == "unwanted"
    run = applied(app)
    assert done(run)[0] == "0007_follow"
    assert triggers(app) == ["on_auth_user_created"]
    assert app.one("select to_regprocedure('usersync.on_auth_user_updated()')") is None
    assert "0007_follow" not in states(plan(app))


def test_another_name_for_the_trigger_leaves_no_second_writer(app: App) -> None:
    """When the configuration renames the trigger, the old one does not stay beside the new one."""
    applied(app)
    app.configure("install: {trigger: give_profile}\n")
    run = applied(app)
    assert triggers(app) == ["give_profile", "give_profile_updated"], run.steps
    app.user()
    assert app.status().missing == 0
    assert set(states(plan(app)).values()) == {"applied"}
    rollback(app)
    assert triggers(app) == []
    left = app.rows("select proname from pg_proc where pronamespace = 'usersync'::regnamespace")
    assert left == [{"proname": "journal_keeps"}]


def test_a_made_table_that_is_asked_for_no_more_stays(app: App) -> None:
    """Apply never drops what holds data: the table that we made stays, and is said to."""
    app.configure("profiles:\n  - {table: members, key: id, columns: {email: email}}\n")
    applied(app, create_table=True)
    app.user()
    app.configure("")
    run = applied(app)
    assert "0005_profile_table" not in done(run)
    told = state(plan(app), "0005_profile_table")
    assert told.state == "applied"
    assert told.does == 'asked for no more; it holds data and stays: "public"."members"'
    assert app.one("select count(*) from public.members") == 1


def test_beside_a_made_table_an_adopted_one_stays_untouched(app: App) -> None:
    """Only what --create-table made is ours: another table's rights and row security stay."""
    app.rows("create table public.adopted (id uuid primary key); grant all on adopted to anon")
    app.configure(
        "profiles:\n"
        "  - {table: adopted, key: id, columns: {}}\n"
        "  - {table: members, key: id, columns: {email: email}}\n"
    )
    nature = "select relacl::text || relrowsecurity from pg_class where relname = 'adopted'"
    before = app.one(nature)
    applied(app, create_table=True)
    applied(app, create_table=True)
    assert app.one(nature) == before
    assert set(states(plan(app)).values()) == {"applied"}
    run = rollback(app, drop_data=True)
    assert run.exit_code == 0, run.error
    assert app.one("select to_regclass('public.adopted') is not null")
    assert app.one("select to_regclass('public.members') is null")


# -- lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "change"),
    [
        ("drop function usersync.on_auth_user_created() cascade", "0006_sign_up"),
        ("drop table usersync.failures", "0003_failures"),
        ("drop function public.usersync_status(jsonb)", "0008_api"),
    ],
)
def test_what_was_lost_comes_back(app: App, statement: str, change: str) -> None:
    """What a squash or a restore dropped is told as lost, and made again."""
    applied(app)
    app.rows(statement)
    run = plan(app)
    assert state(run, change).state == "lost"
    assert [name for name, found in states(run).items() if found != "applied"] == [change]
    assert done(applied(app)) == [change]
    app.user()
    assert app.status().missing == 0


@pytest.mark.parametrize(
    ("statement", "change", "told"),
    [
        ("grant usage on schema usersync to anon", "0001_ledger", "anon may use the schema"),
        ("grant select on usersync.journal to authenticated", "0002_journal", "may read it"),
        (
            "grant execute on function usersync.on_auth_user_created() to anon",
            "0006_sign_up",
            "anon may execute its function",
        ),
        (
            "grant execute on function public.usersync_status(jsonb) to authenticated",
            "0008_api",
            "authenticated may execute it",
        ),
        (
            "revoke execute on function public.usersync_status(jsonb) from service_role",
            "0008_api",
            "the service role may not execute it",
        ),
    ],
)
def test_rights_that_are_not_as_installed_are_put_back(
    app: App, statement: str, change: str, told: str
) -> None:
    """What is no part of a definition is found by verify; its remedy, apply, puts it right."""
    applied(app)
    app.rows(statement)
    verified = app.run("migration.verify", task="migration.verify")
    assert verified.exit_code == 2
    (check,) = (one for one in verified.checks if one.count and one.check.startswith("change_"))
    assert check.remedy == "invoke migration.apply"
    planned = plan(app)
    assert (planned.exit_code, state(planned, change).state) == (2, "broken")
    assert told in state(planned, change).detail
    assert done(applied(app)) == [change]
    verified = app.run("migration.verify", task="migration.verify")
    assert verified.exit_code == 0, verified.checks


def test_without_its_ledger_nothing_of_ours_is_taken_for_ours(app: App) -> None:
    """Where the ledger is gone nobody can say whose it is: exit 3, and the names."""
    applied(app)
    app.rows("drop table usersync.ledger")
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "in no ledger of ours" in run.error
    assert triggers(app) == ["on_auth_user_created", "on_auth_user_updated"]


# -- other versions -------------------------------------------------------------------------------


def test_what_a_newer_usersync_installed_is_not_touched(app: App) -> None:
    """Exit 3 with its version; reading goes on, and so does rolling back."""
    applied(app)
    app.users(2)
    app.rows(STRANGE_VERSION.format(version="99.0.0", change="0006_sign_up"))
    run = apply(app, yes=True)
    assert run.exit_code == 3
    assert "99.0.0" in run.error
    assert run.next_steps == ("use usersync 99.0.0 or later",)
    assert app.status().missing == 0
    assert app.run("doctor").exit_code in (0, 2)
    assert rollback(app).exit_code == 0
    assert triggers(app) == []


def test_a_change_that_only_a_newer_usersync_knows(app: App) -> None:
    """A change of a number that this version does not have is newer too."""
    applied(app)
    app.rows(
        "insert into usersync.ledger (change, tool_version, configuration, apply_text, revert_text)"
        " values ('0042_better', '99.0.0', '', 'select 1;', 'select 1;')"
    )
    assert apply(app, yes=True).exit_code == 3
    assert "0042_better" in apply(app, yes=True).error


def test_what_an_older_usersync_installed_is_upgraded(app: App) -> None:
    """Another text of an older version is pending; a same text is nothing to do."""
    applied(app)
    app.rows(STRANGE_VERSION.format(version="0.0.1", change="0003_failures"))
    assert set(states(plan(app)).values()) == {"applied"}
    app.rows(
        "update usersync.ledger set tool_version = '0.0.1',"
        " apply_text = replace(apply_text, 'return null', 'return new')"
        " where change = '0006_sign_up'"
    )
    run = plan(app)
    assert state(run).state == "older"
    assert "usersync 0.0.1" in state(run).detail
    assert done(applied(app)) == ["0006_sign_up"]
    assert set(states(plan(app)).values()) == {"applied"}


def test_a_paused_function_is_no_edit(app: App) -> None:
    """A pause is told as a pause; apply over it stops nobody and rollback takes it out."""
    applied(app)
    app.run("migration.pause", task="migration.pause", function=None)
    assert set(states(plan(app)).values()) == {"applied"}
    assert plan_rollback(app).exit_code == 2
    assert rollback(app).exit_code == 0
    assert triggers(app) == []
