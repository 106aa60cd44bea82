"""Killed at any moment and started again: every profile once, and a journal that tells of it."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from typing import Any

import pytest

from tests.app import App, counts
from tests.faults import (
    backends,
    batch_is_running,
    journal,
    profiles,
    slow_rows,
    started,
    until,
)

pytestmark = pytest.mark.any_postgres

USERS = 240

#: A batch takes about 0.1 s, so a signal comes in the middle of one.
SMALL = ("--batch-size", "20", "--first-fill")


@pytest.fixture
def slow(app: App) -> App:
    """An app with users without a profile, whose profiles take some milliseconds each."""
    slow_rows(app, 0.005)
    app.many_users(USERS)
    return app


def runs(app: App) -> list[list[dict[str, Any]]]:
    """The lines of the journal, run by run."""
    by_run = defaultdict(list)
    for line in journal(app):
        by_run[line["run_id"]].append(line)
    return list(by_run.values())


def in_units(run: list[dict[str, Any]]) -> int:
    """How many profiles the units of a run created."""
    return sum(line["counts"]["created"] for line in run if line["event"] == "unit")


@pytest.mark.parametrize("workers", [1, 3])
def test_kill_9_in_the_middle_of_batches(slow: App, workers: int) -> None:
    """After kill -9 a second run makes the rest, and the journal shows a run without an end."""
    with started(slow, "sync", *SMALL, "--workers", str(workers)) as command:
        until(lambda: profiles(slow) >= 60, "the first batches")
        command.send(signal.SIGKILL)
        assert command.end()[0] == -signal.SIGKILL
    until(lambda: not backends(slow), "the server to notice")
    kept = profiles(slow)
    (killed,) = runs(slow)
    assert {line["event"] for line in killed} == {"started", "unit"}
    # The file's line follows the commit: that of one batch of each worker may be wanting.
    assert kept - 20 * workers <= in_units(killed) <= kept < USERS
    slow.rows("drop trigger on_profile on user_profiles")
    assert counts(slow.synced()) == {
        "created": USERS - kept,
        "failed": 0,
        "already_there": 0,
        "gone": 0,
    }
    assert profiles(slow) == USERS
    _, rest = runs(slow)
    assert (rest[0]["event"], rest[-1]["event"]) == ("started", "ended")
    assert in_units(rest) == rest[-1]["counts"]["created"] == USERS - kept


def test_kill_9_with_the_journal_in_the_database(slow: App) -> None:
    """In the database the line of a unit is committed with it: after kill -9 not one is wanting."""
    slow.install("0001_ledger", "0002_journal")
    with started(slow, "sync", *SMALL, "--workers", "2") as command:
        until(lambda: profiles(slow) >= 60, "the first batches")
        command.send(signal.SIGKILL)
        command.end()
    until(lambda: not backends(slow), "the server to notice")
    kept = profiles(slow)
    assert slow.one(
        "select sum((counts ->> 'created')::int) from usersync.journal where event = 'unit'"
    ) == (kept)
    assert slow.one("select count(*) from usersync.journal where event = 'ended'") == 0
    assert journal(slow) == []


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, "1"), (signal.SIGINT, "3"), (signal.SIGTERM, "2")]
)
def test_an_interrupted_run_tells_what_it_did(
    slow: App, number: signal.Signals, workers: str
) -> None:
    """Ctrl-C and SIGTERM: exit 1, and summary, --out and the journal's end agree with the table."""
    with started(slow, "sync", *SMALL, "--workers", workers) as command:
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
    assert [line["event"] for line in told] == ["started", *["unit"] * (kept // 20), "ended"]
    assert in_units(told) == told[-1]["counts"]["created"] == kept
    assert told[-1]["exit_code"] == 1
    slow.rows("drop trigger on_profile on user_profiles")
    assert counts(slow.synced()) == {
        "created": USERS - kept,
        "failed": 0,
        "already_there": 0,
        "gone": 0,
    }


@pytest.mark.parametrize("signals", [1, 2])
def test_a_batch_that_does_not_end_is_cancelled(app: App, signals: int) -> None:
    """Some seconds after Ctrl-C, at once after a second one, the batch under way is rolled back."""
    app.users(3)
    slow_rows(app, 20)
    with started(app, "sync") as command:
        until(lambda: batch_is_running(app), "the batch")
        began = time.monotonic()
        for _ in range(signals):
            command.send(signal.SIGINT)
            time.sleep(0.5)
        code, output, errors = command.end()
    assert time.monotonic() - began < 15
    assert code == 1
    assert "Traceback" not in output + errors
    assert "Profiles Created:     0\n" in output
    assert (profiles(app), backends(app)) == (0, [])
    (told,) = runs(app)
    assert [line["event"] for line in told] == ["started", "ended"]
