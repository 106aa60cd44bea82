"""Before the migration: what is missing or breaks is told in one line, with the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api_server import RESET, Answer, Api, api
from tests.app import App
from tests.unprepared import before, over, spread
from usersync import config, report
from usersync.backends.api.project import Project
from usersync.backends.api.transport import WriteRefused
from usersync.migration import ApplyOptions, ExportOptions, RollbackOptions
from usersync.operations import OPERATIONS
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

__all__ = ["api", "before", "over"]

LIST = "/auth/v1/admin/users?"


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [
        ("doctor", {}),
        ("migration.verify", {}),
        ("migration.test", {}),
        ("migration.plan", {"options": ApplyOptions()}),
        ("migration.apply", {"options": ApplyOptions(yes=True)}),
        ("migration.rehearse", {"options": ApplyOptions(), "on_target": True}),
        ("migration.rollback.plan", {"options": RollbackOptions()}),
        ("migration.rollback", {"options": RollbackOptions()}),
        ("migration.export", {"options": ExportOptions()}),
        ("migration.pause", {}),
        ("migration.resume", {}),
        ("migration.prove", {}),
    ],
)
def test_everything_else_names_the_two_ways(
    over: App, operation: str, inputs: dict[str, Any]
) -> None:
    """Without our functions the rest tells the two ways to install them.

    What would have read could not tell, exit 1; what would have changed the schema is refused,
    exit 3: this door cannot.
    """
    run = over.run(operation, **inputs)
    assert run.exit_code == (3 if OPERATIONS[operation].effect == "schema" else 1)
    assert "usersync is not installed there" in run.error
    told = " ".join(run.next_steps)
    assert "SUPABASE_DB_URL" in told
    assert "migration.apply" in told
    assert "migration.export" in told


@pytest.mark.parametrize(
    ("settings", "what", "remedy"),
    [
        ("{table: nothing, key: user_id}", "no table public.nothing", "under profiles:"),
        ("{table: user_profiles, key: nothing}", "has no column nothing", "under profiles:"),
        (
            "{table: user_profiles, key: user_id, columns: {nothing: email}}",
            "has no column nothing",
            "under profiles:",
        ),
        ("{schema: hidden, table: user_profiles, key: user_id}", "expose the schema", "dashboard"),
    ],
)
def test_a_table_that_does_not_fit(over: App, settings: str, what: str, remedy: str) -> None:
    """A table, column or schema that the API does not show is exit 3 with what to correct."""
    over.configure(f"profiles: [{settings}]")
    over.users(2)
    run = over.run("sync.plan", options=SyncOptions())
    assert run.exit_code == 3, run.error
    assert what in run.error
    assert remedy in " ".join(run.next_steps)
    if "columns" not in settings:
        assert over.run("status").error == run.error


def test_a_key_that_is_no_user_id(over: App) -> None:
    """A key column that holds something else is exit 3."""
    over.configure("profiles: [{table: user_profiles, key: email}]")
    over.users(2)
    over.rows("insert into public.user_profiles (user_id, email) select id, email from auth.users")
    run = over.run("status")
    assert run.exit_code == 3
    assert "user ids" in run.error


@pytest.mark.parametrize("right", ["select", "insert"])
def test_rights_that_are_missing(over: App, right: str) -> None:
    """New tables are granted to nobody: exit 1 with the grant to run, as the owner."""
    over.users(2)
    over.rows(f"revoke {right} on public.user_profiles from service_role")
    run = over.sync(fire_triggers=("unseen",))
    assert run.exit_code == 1
    assert "service_role may not read public.user_profiles" in run.error
    grant = "grant select, insert on public.user_profiles to service_role;"
    assert grant in " ".join(run.next_steps)


@pytest.mark.parametrize(
    "bad",
    [
        RESET,
        Answer(503),
        Answer(429, headers=(("Retry-After", "0"),)),
        Answer(502, b"<html>bad gateway</html>", "text/html"),
        Answer(504, b'{"code": "request_timeout", "message": "took too long"}'),
    ],
    ids=["reset", "503", "429", "502", "504"],
)
def test_what_passes_is_tried_again(over: App, api: Api, bad: Answer) -> None:
    """A page that fails for a moment does not end the list."""
    spread(over, 1_100)
    failed: list[int] = []

    def fault(_method: str, path: str, number: int) -> Answer | None:
        if path.startswith(f"{LIST}page=2") and len(failed) < 2:
            failed.append(number)
            return bad
        return None

    api.fault = fault
    assert over.status().total == 1_100
    assert len(failed) == 2


@pytest.mark.parametrize(
    ("bad", "exit_code", "what"),
    [
        (RESET, 1, "the connection broke"),
        (Answer(503), 1, "answered 503"),
        (Answer(504, b"{}"), 1, "took too long over its list of users"),
        (Answer(200, b"<html></html>", "text/html"), 1, "something that is not JSON"),
        (Answer(200, b"[]"), 1, "has no list of users"),
        (Answer(200, b'{"users": [], "aud": "authenticated"}'), 1, "has no list of users"),
        (Answer(404, b"not found", "text/plain"), 1, "has no list of users"),
        (Answer(401, b'{"code": "no_authorization"}'), 3, "does not accept this key"),
        (Answer(403, b'{"code": "not_admin"}'), 3, "does not accept this key"),
        (
            Answer(500, b'{"code": "unexpected_failure", "message": "x"}'),
            1,
            "it answered 500 (unexpected_failure)",
        ),
        (Answer(200, b'{"users": [', claimed_length=900), 1, "the connection broke"),
    ],
    ids=["reset", "503", "504", "html", "list", "total", "404", "401", "403", "500", "cut"],
)
def test_what_does_not_pass_is_one_line(
    over: App, api: Api, bad: Answer, exit_code: int, what: str
) -> None:
    """A list that stays broken ends with one line, the right code and no traceback."""
    over.configure("retry_s: 0")
    over.users(2)
    api.fault = lambda _method, path, _number: bad if path.startswith(LIST) else None
    run = over.run("status")
    assert run.exit_code == exit_code
    assert what in run.error
    assert "\n" not in run.error
    assert run.next_steps


def test_reading_cannot_write(over: App) -> None:
    """The client that reads refuses to send anything but GET and HEAD, before it leaves."""
    target = config.load()
    assert target.api is not None
    project = Project(target.api, target.settings)
    with pytest.raises(WriteRefused):
        project.reading.post(f"{project.address.base_url}/auth/v1/admin/users")
    with pytest.raises(WriteRefused):
        project.reading.delete(f"{project.address.base_url}/auth/v1/admin/users/x")
    project.close()
    assert over


def test_reads_leave_nothing(over: App, api: Api) -> None:
    """status and the dry run send nothing but reads, and leave no file."""
    over.users(3)
    over.run("status", verbose=True)
    over.plan()
    methods = {method for method, path in api.requests if "usersync_access" not in path}
    assert methods == {"GET", "HEAD"}
    assert [path for path in Path(over.folder).parent.rglob("*") if path.is_file()] == []


def test_the_key_and_the_addresses_stay_hidden(over: App) -> None:
    """No output holds the key, or an address as it is."""
    user = over.user(email="somebody.secret@example.com")
    shown = "".join(
        report.terminal(run, verbose=True) + report.as_json(run)
        for run in (over.run("status", verbose=True), over.plan()[0])
    )
    assert "somebody.secret" not in shown
    assert "s***@example.com" in shown
    assert user[:8] in shown
    assert "eyJ" not in shown
