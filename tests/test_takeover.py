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


#: Every trigger on auth.users as the catalog prints it.
ALL = """
select pg_get_triggerdef(oid) as text from pg_trigger
where tgrelid = 'auth.users'::regclass and not tgisinternal order by tgname
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


@pytest.mark.parametrize("configured", ["usersync_new_user", "handle_new_user"])
def test_ours_bears_the_name_of_what_it_replaced(app: App, configured: str) -> None:
    """Nothing in usersync.yaml has to say it: the ledger does, for all that comes later."""
    app.rows(
        "create function public.handle() returns trigger language plpgsql security definer as"
        " $$ begin insert into public.user_profiles (user_id) values (new.id); return new; end $$;"
        "create function public.audit() returns trigger language plpgsql as"
        " $$ begin return new; end $$;"
        "create trigger handle_new_user after insert on auth.users"
        " for each row execute function handle();"
        "create trigger usersync_new_user after insert on auth.users"
        " for each row execute function audit();"
        "create trigger handle_new_user_updated after update on auth.users"
        " for each row execute function audit()"
    )
    app.configure(f"install: {{trigger: {configured}}}\n")
    before = app.rows(ALL)
    planned = plan(app, replace="handle_new_user")
    counts = any("does not count" in note for note in planned.notes)
    assert counts == (configured != "handle_new_user")
    replaced(app, "handle_new_user")
    assert triggers(app) == [
        "handle_new_user",
        "handle_new_user_updated",
        "handle_new_user_updated_usersync",
        "usersync_new_user",
    ]
    user_id = app.user()
    assert app.one("select user_id::text from public.user_profiles") == user_id
    # Also under another name in the file, or under none.
    app.configure("install: {trigger: elsewhere}\n")
    assert plan(app).exit_code == 0
    for task in ("migration.verify", "doctor"):
        run = app.run(task, task=task)
        assert run.exit_code in (0, 2), run.error
        assert "change_sign_up" not in {check.check for check in run.checks if check.count}
        assert set(states(run).values()) <= {"applied"}
    paused = app.run("migration.pause", task="migration.pause", function=None)
    assert paused.steps[0].name == "usersync.handle_new_user()"
    assert app.run("migration.resume", task="migration.resume", function=None).exit_code == 0
    app.configure("users: {anonymous: true}\n")
    assert states(plan(app))["0006_sign_up"] == "configured"
    applied(app)
    assert (
        app.one("select tgfoid::regproc::text from pg_trigger where tgname = 'handle_new_user'")
        == "usersync.handle_new_user"
    )
    assert rollback(app, yes=True).exit_code == 0
    assert app.rows(ALL) == before


def test_ours_that_stood_under_its_own_name_moves(app: App) -> None:
    """Installed before the app made its trigger, ours goes from its own name to that one's."""
    applied(app)
    app.rows(
        "create function public.handle() returns trigger language plpgsql security definer as"
        " $$ begin insert into public.user_profiles (user_id) values (new.id)"
        " on conflict do nothing; return new; end $$;"
        "create trigger theirs after insert on auth.users for each row execute function handle()"
    )
    before = app.one("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'theirs'")
    replaced(app, "theirs")
    assert triggers(app) == ["theirs", "theirs_updated"]
    app.user()
    assert app.status().missing == 0
    assert rollback(app, yes=True).exit_code == 0
    assert triggers(app) == ["theirs"]
    assert app.rows(ALL) == [{"text": before}]


def test_keeping_it_after_all_gives_it_back(theirs: App) -> None:
    """With `trigger: keep` apply takes ours out, and the app's trigger is there again."""
    before = printed(theirs)
    replaced(theirs)
    theirs.configure("trigger: keep\n")
    planned = plan(theirs)
    assert states(planned)["0006_sign_up"] == "unwanted"
    assert "The trigger on_auth_user_created of the app comes back" in planned.notes[0]
    applied(theirs)
    assert printed(theirs) == before
    assert triggers(theirs) == ["on_auth_user_created"]
    assert plan(theirs).exit_code == 0


def test_none_leaves_sign_ups_alone(app: App) -> None:
    """With `trigger: none` nothing is put on auth.users, and nobody calls that a finding."""
    app.configure("trigger: none\n")
    applied(app)
    assert triggers(app) == []
    run = app.run("migration.verify", task="migration.verify")
    assert "sign_up_trigger_missing" not in {check.check for check in run.checks}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "execute 'insert into public.workspaces values ($1)' using new.id;",
            "what it does there cannot be told: it builds statements at run time (execute)",
        ),
        (
            "perform net.http_post('https://example.com', '{}'::jsonb);",
            "it uses pg_net (net.*)",
        ),
        ("perform pg_notify('new', new.id::text);", "it uses pg_notify"),
        ("perform nextval('public.numbers');", "it takes numbers of a sequence (nextval)"),
        ("perform set_config('app.x', 'y', true);", "it changes a setting (set_config)"),
        (
            "if auth.uid() is null then null; end if;",
            "it asks who is signed in, which nobody is at a sign-up (auth.uid)",
        ),
        (
            "perform public.welcome(new.id);",
            "it uses pg_notify (in public.welcome)",
        ),
        ("perform public.welcome(new.id);", "It also writes public.workspaces: ours does not."),
        ("perform public.welcome(new.id);", "It calls public.welcome: ours does not."),
        ("delete from public.workspaces;", "It also writes public.workspaces: ours does not."),
        (
            "update auth.users set phone = null where id = new.id;",
            "It also writes auth.users: ours does not.",
        ),
        ("null;", "It writes nothing else."),
        ("null;", "It calls no other function."),
    ],
)
def test_what_the_old_one_also_did(app: App, body: str, told: str) -> None:
    """The dry run says each, also of what it calls, and says so where nobody can tell."""
    app.rows(
        "create schema if not exists net;"
        "create function net.http_post(url text, body jsonb) returns bigint language sql"
        " as 'select 1::bigint';"
        "create table public.workspaces (owner uuid);"
        "create sequence public.numbers;"
        "create function public.welcome(who uuid) returns void language plpgsql as $$ begin"
        " insert into public.workspaces values (who); perform pg_notify('new', 'x'); end $$;"
        "create function public.handle() returns trigger language plpgsql security definer as"
        f" $$ begin insert into public.user_profiles (user_id) values (new.id); {body}"
        " return new; end $$;"
        "create trigger on_auth_user_created after insert on auth.users"
        " for each row execute function handle()"
    )
    notes = "\n".join(plan(app, replace="on_auth_user_created").notes)
    assert told in notes


def test_when_the_old_one_also_acted(app: App) -> None:
    """Other events, before the row is written, on a condition; also of one that writes nothing."""
    app.rows(
        "create function public.handle() returns trigger language plpgsql as"
        " $$ begin perform pg_notify('x', 'y'); return new; end $$;"
        "create trigger on_auth_user_created before insert or delete or update of email, phone"
        " on auth.users for each row execute function handle();"
        "create trigger other after insert on auth.users for each row"
        " when (new.email is not null) execute function handle()"
    )
    notes = "\n".join(plan(app, replace="on_auth_user_created").notes)
    assert "It also acts on DELETE and UPDATE OF email, phone: ours does not." in notes
    assert "It acts before the user is written" in notes
    assert "it uses pg_notify" in notes
    assert "a condition" not in notes
    app.configure("install: {trigger: other}\n")
    notes = "\n".join(plan(app, replace="other").notes)
    assert "It acts on a condition (WHEN), and ours on every sign-up." in notes
    assert "also acts" not in notes


def test_one_that_is_paused_comes_back_paused(theirs: App) -> None:
    """What a pause keeps is not judged; after a round trip it is resumed as ever."""
    before = printed(theirs)
    assert theirs.run("migration.pause", task="migration.pause", function=None).exit_code == 0
    notes = "\n".join(plan(theirs, replace="on_auth_user_created").notes)
    assert "It is paused" in notes
    assert "writes nothing else" not in notes
    replaced(theirs)
    theirs.user()
    assert theirs.status().missing == 0
    assert rollback(theirs, yes=True).exit_code == 0
    run = theirs.run("migration.resume", task="migration.resume", function=None)
    assert run.exit_code == 0, run.error
    assert printed(theirs) == before


ANOTHER = """
create function public.another() returns trigger language plpgsql security definer as
 $$ begin insert into public.user_profiles (user_id) values (new.id) on conflict do nothing;
 return new; end $$;
create trigger another after insert on auth.users for each row execute function public.another();
"""


def test_only_one_is_replaced_at_a_time(theirs: App) -> None:
    """What the first replace keeps would be lost by a second one: exit 3, and the way is named."""
    before = printed(theirs)
    run = apply(theirs, replace="on_auth_user_created", approve=digest(taken_plan(theirs)))
    assert run.exit_code == 0, run.error
    theirs.rows(ANOTHER)
    run = plan(theirs, replace="another")
    assert run.exit_code == 3
    assert "place of the trigger on_auth_user_created of the app" in run.error
    assert "migration.rollback --dry-run; then" in run.next_steps[0]
    theirs.rows("drop function public.another() cascade")
    run = rollback(theirs, approve=digest(plan_rollback(theirs)))
    assert run.exit_code == 0, run.error
    assert printed(theirs) == before


def taken_plan(app: App) -> Any:
    """The plan of taking the place of the app's trigger."""
    return plan(app, replace="on_auth_user_created")


@pytest.mark.parametrize("name", ["journal_keeps", "follow"])
def test_the_name_of_another_function_of_ours(app: App, name: str) -> None:
    """Ours would be written over the guard of the journal, say: exit 3, nothing is written."""
    app.rows(ANOTHER.replace("another", name))
    run = plan(app, replace=name)
    ours = name == "journal_keeps"
    assert run.exit_code == (3 if ours else 2), run.error
    assert ("has a function journal_keeps already" in run.error) is ours
