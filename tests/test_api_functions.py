"""The functions that the API calls: what they answer, and to whom."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from usersync.migration import ApplyOptions
from usersync.sql.api import FUNCTIONS

READS = [function.name for function in FUNCTIONS if not function.writes]

#: A line of the journal as JSON.
LINE: dict[str, Any] = {
    "at": "2026-01-01T00:00:00Z",
    "run_id": "00000000-0000-4000-8000-000000000000",
    "event": "unit",
    "task": "sync",
    "target": "default",
    "table": "",
    "actor": "",
    "reason": "",
    "run_url": "",
    "tool_version": "1",
    "digest": "",
    "counts": {},
    "user_ids": [],
    "exit_code": None,
}


@pytest.fixture
def installed(app: App) -> App:
    """An app with the migration installed."""
    run = app.run("migration.apply", task="migration.apply", options=ApplyOptions(yes=True))
    assert run.exit_code == 0, run.error
    return app


def call(app: App, function: str, role: str = "service_role", **given: Any) -> dict[str, Any]:
    """Call a function as PostgREST does: in the role of the key."""
    with psycopg.connect(app.url) as connection:
        connection.execute(f"set local role {role}".encode())
        row = connection.execute(
            f"select public.{function}(%s::jsonb)".encode(), [json.dumps(given)]
        ).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    return answer


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
@pytest.mark.parametrize("name", [function.name for function in FUNCTIONS])
def test_only_the_service_role_may_call_it(installed: App, name: str) -> None:
    """The service role gets an answer with version and configuration; anon and users get none."""
    installed.rows(
        "create schema supabase_migrations;"
        " create table supabase_migrations.schema_migrations (version text primary key, name text)"
    )
    answer = call(installed, name, user_ids=[], max_failures=1, event=LINE)
    assert answer["version"]
    assert len(answer["configuration"]) == 16
    for role in ("anon", "authenticated"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            call(installed, name, role)


@pytest.mark.parametrize("name", READS)
def test_a_read_cannot_write(installed: App, name: str) -> None:
    """Every function but the one that creates is STABLE, so that PostgREST runs it READ ONLY."""
    kind = installed.one(f"select provolatile from pg_proc where proname = '{name}'")
    assert kind == "s"


def test_they_answer_what_the_direct_door_answers(installed: App) -> None:
    """Counts, plan and missing users are those of a database connection."""
    users = installed.users(4)
    installed.rows(
        f"delete from public.user_profiles where user_id in ('{users[0]}', '{users[1]}')"
    )
    installed.user(deleted_at="2026-01-01T00:00:00Z")
    direct = installed.status()
    rows = call(installed, "usersync_status")["rows"]
    counted = {(row["skip"], row["has_profile"]): row["users"] for row in rows}
    assert counted[(0, True)] == direct.existing
    assert counted[(0, False)] == direct.missing
    (quick,) = call(installed, "usersync_status_quick")["rows"]
    assert (quick["total"], quick["existing"]) == (direct.total, direct.existing)
    _, plan = installed.plan()
    (counts,) = call(installed, "usersync_plan")["rows"]
    assert counts["planned"] == plan.rows == 2
    assert counts["users_digest"] in plan.digest
    assert counts["user_ids"] is None
    (listed,) = call(installed, "usersync_plan", listed=10)["rows"]
    assert set(listed["user_ids"]) == set(users[:2])
    missing = call(installed, "usersync_missing_users", limit=10)["rows"]
    assert {row["id"] for row in missing} == set(users[:2])
    page = call(
        installed,
        "usersync_missing_users",
        after_id=missing[0]["id"],
        after_created_at=missing[0]["created_at"],
    )["rows"]
    assert [row["id"] for row in page] == [missing[1]["id"]]


def test_create_makes_the_profiles_and_isolates_what_fails(installed: App) -> None:
    """The function that creates is the direct door's own procedure: counts, failures, no more."""
    users = installed.users(3)
    installed.rows("delete from public.user_profiles")
    installed.rows(
        "alter table public.user_profiles add constraint odd check"
        f" (user_id <> '{users[1]}') not valid"
    )
    answer = call(installed, "usersync_create", user_ids=users, max_failures=10)
    assert answer["created"] == 2
    (failure,) = answer["failures"]
    assert (failure["id"], failure["sqlstate"], failure["subject"]) == (users[1], "23514", "odd")
    assert installed.one("select count(*) from public.user_profiles") == 2


def test_a_selection_is_that_of_the_plan(installed: App) -> None:
    """Who came after the plan, belongs to another share or is left out is not counted."""
    users = installed.users(20)
    installed.rows("delete from public.user_profiles")
    shares = [
        call(installed, "usersync_remaining", share=[number, 3])["rows"][0]["remaining"]
        for number in (1, 2, 3)
    ]
    assert sum(shares) == 20
    (row,) = call(installed, "usersync_remaining", newest_at="2000-01-01T00:00:00Z")["rows"]
    assert (row["remaining"], row["newer"]) == (0, 20)
    (row,) = call(installed, "usersync_remaining", without=users[:5])["rows"]
    assert row["remaining"] == 15


def test_it_tells_of_a_read_only_database(installed: App, database: Database) -> None:
    """What forbids every write is seen from a function that cannot write anyway."""
    (row,) = call(installed, "usersync_table")["rows"]
    assert row["facts"]["read_only"] is None
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        setting = f"alter database {database.name} set default_transaction_read_only = on"
        admin.execute(setting.encode())
    (row,) = call(installed, "usersync_table")["rows"]
    assert row["facts"]["read_only"] == "setting"


def test_another_table_is_an_error_of_its_own(installed: App, database: Database) -> None:
    """A table that the functions were not made for is no empty answer."""
    assert database
    with pytest.raises(psycopg.errors.NoDataFound):
        call(installed, "usersync_status", table="public.other(id)")
