"""Killed at any moment and started again: every profile once, and a journal that tells of it."""

from __future__ import annotations

import signal
from collections import defaultdict
from typing import Any

import pytest

from tests.app import App, counts, summary_of
from tests.faults import PATIENCE_S, journal, profiles, slow_rows, started, until
from usersync import sql

USERS = 300

#: About 0.1 s a batch: whatever the moment, it is in the middle of one.
SMALL_BATCHES = ("--batch-size", "20", "--first-fill")


def runs(app: App) -> list[list[dict[str, Any]]]:
    """The lines of the journal, run by run."""
    by_run = defaultdict(list)
    for line in journal(app):
        by_run[line["run_id"]].append(line)
    return list(by_run.values())


def in_units(run: list[dict[str, Any]]) -> int:
    return sum(line["counts"]["created"] for line in run if line["event"] == "unit")


@pytest.fixture
def slow(app: App) -> App:
    """An app with users without a profile, whose profiles take some milliseconds each."""
    slow_rows(app, 0.005)
    app.many_users(USERS)
    return app


@pytest.mark.parametrize("workers", ["1", "3"])
def test_kill_9_in_the_middle_of_batches(slow: App, workers: str) -> None:
    """After kill -9 a second run makes the rest, and the journal shows a run without an end."""
    with started(slow, "sync", *SMALL_BATCHES, "--workers", workers) as command:
        until(lambda: profiles(slow) >= 60, "the first batches")
        command.send(signal.SIGKILL)
        assert command.end()[0] == -signal.SIGKILL
    # Whoever is killed between a commit and its line leaves one batch per worker untold.
    until(lambda: not backends(slow), "the server to end what was killed")
    kept = profiles(slow)
    (killed,) = runs(slow)
    assert {line["event"] for line in killed} == {"started", "unit"}
    assert kept - 20 * int(workers) <= in_units(killed) <= kept < USERS
    assert counts(slow.synced()) == {"created": USERS - kept, "failed": 0, "already_there": 0}
    assert profiles(slow) == USERS
    _, rest = runs(slow)
    assert (rest[0]["event"], rest[-1]["event"]) == ("started", "ended")
    assert in_units(rest) == rest[-1]["counts"]["created"] == USERS - kept


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_tells_what_it_did(
    slow: App, workers: str, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM: exit 1, summary, --out and the journal's end agree with the table."""
    with started(slow, "sync", *SMALL_BATCHES, "--workers", workers) as command:
        until(lambda: profiles(slow) >= 60, "the first batches")
        command.send(number)
        code, output, errors = command.end()
    kept = profiles(slow)
    assert code == 1
    assert 60 <= kept < USERS
    assert f"Profiles Created:     {kept}\n" in output
    assert "interrupted; what was committed stays" in output
    assert "Traceback" not in output + errors
    assert command.result()["exit_code"] == 1
    assert command.summary()["created"] == kept
    (told,) = runs(slow)
    assert [line["event"] for line in told[1:-1]] == ["unit"] * (kept // 20)
    assert told[-1]["event"] == "ended"
    assert told[-1]["exit_code"] == 1
    assert in_units(told) == told[-1]["counts"]["created"] == kept
    assert counts(slow.synced()) == {"created": USERS - kept, "failed": 0, "already_there": 0}
    assert profiles(slow) == USERS


def backends(app: App) -> list[dict[str, Any]]:
    return app.rows(
        "select pid from pg_stat_activity"
        " where application_name = 'usersync' and datname = current_database()"
    )
