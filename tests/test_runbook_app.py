"""What a runbook asks of the app itself: its health endpoints, and its log files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app import App
from tests.test_health_check import Site, site, sites
from tests.test_runbooks import Books, statuses
from usersync.config import load

pytestmark = pytest.mark.any_postgres

__all__ = ["site", "sites"]

STEPS = """\
steps:
  - id: health
    check: health.check
    expect: findings == 0
    retry:
      times: 1
      wait: 0.2s
  - id: logs
    check: logs
    with:
      lines: 2
  - id: tell
    note: ${steps.logs.findings} errors
"""


@pytest.fixture
def books(app: App) -> Books:
    """A runbook that asks the app before anything else."""
    made = Books(app)
    made.write(STEPS)
    return made


def test_a_team_without_endpoints_and_logs_can_use_it(books: Books) -> None:
    """What nobody configured, and is not here, is skipped with what to set; exit 0."""
    run = books.run()
    assert run.exit_code == 0
    assert statuses(run) == {"health": "skipped", "logs": "skipped", "tell": "skipped"}
    assert "the address of the app is not known" in run.steps[0].detail
    # Nobody waits for what will not come.
    assert run.steps[0].duration_s < 0.2
    assert "health: {base_url: ...}" in run.steps[0].next_step
    assert "backend/backend.log: there is no such file" in run.steps[1].detail
    assert "name the log files of the app: `logs:`" in run.steps[1].next_step
    assert "Database log: the file `log`" in run.steps[1].next_step


def test_what_the_app_says_is_told(books: Books, site: Site) -> None:
    """An endpoint that differs is a finding, with what differs; healthy ones are none."""
    books.app.configure(f"health: {{base_url: '{site.url}'}}\n")
    assert statuses(books.run())["health"] == "ok"
    site.pages["/dashboard/health-check"] = (200, {"status": "degraded"})
    run = books.run()
    assert run.exit_code == 2
    assert "2 of 3 as they should be; wanted: findings == 0" in run.steps[0].detail
    assert '/dashboard/health-check: status: "degraded"' in run.steps[0].next_step


def test_an_app_that_does_not_answer_is_unknown(books: Books) -> None:
    """No answer is no good answer: exit 1, and the steps behind it are done all the same."""
    books.app.configure("health: {base_url: 'http://127.0.0.1:1'}\n")
    run = books.run()
    assert run.exit_code == 1
    assert statuses(run)["health"] == "unknown"


def test_the_errors_of_a_log_are_told_masked(books: Books) -> None:
    """The last errors stand below the step, without addresses, with where the other logs are."""
    Path("app.log").write_text("ERROR 1\nERROR 2\nERROR no profile of anna@example.com\n")
    books.app.configure("logs: [app.log]\n")
    run = books.run()
    assert run.exit_code == 0
    told = run.steps[1]
    assert (told.status, told.detail) == ("ok", "0 of 1 as they should be")
    assert told.next_step.splitlines()[:2] == [
        "app.log: ERROR 2",
        "app.log: ERROR no profile of a***@example.com",
    ]
    assert "Database log: " in told.next_step
    assert run.steps[2].detail == "2 errors"


def test_a_log_that_is_elsewhere_stops_nothing(books: Books) -> None:
    """A log that is configured and is on another machine is skipped, also in CI."""
    books.app.configure("logs: [/var/log/of/another/machine.log]\n")
    run = books.run()
    assert (run.exit_code, statuses(run)["logs"]) == (0, "skipped")
    assert "there is no such file" in run.steps[1].detail


def test_the_embedded_database_has_no_app(site: Site) -> None:
    """A drill asks no app, whatever is configured, and sends no token anywhere."""
    Path("usersync.yaml").write_text(f"health: {{base_url: '{site.url}'}}\n")
    assert load(target_name="local").base_url == ""
