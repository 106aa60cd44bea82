"""Several targets: what each says under its own line, one exit code, one file, one last line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.program import NOWHERE, USERSYNC, called
from usersync import config, targets
from usersync.errors import ConfigError
from usersync.model import Run
from usersync.runner import Request
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

FILE = """\
retry_s: 0
targets:
  good: {environment: staging, db_url_env: GOOD_URL}
  drifting: {environment: test, db_url_env: DRIFTING_URL}
  gone: {environment: preview, db_url_env: GONE_URL}
"""


@dataclass
class Three:
    """Three targets: one in sync, one where two profiles are missing, one that is not there."""

    good: App
    drifting: App

    def run(self, operation: str, *names: str, **inputs: Any) -> Run:
        """Run one operation on several targets as its task does."""
        return targets.run(
            Request(operation.partition(".")[0], operation, inputs=inputs, targets=names)
        )

    def profiles(self) -> tuple[int, int]:
        """How many profiles each of the two databases has."""
        count = "select count(*) from public.user_profiles"
        return self.good.one(count), self.drifting.one(count)


@pytest.fixture
def three(
    database: Database,
    second_database: Database,
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Three:
    """A configuration of three targets over two real databases."""
    monkeypatch.setenv("GOOD_URL", database.url)
    monkeypatch.setenv("DRIFTING_URL", second_database.url)
    monkeypatch.setenv("GONE_URL", NOWHERE)
    made = Three(App(database.url, workdir), App(second_database.url, workdir))
    made.good.configure(FILE)
    made.good.user()
    made.good.rows("insert into public.user_profiles select id, email from auth.users")
    made.drifting.users(2)
    return made


def codes(run: Run) -> dict[str, int]:
    return {one.target.name: one.exit_code for one in run.targets if one.target}


# -- reads ------------------------------------------------------------------------------------


def test_all_is_every_target_of_the_file(three: Three) -> None:
    """``all`` asks every target, in the order of the file; the worst exit code stands for them."""
    run = three.run("status", "all")
    assert codes(run) == {"good": 0, "drifting": 2, "gone": 1}
    assert run.exit_code == 1
    assert run.notes == ("3 targets: 1 in sync, 1 with drift (drifting), 1 could not tell (gone)",)
    assert run.target is None


def test_the_terminal(three: Three) -> None:
    """Each target has a block under its own line, and a next step for it; the last line sums up."""
    done = called("status", "--target", "good", "--target", "drifting", "--target", "gone")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    heads = [line for line in lines if line.startswith("Target: ")]
    assert [head.split(" · ")[0] for head in heads] == [
        "Target: good (staging)",
        "Target: drifting (test)",
        "Target: gone",
    ]
    assert heads[2] == "Target: gone · not opened"
    assert "Next:  usersync sync --dry-run --target drifting" in lines
    assert lines[-1].startswith("3 targets: 1 in sync, 1 with drift (drifting), 1 could not tell")


def test_json_is_one_object(three: Three, tmp_path: Path) -> None:
    """``--json`` prints one object with a run for each target, and ``--out`` holds the same one."""
    out = tmp_path / "run.json"
    done = called("status", "--target", "all", "--json", "--out", str(out))
    run = json.loads(done.stdout)
    assert (done.returncode, run["exit_code"]) == (1, 1)
    assert run == json.loads(out.read_text())
    assert [one["target"]["name"] for one in run["targets"]] == ["good", "drifting", "gone"]
    assert [one["exit_code"] for one in run["targets"]] == [0, 2, 1]
    assert run["targets"][1]["tables"][0]["status"]["missing"] == 2
    assert len({run["run_id"], *(one["run_id"] for one in run["targets"])}) == 4


def test_connections_of_all(three: Three) -> None:
    """``connect.check --target all`` says the settings once and then what each target says."""
    done = called("connect.check", "--target", "all")
    assert done.returncode == 1
    assert done.stdout.count("SUPABASE_DB_URL") == 1
    assert done.stdout.count("row security: hides no user") == 2
    assert done.stdout.rstrip().endswith("3 targets: 2 fine, 1 could not tell (gone)")


def test_given_twice_is_taken_once(three: Three) -> None:
    """A name that is given twice is one target, and the output that of one."""
    run = three.run("status", "good", "good")
    assert run.target is not None
    assert (run.target.name, run.targets, run.exit_code) == ("good", (), 0)
    assert codes(three.run("status", "good", "drifting", "good")) == {"good": 0, "drifting": 2}


def test_all_of_one(three: Three) -> None:
    """The shape of the answer follows what was typed: ``all`` of a single target is a list too."""
    three.good.configure("targets: {good: {environment: staging, db_url_env: GOOD_URL}}")
    run = three.run("status", "all")
    assert (codes(run), run.notes) == ({"good": 0}, ("1 target: 1 in sync",))


def test_all_without_a_file_is_the_default(three: Three, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file names a target, ``all`` is that of SUPABASE_DB_URL, and never the local one."""
    (three.good.folder / "usersync.yaml").unlink()
    monkeypatch.setenv("SUPABASE_DB_URL", three.drifting.url)
    assert codes(three.run("status", "all")) == {"default": 2}


def test_a_target_that_is_not_configured_answers_for_itself(
    three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a read, a variable that is not set is the exit code 3 of its target alone."""
    monkeypatch.delenv("GONE_URL")
    run = three.run("status", "all")
    assert codes(run) == {"good": 0, "drifting": 2, "gone": 3}
    assert run.exit_code == 3
    assert "GONE_URL is not set" in run.targets[2].error


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A server that takes connections and never says a word, in the variable SILENT_URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("SILENT_URL", f"postgresql://postgres@127.0.0.1:{port}/postgres")
        yield listener


def test_reads_go_side_by_side(three: Three, silent: socket.socket) -> None:
    """Four targets of which each takes two seconds are told in less than four."""
    names = "\n".join(f"  silent{number}: {{db_url_env: SILENT_URL}}" for number in range(4))
    three.good.configure(f"retry_s: 0\nconnect_timeout_s: 2\ntargets:\n{names}\n")
    started = time.monotonic()
    run = three.run("status", "all")
    assert set(codes(run).values()) == {1}
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_read_tells_what_it_has(
    three: Three, silent: socket.socket, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM end it at once, with the answers that were there and exit code 1."""
    three.good.configure(FILE + "  silent: {environment: test, db_url_env: SILENT_URL}\n")
    out = tmp_path / "run.json"
    with subprocess.Popen(
        [USERSYNC, "status", "--target", "all", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        silent.settimeout(20)
        connection, _ = silent.accept()
        # Now all are asked, and the other three have this long to answer.
        time.sleep(3)
        started = time.monotonic()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
        connection.close()
    assert (process.returncode, stderr) == (1, "")
    assert time.monotonic() - started < 8
    run = json.loads(out.read_text())
    assert run["interrupted"]
    assert [one["exit_code"] for one in run["targets"]] == [0, 2, 1, 1]
    assert [one["interrupted"] for one in run["targets"]] == [False, False, False, True]
    assert "Error: interrupted before it had an answer" in stdout
    assert "1 in sync, 1 with drift (drifting), 2 could not tell (gone, silent)" in stdout


def test_an_interrupted_read_ends_in_the_database_too(three: Three) -> None:
    """What a target is busy with when Ctrl-C comes does not go on there when we are gone."""
    three.good.configure(FILE.replace("retry_s: 0", "lock_timeout_s: 60"))
    busy = (
        "select count(*) from pg_stat_activity where application_name = 'usersync'"
        " and datname = current_database() and wait_event_type = 'Lock'"
    )
    with psycopg.connect(three.drifting.url) as connection:
        connection.execute("lock table public.user_profiles in access exclusive mode")
        words = [USERSYNC, "status", "--target", "good", "--target", "drifting"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            wait_until(lambda: three.drifting.one(busy) == 1)
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=20)
        assert process.returncode == 1
        assert three.drifting.one(busy) == 0
    assert "Target: drifting (test) · local socket · direct as postgres" in stdout


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for twenty seconds at most."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


# -- what is for one target -------------------------------------------------------------------


REFUSED = {
    "a write on all": (
        ("sync", "all"),
        {"options": SyncOptions()},
        "--target all is for what only reads",
        "--target good --target drifting --target gone",
    ),
    "what is rolled back can write too": (
        ("sync.rehearse", "all"),
        {"options": SyncOptions()},
        "--target all is for what only reads",
        "--target good",
    ),
    "approve": (
        ("sync", "good", "drifting"),
        {"options": SyncOptions(approve="0-x")},
        "--approve is for one target",
        "--target good",
    ),
    "ids to": (
        ("status", "all"),
        {"ids_to": "ids"},
        "--ids-to writes the ids of one",
        "--target good",
    ),
    "statements": (
        ("migration.plan", "good", "drifting"),
        {"statements": True},
        "--sql prints that of one",
        "--target good",
    ),
    "export": (
        ("migration.export", "good", "drifting"),
        {},
        "migration is for one target: its files belong to one project",
        "--target good",
    ),
    "all and another": (("status", "all", "good"), {}, "`all` is every target of", "alone"),
    "a name that is not there": (
        ("sync", "good", "driftin"),
        {"options": SyncOptions()},
        "there is no target `driftin`; did you mean `drifting`?",
        "Define it",
    ),
    "one that is not configured": (
        ("sync", "good", "unset"),
        {"options": SyncOptions()},
        "the environment variable UNSET_URL is not set",
        "export UNSET_URL",
    ),
}


@pytest.mark.parametrize(("words", "inputs", "error", "step"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(
    three: Three, words: tuple[str, ...], inputs: dict[str, Any], error: str, step: str
) -> None:
    """What cannot be for several is refused before anything is opened: exit 3 and the way out."""
    three.good.configure(FILE + "  unset: {db_url_env: UNSET_URL}\n" * (words[-1] == "unset"))
    run = three.run(*words, **inputs)
    assert (run.exit_code, run.targets, run.target) == (3, (), None)
    assert error in run.error
    assert step in " ".join(run.next_steps)
    assert three.profiles() == (1, 0)
    assert not (three.good.folder / "ids").exists()


def test_refusals_are_in_the_file(three: Three, tmp_path: Path) -> None:
    """``--out`` holds a refusal of several targets as it holds any other."""
    out = tmp_path / "run.json"
    done = called("sync", "--target", "all", "--out", str(out), "--json")
    assert done.returncode == 3
    assert json.loads(out.read_text()) == json.loads(done.stdout)
    assert called("status", "--target", "all", "--out", str(tmp_path)).returncode == 3


def test_all_is_no_name(monkeypatch: pytest.MonkeyPatch, three: Three) -> None:
    """No target can be called ``all``, and USERSYNC_TARGET cannot say it."""
    monkeypatch.setenv("USERSYNC_TARGET", "all")
    assert "USERSYNC_TARGET names one target" in three.run("status").error
    with pytest.raises(ConfigError, match="this name is taken"):
        config.read_text("targets: {all: {db_url_env: X}}")


# -- writes -----------------------------------------------------------------------------------


def test_a_write_goes_on_where_one_cannot_be_reached(three: Three) -> None:
    """A list is done in its order; a target that is not there keeps nobody else from its turn."""
    run = three.run("sync", "gone", "good", "drifting", options=SyncOptions(first_fill=True))
    assert codes(run) == {"gone": 1, "good": 0, "drifting": 0}
    assert run.exit_code == 1
    assert run.notes == ("3 targets: 2 in sync, 1 could not tell (gone)",)
    assert three.profiles() == (1, 2)


def test_a_write_asks_for_each(three: Three) -> None:
    """In production each target shows its plan and asks; the answer to one is none to the other."""
    three.good.configure(
        "targets:\n  a: {environment: production, db_url_env: GOOD_URL}\n"
        "  b: {environment: production, db_url_env: DRIFTING_URL}\n"
    )
    three.good.user()
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return "Target: b" in question

    options = {"options": SyncOptions()}
    run = targets.run(Request("sync", "sync", inputs=options, targets=("a", "b"), ask=ask))
    assert len(asked) == 2
    assert [one.exit_code == 0 for one in run.targets] == [False, True]
    assert three.profiles() == (1, 2)


def test_an_interrupted_write_leaves_the_next_alone(three: Three, tmp_path: Path) -> None:
    """Ctrl-C at one target: what it committed stands; who comes after it is not reached."""
    three.good.users(40)
    out = tmp_path / "run.json"
    words = ["sync", "--target", "good", "--target", "drifting", "--rate", "4", "--out", str(out)]
    with subprocess.Popen(
        [USERSYNC, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: three.profiles()[0] >= 3)
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=20)
    run = json.loads(out.read_text())
    assert (process.returncode, run["interrupted"]) == (1, True)
    created = run["targets"][0]["tables"][0]["summary"]["created"]
    assert three.profiles() == (1 + created, 0)
    assert run["targets"][1]["error"].startswith("not reached: interrupted at good")
    assert "Target: drifting · not opened" in stdout
    assert "2 could not tell (good, drifting)" in stdout


def test_a_write_ends_where_a_step_failed(three: Three) -> None:
    """After a step that failed half-way the next target is left alone, and told so: exit 5."""
    three.good.rows(
        "create function public.handle_new_user() returns trigger language plpgsql security definer"
        " set search_path = '' as 'begin insert into public.gone values (new.id); return new; end';"
        "create trigger on_auth_user_created after insert on auth.users for each row"
        " execute function public.handle_new_user()"
    )
    assert three.run("migration.pause", "good").exit_code == 0
    run = three.run("migration.resume", "good", "drifting", "gone")
    assert codes(run) == {"good": 5, "drifting": 4, "gone": 4}
    assert run.exit_code == 5
    error = "not reached: good ended with exit code 5; nothing was done here"
    assert [one.error for one in run.targets[1:]] == [error, error]
    assert run.notes == ("3 targets: 2 stopped (drifting, gone), 1 undone (good)",)
