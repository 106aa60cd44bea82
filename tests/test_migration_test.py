"""``migration.test``: a canary that fails where real sign-ups fail, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.program import USERSYNC
from tests.test_checks import FUNCTION, TRIGGER
from usersync.model import Run, Step

COUNTS = """
select (select count(*) from auth.users) as users, (select count(*) from auth.identities) as ids,
    (select count(*) from public.user_profiles) as profiles
"""


def canary(app: App, **options: Any) -> Run:
    """``migration.test``."""
    return app.run("migration.test", task="migration.test", **options)


def steps(app: App, **options: Any) -> dict[str, Step]:
    """Its steps by name."""
    run = canary(app, **options)
    assert run.steps, run.error
    return {step.name: step for step in run.steps}


@pytest.fixture
def own(app: App) -> App:
    """An app with a good trigger of its own, and a user."""
    app.rows(FUNCTION + TRIGGER)
    app.user()
    return app


def body(app: App, text: str, settings: str = "security definer set search_path = ''") -> None:
    """Give the app's function another body."""
    app.rows(
        "create or replace function public.handle_new_user() returns trigger language plpgsql"
        f" {settings} as $${text}$$"
    )


def test_healthy(own: App) -> None:
    """Where everything works, every sign-up has its profile, and nothing is left of any."""
    before = own.rows(COUNTS)
    found = steps(own)
    assert {name: step.status for name, step in found.items()} == {
        "role": "ok",
        "e-mail sign-up": "ok",
        "phone sign-up": "ok",
        "OAuth sign-up": "ok",
        "sign-up without metadata": "ok",
        "anonymous sign-up": "ok",
        # A trigger on inserts alone never sees it.
        "permanent by e-mail": "finding",
        "permanent by phone": "finding",
        "permanent by identity": "finding",
        "e-mail change": "ok",
        "soft delete": "ok",
        "hard delete": "ok",
    }
    assert own.rows(COUNTS) == before
    assert canary(own).exit_code == 2


def test_healthy_with_ours(app: App) -> None:
    """With our triggers everything is well, and it is whoever the connection may become."""
    app.run("migration.apply", task="migration.apply", options=_agreed())
    run = canary(app)
    assert [step for step in run.steps if step.status != "ok"] == []
    assert len(run.steps) == 12
    assert run.exit_code == 0


def test_no_trigger_at_all(app: App) -> None:
    """Sign-ups that pass without a profile are a finding, and the remedy is named."""
    found = steps(app)["e-mail sign-up"]
    assert (found.status, found.next_step) == ("finding", "invoke migration.verify")
    assert "no trigger makes it" in found.detail


INSERT = "\nbegin\n    insert into public.user_profiles (user_id, {}) values (new.id, {});"
END = "\n    return new;\nend"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (
            INSERT.format("mail", "new.email") + END,
            (
                r'42703 undefined_column: column "mail" .*, in public\.handle_new_user\(\) line 3,'
                r" trigger on_auth_user_created"
            ),
        ),
        (
            "\nbegin\n    insert into public.nowhere (id) values (new.id);" + END,
            r"42P01 undefined_table: .*, in public\.handle_new_user\(\) line 3, trigger",
        ),
        (
            INSERT.format("role", "null") + END,
            (
                r"23502 not_null_violation \(column role, table public\.user_profiles\),"
                r" in public\.handle_new_user\(\) line 3, trigger"
            ),
        ),
        (
            INSERT.format("role", "'nobody'") + END,
            r"23514 check_violation \(constraint known_role, table public\.user_profiles\), in",
        ),
        (
            "\nbegin\n    raise exception 'no % today', new.email;" + END,
            r"P0001 raise_exception, in public\.handle_new_user\(\) line 3, trigger",
        ),
        (
            "\nbegin\n    perform pg_sleep(9);" + END,
            r"57014 query_canceled, in public\.handle_new_user\(\) line 3, trigger",
        ),
    ],
    ids=["column", "table", "not null", "check", "raise", "slow"],
)
def test_what_breaks_sign_ups_is_named(own: App, broken: str, told: str) -> None:
    """SQLSTATE, constraint or column, function, line and trigger; never a value of the user."""
    own.rows("alter table public.user_profiles add constraint known_role check (role <> 'nobody')")
    body(own, broken)
    before = own.rows(COUNTS)
    run = canary(own)
    (step,) = (one for one in run.steps if one.name == "e-mail sign-up")
    assert step.status == "failed"
    assert re.search(told, step.detail), step.detail
    assert "canary" not in step.detail
    assert "today" not in step.detail
    assert run.exit_code == 2
    assert own.rows(COUNTS) == before


def test_a_swallowed_error_is_no_success(own: App) -> None:
    """A function that catches everything lets people sign up without a profile: a finding."""
    body(
        own,
        INSERT.format("mail", "new.email")
        + END.replace("\nend", "")
        + "\nexception when others then return new;\nend",
    )
    assert steps(own)["e-mail sign-up"].status == "finding"


def test_a_deferred_constraint_is_seen(own: App) -> None:
    """What fails only at commit fails the canary too."""
    own.rows(
        "create table public.teams (id uuid primary key);"
        " alter table public.user_profiles add column team uuid"
        " constraint has_team references public.teams (id) deferrable initially deferred;"
        " alter table public.user_profiles alter column team set default gen_random_uuid()"
    )
    step = steps(own)["e-mail sign-up"]
    assert step.status == "failed"
    assert "23503 foreign_key_violation (constraint has_team" in step.detail


def test_a_trigger_on_an_update_and_a_blocked_delete(own: App) -> None:
    """E-mail changes and deletions are tried too, with whatever else stands in the way."""
    own.rows(
        "create function public.no_change() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin raise exception 'no'; end $$;"
        " create trigger no_change after update of email on auth.users for each row"
        " when (old.email is distinct from new.email and new.deleted_at is null)"
        " execute function public.no_change();"
        " create table public.notes"
        " (user_id uuid constraint notes_user references auth.users (id));"
        " create function public.note() returns trigger language plpgsql security definer"
        " set search_path = '' as"
        " $$ begin insert into public.notes values (new.user_id); return new; end $$;"
        " create trigger note after insert on public.user_profiles for each row"
        " execute function public.note()"
    )
    found = steps(own)
    assert found["e-mail sign-up"].status == "ok"
    assert "public.no_change() line 1" in found["e-mail change"].detail
    assert "23503 foreign_key_violation (constraint notes_user" in found["hard delete"].detail


def test_a_function_without_the_rights_of_its_owner_is_never_green(own: App) -> None:
    """Where nobody may become supabase_auth_admin, a SECURITY INVOKER function cannot be told."""
    own.rows("alter function public.handle_new_user() security invoker")
    run = canary(own)
    found = {step.name: step for step in run.steps}
    assert found["role"].status == "unknown"
    assert "runs as supabase_auth_admin in life" in found["role"].detail
    assert "may not insert" in found["role"].detail
    assert found["e-mail sign-up"].status == "unknown"
    assert run.exit_code != 0


def test_as_the_role_of_the_auth_server(own: App, database: Database) -> None:
    """Where the connection may become supabase_auth_admin, it fails as a sign-up does: 42501."""
    own.rows("alter function public.handle_new_user() security invoker")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("grant supabase_auth_admin to postgres")
    try:
        found = steps(own)
        assert found["role"].detail == "as supabase_auth_admin, as the Auth server does"
        assert found["e-mail sign-up"].status == "failed"
        assert "42501 insufficient_privilege" in found["e-mail sign-up"].detail
        own.rows("alter function public.handle_new_user() security definer")
        assert steps(own)["e-mail sign-up"].status == "ok"
    finally:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute("revoke supabase_auth_admin from postgres")


def test_what_a_rollback_does_not_undo_is_refused(own: App) -> None:
    """dblink would really send: exit 3 before anything fires, until the function is named."""
    own.rows(
        "create function public.send() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin if false then perform public.dblink('x', 'y'); end if;"
        " return new; end $$;"
        " create trigger send after insert on public.user_profiles for each row"
        " execute function public.send()"
    )
    refused = canary(own)
    assert refused.exit_code == 3
    assert "send (public.send())" in refused.error
    assert "--allow public.send" in " ".join(refused.next_steps)
    assert steps(own, allow=["public.send"])["e-mail sign-up"].status == "ok"


def test_the_triggers_of_what_triggers_write_are_read_too(own: App) -> None:
    """What sends may sit two tables away: it is refused by its own name all the same."""
    own.rows(
        'create table public.audit (user_id uuid); create table public."Second" (user_id uuid);'
        " create table public.read_only (user_id uuid);"
        " create function public.send() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin perform public.dblink('x', 'y'); return new; end $$;"
        " create function public.further() returns trigger language plpgsql security definer"
        " set search_path = '' as"
        ' $$ begin insert into public."Second" values (new.user_id); return new; end $$;'
        " create function public.audited() returns trigger language plpgsql security definer"
        " set search_path = public as $$ begin perform 1 from read_only;"
        " insert into audit values (new.user_id); return new; end $$;"
        " create trigger audited after insert on public.user_profiles for each row"
        " execute function public.audited();"
        " create trigger further after insert on public.audit for each row"
        " execute function public.further();"
        # What is only read fires nothing.
        " create trigger send after insert on public.read_only for each row"
        " execute function public.send()"
    )
    assert steps(own)["e-mail sign-up"].status == "ok"
    own.rows(
        'create trigger send after insert on public."Second" for each row'
        " execute function public.send()"
    )
    refused = canary(own)
    assert refused.exit_code == 3
    assert "send (public.send())" in refused.error


def test_what_a_rollback_undoes_is_not_refused(own: App) -> None:
    """Queues of pg_net and notifications are rolled back with the canary."""
    own.rows(
        "create schema net; create table net.http_request_queue (url text);"
        " create function net.http_post(url text) returns void language sql as"
        " 'insert into net.http_request_queue values ($1)';"
        " create function public.send() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin perform net.http_post('https://example.invalid');"
        " perform pg_notify('x', 'y'); return new; end $$;"
        " create trigger send after insert on public.user_profiles for each row"
        " execute function public.send()"
    )
    assert steps(own)["e-mail sign-up"].status == "ok"
    assert own.one("select count(*) from net.http_request_queue") == 0


def test_a_recorded_failure_is_told(app: App) -> None:
    """With our trigger the sign-up passes and the canary tells what was recorded."""
    app.run("migration.apply", task="migration.apply", options=_agreed())
    app.rows("alter table public.user_profiles add column needed text not null")
    step = steps(app)["e-mail sign-up"]
    assert step.status == "failed"
    assert "recorded 23502 not_null_violation (needed)" in step.detail
    assert app.one("select count(*) from usersync.failures") == 0


def test_killed_half_way(own: App) -> None:
    """After kill -9 in the middle no row and no lock is left."""
    body(own, "\nbegin\n    perform pg_sleep(2);" + END)
    before = own.rows(COUNTS)
    process = subprocess.Popen(
        [USERSYNC, "migration.test"],
        cwd=own.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    locks = (
        "select count(*) from pg_locks where relation = 'auth.users'::regclass"
        " and mode = 'RowExclusiveLock'"
    )
    deadline = time.monotonic() + 20
    while own.one(locks) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert own.one(locks) > 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    while own.one(locks) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert own.one(locks) == 0
    assert own.rows(COUNTS) == before


def _agreed() -> Any:
    from usersync.migration import ApplyOptions

    return ApplyOptions(yes=True)
