"""One table has one writer: beside another one apply installs nothing and says whose it is."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.app import App
from tests.migrated import applied, apply, has_schema, plan, rollback, triggers

BODY = "insert into public.user_profiles (user_id, email) values (new.id, new.email);"

MERGE = """
merge into public.user_profiles as p using (select new.id) as n on p.user_id = n.id
when not matched then insert (user_id) values (n.id);
"""


#: Every trigger on auth.users as the catalog prints it.
DEFINITIONS = """
select pg_get_triggerdef(oid) as text from pg_trigger
where tgrelid = 'auth.users'::regclass and not tgisinternal order by tgname
"""


def writer(app: App, body: str = BODY, *, name: str = "handle", function: str = "handle") -> None:
    """A trigger of the app on sign-ups."""
    app.rows(
        f"create function public.{function}() returns trigger language plpgsql security definer"
        f" as $body$ begin {body} return new; end $body$"
    )
    app.rows(
        f"create trigger {name} after insert on auth.users"
        f" for each row execute function public.{function}()"
    )


def helper(app: App, name: str = "give_profile") -> None:
    """A function that writes a profile when it is called."""
    app.rows(
        f"create function public.{name}(who uuid) returns void language sql security definer as"
        " 'insert into public.user_profiles (user_id) values (who)'"
    )


def refused(app: App, name: str, function: str, *texts: str) -> None:
    """Apply is exit 3 with the trigger's name, function and definition, and touches nothing."""
    app.configure("trigger: own\n")
    before = triggers(app)
    for run in (plan(app), apply(app, yes=True)):
        assert run.exit_code == 3, run.error
        assert f"the trigger {name} on auth.users ({function})" in run.error
        for text in texts:
            assert text in run.error
    assert triggers(app) == before
    assert not has_schema(app)


def test_a_trigger_that_writes_the_table(app: App) -> None:
    """Its definition and its function's are printed."""
    writer(app)
    refused(
        app, "handle", "public.handle()", "CREATE TRIGGER handle AFTER INSERT ON auth.users", BODY
    )


@pytest.mark.parametrize(
    "call", ["perform public.give_profile(new.id);", "PERFORM\n\tgive_profile(new.id);"]
)
def test_a_trigger_that_calls_what_writes_the_table(app: App, call: str) -> None:
    """Called functions are followed."""
    helper(app)
    writer(app, call)
    refused(app, "handle", "public.handle()", "give_profile")


@pytest.mark.parametrize(
    "body",
    [
        "execute 'insert into public.user_profiles (user_id) values ($1)' using new.id;",
        "execute format('insert into %I (user_id) values ($1)', 'user_profiles') using new.id;",
        "execute $q$ insert into user_profiles (user_id) values ($1) $q$ using new.id;",
        'INSERT  INTO\n"public" . "user_profiles"(user_id) VALUES (new.id);',
        MERGE,
    ],
)
def test_however_it_writes_it(app: App, body: str) -> None:
    """Dynamic SQL, quoted names and MERGE are seen too."""
    writer(app, body)
    refused(app, "handle", "public.handle()")


def test_a_trigger_with_our_name(app: App) -> None:
    """Ours replaces none: a trigger of that name is somebody's, whatever it writes."""
    writer(app, "perform 1;", name="on_auth_user_created")
    refused(app, "on_auth_user_created", "public.handle()", "bears our name")
    app.configure("install: {trigger: usersync_profile}\n")
    applied(app)
    assert "usersync_profile" in triggers(app)


@pytest.mark.parametrize("event", ["update of phone", "delete", "update or delete"])
def test_a_trigger_with_our_name_on_another_event(app: App, event: str) -> None:
    """It is not replaced either, and the way on is another name for ours."""
    writer(app, "perform 1;", name="elsewhere")
    app.rows(
        f"create trigger on_auth_user_created after {event} on auth.users"
        " for each row execute function public.handle()"
    )
    before = app.rows(DEFINITIONS)
    for run in (plan(app), apply(app, yes=True)):
        assert run.exit_code == 3, run.error
        assert "the trigger on_auth_user_created on auth.users (public.handle()) bears" in run.error
        assert "install: {trigger: usersync_user_created}" in " ".join(run.next_steps)
        assert "--replace" not in " ".join(run.next_steps)
    assert app.rows(DEFINITIONS) == before
    app.configure("install: {trigger: usersync_user_created}\n")
    applied(app)
    assert triggers(app) == [
        "elsewhere",
        "on_auth_user_created",
        "usersync_user_created",
        "usersync_user_updated",
    ]


def test_the_name_of_the_trigger_on_updates_may_be_taken(app: App) -> None:
    """Many apps have an on_auth_user_updated: it stays as it is, and ours stands beside it."""
    writer(app, "perform 1;", name="elsewhere")
    app.rows(
        "create trigger on_auth_user_updated after update of email on auth.users"
        " for each row execute function public.handle()"
    )
    before = app.rows(DEFINITIONS)
    applied(app)
    assert [row for row in app.rows(DEFINITIONS) if "usersync" not in row["text"]] == before
    assert "on_auth_user_updated_usersync" in triggers(app)
    assert plan(app).exit_code == 0
    assert rollback(app, yes=True).exit_code == 0
    assert app.rows(DEFINITIONS) == before


def test_both_names_of_the_trigger_on_updates_may_be_taken(app: App) -> None:
    """Then already the dry run says so, exit 3, and both are left alone."""
    writer(app, "perform 1;", name="elsewhere")
    for name in ("on_auth_user_updated", "on_auth_user_updated_usersync"):
        app.rows(
            f"create trigger {name} after update of email on auth.users"
            " for each row execute function public.handle()"
        )
    before = app.rows(DEFINITIONS)
    for run in (plan(app), apply(app, yes=True)):
        assert run.exit_code == 3, run.error
        assert "the trigger on_auth_user_updated_usersync on auth.users" in run.error
        assert "install: {trigger: usersync_user_created}" in " ".join(run.next_steps)
    assert app.rows(DEFINITIONS) == before
    assert not has_schema(app)
    app.configure("install: {trigger: usersync_user_created}\n")
    applied(app)
    assert "usersync_user_updated" in triggers(app)


def test_the_name_is_taken_between_plan_and_lock(app: App) -> None:
    """Whose a name is, is asked again under the lock: exit 3, and the app's trigger stands."""
    app.configure("install: {lock_timeout_s: 0.5, max_blocked_s: 20}\n")
    with psycopg.connect(app.url) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("update auth.users set id = id")
        waiting = pool.submit(lambda: apply(app, yes=True))
        give_up_at = time.monotonic() + 20
        while not app.one("select to_regclass('usersync.before_images') is not null"):
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
        holder.execute(
            "create function public.handle() returns trigger language plpgsql as"
            " $$ begin return new; end $$"
        )
        holder.execute(
            "create trigger on_auth_user_updated after update on auth.users"
            " for each row execute function public.handle()"
        )
        holder.commit()
        run = waiting.result(timeout=30)
    assert run.exit_code == 3, run.error
    assert "is the app's own, and bears the name of ours" in run.error
    assert triggers(app) == ["on_auth_user_created", "on_auth_user_updated"]
    assert (
        app.one(
            "select tgfoid::regproc::text from pg_trigger where tgname = 'on_auth_user_updated'"
        )
        == "handle"
    )


def test_a_writer_that_is_paused(app: App) -> None:
    """What the app paused it will resume: ours is not put in its place meanwhile."""
    writer(app)
    assert app.run("migration.pause", task="migration.pause", function=None).exit_code == 0
    refused(app, "handle", "public.handle()", "is paused")


@pytest.mark.parametrize(
    "body",
    [
        "insert into public.audit (id) values (new.id);",
        "-- insert into public.user_profiles (user_id) values (new.id)\n",
        "update public.user_profiles set email = new.email where user_id = new.id;",
        "if exists (select from public.user_profiles) then null; end if;",
        "raise warning 'insert into public.user_profiles is for somebody else';",
    ],
)
def test_who_does_not_write_new_rows_is_no_writer(app: App, body: str) -> None:
    """Triggers beside ours are none of our business."""
    app.rows("create table public.audit (id uuid)")
    writer(app, body)
    applied(app)
    assert triggers(app) == ["handle", "on_auth_user_created", "on_auth_user_updated"]
    app.user()
    assert app.status().missing == 0


def test_a_writer_on_another_event_is_no_writer_of_sign_ups(app: App) -> None:
    """A trigger on updates that writes the table does not collide with ours."""
    app.rows(
        "create function public.handle() returns trigger language plpgsql as"
        f" $body$ begin {BODY} return new; end $body$"
    )
    app.rows(
        "create trigger handle after update of phone on auth.users"
        " for each row execute function public.handle()"
    )
    applied(app)


def test_a_writer_that_comes_between_plan_and_lock(app: App) -> None:
    """Who else writes is asked again under the lock: nothing is installed beside it."""
    app.configure("install: {lock_timeout_s: 0.5, max_blocked_s: 20}\n")
    with (
        psycopg.connect(app.url) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("update auth.users set id = id")
        waiting = pool.submit(lambda: apply(app, yes=True))
        give_up_at = time.monotonic() + 20
        while not app.one("select to_regclass('usersync.before_images') is not null"):
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
        holder.execute(
            "create function public.handle() returns trigger language plpgsql as"
            f" $body$ begin {BODY} return new; end $body$".encode()
        )
        holder.execute(
            "create trigger handle after insert on auth.users"
            " for each row execute function public.handle()"
        )
        holder.commit()
        run = waiting.result(timeout=30)
    assert run.exit_code == 3, run.error
    assert "the trigger handle on auth.users (public.handle()) writes" in run.error
    assert triggers(app) == ["handle"]
