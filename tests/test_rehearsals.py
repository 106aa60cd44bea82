"""Rehearsals of single changes, as a runbook makes them: done for real, and nothing of it kept."""

from __future__ import annotations

import pytest

from tests import faults
from tests.app import App
from tests.conftest import Database
from tests.migrated import applied, triggers
from tests.test_runbooks import OPERATIONS, Books
from usersync import local
from usersync.model import Run, Step

FUNCTION = "select prosrc from pg_proc where proname = 'on_auth_user_created'"


@pytest.fixture
def books(app: App) -> Books:
    """The runbooks of an app."""
    return Books(app)


def rehearsed(books: Books, change: str, **arguments: str) -> tuple[Run, Step]:
    """One change as the only step of a runbook."""
    given = "".join(f"      {name}: '{value}'\n" for name, value in arguments.items())
    steps = f"steps:\n  - id: it\n    change: {change}\n"
    books.write(steps + (f"    with:\n{given}" if given else ""))
    run = books.run(mode="rehearse")
    assert run.steps, run.error
    return run, run.steps[0]


def test_one_profile_is_rehearsed(books: Books) -> None:
    """The insert is made, its triggers fire, and it is rolled back; no line is written."""
    user_id = books.app.user()
    run, step = rehearsed(books, "create-profile", reference=user_id, role="admin")
    assert (run.exit_code, step.status) == (2, "would-change")
    assert step.detail.startswith("rolled back: public.user_profiles(user_id): profile would be")
    assert faults.profiles(books.app) == 0
    assert faults.journal(books.app) == []


def test_a_profile_that_fails_is_told_before(books: Books) -> None:
    """What the real statement would meet is met: the constraint, with its name."""
    user_id = books.app.user(email="bad@example.com")
    books.app.rows("alter table public.user_profiles add constraint good check (email !~ '^bad')")
    run, step = rehearsed(books, "create-profile", reference=user_id)
    assert run.exit_code == 2
    assert "23514 check_violation good" in step.next_step


def test_a_profile_that_is_there_is_nothing_to_do(books: Books) -> None:
    """Whoever has a profile needs none: ok, exit 0."""
    user_id = books.app.user()
    books.app.synced()
    run, step = rehearsed(books, "create-profile", reference=user_id)
    assert (run.exit_code, step.status) == (0, "ok")


def test_the_kill_switch_is_rehearsed(books: Books) -> None:
    """The function is replaced and back at once; sign-ups make profiles, no file is left."""
    applied(books.app)
    before = books.app.one(FUNCTION)
    journal = books.app.one("select count(*) from usersync.journal")
    run, step = rehearsed(books, "migration.pause")
    assert (run.exit_code, step.status) == (2, "would-change")
    assert "does nothing any more" in step.detail
    assert books.app.one(FUNCTION) == before
    books.app.user()
    assert faults.missing(books.app) == 0
    assert books.app.one("select count(*) from usersync.journal") == journal
    assert not list((books.app.folder.parent / "state").rglob("*.sql"))


def test_a_function_that_is_not_ours_to_replace_is_told(books: Books, database: Database) -> None:
    """A rehearsal on the target meets what a copy would not: whose the function is."""
    local.run_statement(
        database.admin_url,
        "create function public.theirs() returns trigger language plpgsql as"
        " 'begin return new; end'; revoke all on function public.theirs() from public;"
        " create trigger theirs after insert on auth.users"
        " for each row execute function public.theirs()",
    )
    run, step = rehearsed(books, "migration.pause")
    assert run.exit_code == 3
    assert "this role may not replace it" in step.detail


def test_the_way_back_is_rehearsed(books: Books) -> None:
    """The function is put back, a canary signs up, and it stays paused."""
    applied(books.app)
    assert books.app.run("migration.pause", task="migration.pause").exit_code == 0
    run, step = rehearsed(books, "migration.resume")
    assert (run.exit_code, step.status) == (2, "would-change")
    assert len(books.app.run("status").paused) == 1
    books.app.rows("alter table public.user_profiles add column wanted text not null")
    run, step = rehearsed(books, "migration.resume")
    assert run.exit_code == 5
    assert "a sign-up would fail with it" in step.detail
    assert len(books.app.run("status").paused) == 1
    assert list((books.app.folder.parent / "state").rglob("paused/**/*.sql"))


def test_the_rights_are_rehearsed(books: Books, database: Database) -> None:
    """Granted and rolled back; where the table is somebody else's that is told."""
    grants = "select relacl::text from pg_class where oid = 'public.user_profiles'::regclass"
    books.app.rows("revoke insert on public.user_profiles from service_role")
    before = books.app.one(grants)
    run, step = rehearsed(books, "rights.grant")
    assert (run.exit_code, step.status) == (2, "would-change")
    assert books.app.one(grants) == before
    local.run_statement(
        database.admin_url,
        "alter table public.user_profiles owner to supabase_admin;"
        " grant select on public.user_profiles to postgres",
    )
    run, step = rehearsed(books, "rights.grant")
    assert (run.exit_code, step.status) == (5, "undone")
    assert "postgres may not insert; " in step.detail
    assert "this role is not the owner of the table" in step.detail
    assert not books.app.one("select has_table_privilege('public.user_profiles', 'insert')")
    done = books.run()
    assert (done.exit_code, done.steps[0].status) == (5, "undone")


def test_a_rollback_is_rehearsed_on_a_copy(books: Books) -> None:
    """Installed and taken out on a scratch copy, which is as before; the target is not touched."""
    run, step = rehearsed(books, "migration.rollback")
    assert (run.exit_code, step.status, step.detail) == (0, "ok", "nothing to do")
    applied(books.app)
    run, step = rehearsed(books, "migration.rollback")
    assert (run.exit_code, step.status) == (2, "would-change"), step
    assert "on_auth_user_created" in triggers(books.app)


def test_what_has_no_rehearsal_says_why(books: Books) -> None:
    """``unknown`` with the reason, where nobody has said how it could be rolled back."""
    (books.app.folder / "ops.py").write_text(OPERATIONS)
    books.app.configure("operations: [ops.py]\n")
    run, step = rehearsed(books, "break")
    assert (run.exit_code, step.status) == (0, "unknown")
    assert "break has no rehearsal" in step.detail
