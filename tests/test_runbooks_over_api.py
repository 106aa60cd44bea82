"""A runbook that changes rows over the project's API: dry run, gate, approval, journal."""

from __future__ import annotations

import pytest

from tests import faults
from tests.api_server import Api, api
from tests.app import App
from tests.test_api_door import lacking, over
from tests.test_runbooks import FILL, Books, digest_of, statuses

pytestmark = pytest.mark.any_postgres

__all__ = ["api", "lacking", "over"]


@pytest.fixture
def books(lacking: App) -> Books:
    """The runbook that fills in, for three users without a profile, over the API alone."""
    books = Books(lacking)
    books.write(FILL)
    return books


def test_it_is_planned_approved_and_done(
    books: Books, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run writes nothing; the gate stops; its digest does exactly that, once; journalled."""
    lines = "select count(*) from usersync.journal"
    before = books.app.one(lines)
    planned = books.run(mode="dry-run")
    assert planned.target is not None
    assert planned.target.door.startswith("API with a ")
    assert (planned.exit_code, statuses(planned)["fill"]) == (2, "would-change")
    assert faults.profiles(books.app) == 0
    assert books.app.one(lines) == before
    stopped = books.run()
    assert (stopped.exit_code, statuses(stopped)["fill"]) == (4, "not-reached")
    digest = digest_of(stopped)
    assert digest == digest_of(planned)
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "mona")
    done = books.run(approve=digest)
    assert done.exit_code == 0, done
    assert statuses(done)["fill"] == "changed"
    assert statuses(done)["drift, again"] == "ok"
    assert faults.missing(books.app) == 0
    assert api.calls("usersync_create") > 0
    units = books.app.rows("select counts, approver from usersync.journal where event = 'unit'"
                           " and run_id = %(run)s", run=done.run_id)  # fmt: skip
    assert [unit["counts"]["created"] for unit in units] == [3]
    assert {unit["approver"] for unit in units} == {"mona"}
    again = books.run(approve=digest)
    assert (again.exit_code, statuses(again)["fill"]) == (0, "skipped")


def test_it_is_rehearsed(books: Books) -> None:
    """The functions create and take back; nothing of it stays."""
    run = books.run(mode="rehearse")
    assert (run.exit_code, statuses(run)["fill"]) == (2, "would-change")
    assert "rolled back: 3 would be created, 0 failed" in run.steps[2].detail
    assert faults.profiles(books.app) == 0


def test_one_user_is_rehearsed(books: Books) -> None:
    """A single profile too."""
    user_id = books.app.one("select id::text from auth.users limit 1")
    books.write(
        f"steps:\n  - id: it\n    change: create-profile\n    with:\n      reference: '{user_id}'\n"
    )
    assert statuses(books.run(mode="rehearse")) == {"it": "would-change"}
    assert faults.profiles(books.app) == 0


def test_what_needs_a_connection_says_so_before_anything_is_done(books: Books) -> None:
    """A change of the schema behind a gate stops the run there, with what it needs."""
    books.write("steps:\n  - id: ask\n    gate: Pause?\n  - id: it\n    change: migration.pause\n")
    run = books.run(approve=digest_of(books.run()))
    assert run.exit_code == 3
    assert "connection" in run.steps[1].detail
