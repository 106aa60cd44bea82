"""Ours takes the place of the app's trigger only when asked, and gives it back byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app import App
from tests.migrated import applied, apply, digest, plan, plan_rollback, rollback, states, triggers

BODY = r"""
declare note text := E'a\\b ''c''';
begin
    insert into public.user_profiles (user_id, email) values (new.id, new.email);
    insert into public.workspaces (owner) values (new.id);
    perform public.greet(new.id);
    /*
drop table if exists public.user_profiles;
    */
    return new;
end
"""

#: Everything about the app's trigger and its function, as the catalog prints it.
PRINTED = """
select pg_get_triggerdef(t.oid) as trigger, t.tgenabled as enabled,
    (select pg_get_functiondef('public.handle()'::regprocedure)) as function
from pg_trigger as t where t.tgrelid = 'auth.users'::regclass and t.tgname = 'on_auth_user_created'
"""


@pytest.fixture
def theirs(app: App) -> App:
    """An app whose own trigger also makes a workspace and calls a function."""
    app.rows("create table public.workspaces (owner uuid not null)")
    app.rows("create function public.greet(uuid) returns void language sql as 'select'")
    app.rows(
        "create function public.handle() returns trigger language plpgsql security definer"
        f" as $body$ {BODY} $body$"
    )
    app.rows(
        "create trigger on_auth_user_created after insert on auth.users"
        " for each row when (new.email <> E'x\\n''y') execute function handle('a', 'b''c')"
    )
    return app


def printed(app: App) -> list[dict[str, Any]]:
    """What a round trip must bring back."""
    return app.rows(PRINTED)


def replaced(app: App, name: str = "on_auth_user_created") -> None:
    """Take the place of the app's trigger, as its dry run said."""
    run = apply(app, replace=name, approve=digest(plan(app, replace=name)))
    assert run.exit_code == 0, run.error


def test_the_dry_run_shows_both_and_what_the_old_one_also_did(theirs: App) -> None:
    """Other tables, called functions, its definition, and the difference to ours; no write."""
    before = printed(theirs)
    run = plan(theirs, replace="on_auth_user_created")
    told = "\n".join(run.notes)
    assert "also writes public.workspaces: ours does not" in told
    assert "calls public.greet: ours does not" in told
    assert "CREATE TRIGGER on_auth_user_created" in told
    assert "-    insert into public.workspaces (owner) values (new.id);" in told
    assert '+create or replace function "usersync"."on_auth_user_created"()' in told
    assert printed(theirs) == before


def test_a_round_trip_restores_both_byte_for_byte(theirs: App) -> None:
    """Rollback puts the trigger back as it was, and its function stays as it is meanwhile."""
    before = printed(theirs)
    replaced(theirs)
    user_id = theirs.user()
    assert theirs.one("select count(*) from public.workspaces") == 0
    assert theirs.one("select user_id::text from public.user_profiles") == user_id
    back = rollback(theirs, approve=digest(plan_rollback(theirs)))
    assert back.exit_code == 0, back.error
    assert printed(theirs) == before
    theirs.user()
    assert theirs.one("select count(*) from public.workspaces") == 1


def test_a_function_that_was_dropped_meanwhile_comes_back(theirs: App) -> None:
    """Its definition is in the ledger, too."""
    before = printed(theirs)
    replaced(theirs)
    theirs.rows("drop function public.handle()")
    back = rollback(theirs, yes=True)
    assert back.exit_code == 0, back.error
    assert printed(theirs) == before


def test_both_definitions_are_kept_before_it_is_replaced(theirs: App) -> None:
    """The before-images hold the trigger and the function as they were."""
    before = printed(theirs)[0]
    replaced(theirs)
    kept = theirs.rows("select image ->> 'definition' as text from usersync.before_images")
    assert {row["text"] for row in kept} >= {before["trigger"], before["function"]}


def test_a_later_apply_keeps_the_way_back(theirs: App) -> None:
    """Another configuration is installed over ours, and rollback still restores theirs."""
    before = printed(theirs)
    replaced(theirs)
    assert plan(theirs).exit_code == 0
    theirs.configure("users: {anonymous: true}\n")
    assert states(plan(theirs))["0006_sign_up"] == "configured"
    applied(theirs)
    assert theirs.user()
    assert theirs.status().missing == 0
    back = rollback(theirs, yes=True)
    assert back.exit_code == 0, back.error
    assert printed(theirs) == before


def test_a_rehearsal_leaves_theirs(theirs: App) -> None:
    """On a scratch copy or on the target, nothing of it stays."""
    before = printed(theirs)
    for on_target in (False, True):
        from usersync.migration import ApplyOptions

        run = theirs.run(
            "migration.rehearse",
            task="migration.apply",
            options=ApplyOptions(replace="on_auth_user_created"),
            on_target=on_target,
        )
        assert run.exit_code in (0, 2), run.error
        assert "0006_sign_up" in str(run.steps)
    assert printed(theirs) == before


def test_what_moved_since_the_dry_run_stops_it(theirs: App) -> None:
    """A function that was replaced in between makes the digest stale."""
    approved = digest(plan(theirs, replace="on_auth_user_created"))
    theirs.rows(
        "create or replace function public.handle() returns trigger language plpgsql as"
        " $body$ begin insert into public.user_profiles (user_id) values (new.id);"
        " return new; end $body$"
    )
    before = printed(theirs)
    run = apply(theirs, replace="on_auth_user_created", approve=approved)
    assert run.exit_code == 4
    assert printed(theirs) == before


def test_nobody_is_replaced_unasked(theirs: App) -> None:
    """Without --replace apply installs nothing on auth.users; with `trigger: own` it refuses."""
    before = printed(theirs)
    applied(theirs)
    assert printed(theirs) == before
    assert triggers(theirs) == ["on_auth_user_created"]
    theirs.configure("trigger: own\n")
    run = apply(theirs, yes=True)
    assert run.exit_code == 3
    assert "--replace on_auth_user_created" in " ".join(run.next_steps)
    assert printed(theirs) == before


@pytest.mark.parametrize(
    ("configured", "name", "text"),
    [
        ("{}", "another", "no trigger another on auth.users"),
        ("install: {trigger: ours}", "on_auth_user_created", "takes the place and the name"),
        ("trigger: keep", "on_auth_user_created", "trigger: keep"),
    ],
)
def test_what_cannot_be_replaced_is_refused(
    theirs: App, configured: str, name: str, text: str
) -> None:
    """Exit 3, with what to say instead; nothing is touched."""
    theirs.configure(f"{configured}\n")
    before = printed(theirs)
    run = apply(theirs, replace=name, yes=True)
    assert run.exit_code == 3
    assert text in run.error
    assert printed(theirs) == before


def test_none_leaves_sign_ups_alone(app: App) -> None:
    """With `trigger: none` nothing is put on auth.users, and nobody calls that a finding."""
    app.configure("trigger: none\n")
    applied(app)
    assert triggers(app) == []
    run = app.run("migration.verify", task="migration.verify")
    assert "sign_up_trigger_missing" not in {check.check for check in run.checks}
