"""``demo``: the main job from nothing, and nothing left of it, however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.program import NOWHERE, ROOT, USERSYNC
from usersync.local import cluster

#: The demo's whole text; ``{…}`` are what differs from day to day and run to run.
TEXT = """\
Starting an embedded Postgres that looks like a Supabase project, with 150 users ...

# How far apart are the two lists?
$ invoke status --target local

Target: local · local socket · direct as postgres · public.user_profiles(user_id)

=== User Synchronization Status ===
Total Auth Users:     150
Total User Profiles:  145
Missing Profiles:     5
Sync Percentage:      96.67%

Not counted: 4 soft-deleted, 6 anonymous
Missing since {minute} (oldest) to {minute} (newest)
Newest user who has a profile: {minute}
By provider: {providers}
Missing per day of sign-up (UTC, last 14 days):
{days}

Next:  invoke sync --dry-run --target local

# What exactly would a sync do? It writes nothing:
$ invoke sync --dry-run --target local

Target: local · local socket · direct as postgres · public.user_profiles(user_id)

=== User Synchronization Plan ===
Total Auth Users:     150
Existing Profiles:    145
Profiles To Create:   5

Each new profile in public.user_profiles(user_id):
  every column <- public.handle_new_user(), as at a sign-up
An insert fires:
  on_auth_user_created -> public.handle_new_user: contained, it writes the profile table, and else \
only computes
Users (first 5 of 5, oldest first):
{user}
{user}
{user}
{user}
{user}
Digest: {digest} (as of {instant})
Nothing was written.

Next:  invoke sync --approve {digest} --target local

# Do it:
$ invoke sync --target local

Target: local · local socket · direct as postgres · public.user_profiles(user_id)

=== Synchronization Summary ===
Timestamp:            {instant}
Total Auth Users:     150
Existing Profiles:    145
Profiles Created:     5
Failed Creations:     0
Success Rate:         100%
Execution Time:       {seconds} seconds

# And now?
$ invoke status --target local

Target: local · local socket · direct as postgres · public.user_profiles(user_id)

=== User Synchronization Status ===
Total Auth Users:     150
Total User Profiles:  150
Missing Profiles:     0
Sync Percentage:      100%

Not counted: 4 soft-deleted, 6 anonymous

# The app has a trigger of its own, so a new user gets a profile:
ada signs up: done

# Then a release renames a column, and forgets that trigger:
sql> alter table public.user_profiles rename column is_active to active;

# Nobody can sign up any more:
grace signs up: Database error saving new user (42703: column "is_active" of relation \
"user_profiles" does not exist)

# Why?
$ invoke doctor --target local

Target: local · local socket · direct as postgres · public.user_profiles(user_id)

=== Migration ===
Nothing of usersync is installed here.

=== User Synchronization Status ===
Total Auth Users:     151
Total User Profiles:  151
Missing Profiles:     0
Sync Percentage:      100%

Not counted: 4 soft-deleted, 6 anonymous

=== Checks ===
36 of 38 checks found nothing.

error: sign_up_function_broken: 1: do the tables and columns exist that the functions behind \
sign-ups write to, and is every required column filled?
  public.handle_new_user(): line 3: there is no column is_active in user_profiles (42703 \
undefined_column)
  to do: invoke migration.pause --target local lets people sign up until the function is \
corrected; then invoke migration.resume --target local
  runbook: sign-ups-fail
warning: users_unreadable_by_api: 3: can the Auth server read every user?
  04c197f3: null or foreign: confirmation_token, recovery_token, email_change, \
email_change_token_new
  342fd83e: null or foreign: confirmation_token, recovery_token, email_change, \
email_change_token_new
  ce8def3c: null or foreign: confirmation_token, recovery_token, email_change, \
email_change_token_new
  to do: invoke repair.tokens --dry-run --target local writes '' where a token is null; what else \
is null or foreign here takes an update by hand
  runbook: user-list-fails

Next:  invoke migration.pause --target local
       invoke runbook.sign-ups-fail --dry-run --target local
       invoke runbook.user-list-fails --dry-run --target local

# First aid: the trigger does nothing for now; no lock, no release needed:
$ invoke migration.pause --target local

Target: local · local socket · direct as postgres

PAUSED: public.handle_new_user() does nothing since {instant}, by {actor}
  0 signed up since then without a profile.

changed    public.handle_new_user(): does nothing any more: auth.users: on_auth_user_created
What it did is saved inside it, and in {file}
Next:  correct what is wrong, then: invoke migration.resume 'public.handle_new_user()' --target \
local
       or deploy a corrected function, which takes the place of the paused one
       and, until then, for those who sign up: invoke sync --target local

# People can sign up again:
grace signs up: done

# The release is corrected:
sql> alter table public.user_profiles rename column active to is_active;

# The trigger comes back, byte for byte, once a canary has passed with it:
$ invoke migration.resume --target local

Target: local · local socket · direct as postgres

changed    public.handle_new_user(): is back, byte for byte
ok         role: with more rights than the Auth server has, which does not matter: every \
trigger function on auth.users runs with the rights of its owner
ok         e-mail sign-up: profile made in public.user_profiles(user_id)
ok         phone sign-up: profile made in public.user_profiles(user_id)
ok         OAuth sign-up: profile made in public.user_profiles(user_id)
ok         sign-up without metadata: profile made in public.user_profiles(user_id)
ok         anonymous sign-up: no profile in public.user_profiles(user_id), as configured
finding    permanent by e-mail: no profile in public.user_profiles(user_id): a trigger on \
inserts does not see it, and there is none on updates
           sync gives them one afterwards
finding    permanent by phone: no profile in public.user_profiles(user_id): a trigger on \
inserts does not see it, and there is none on updates
           sync gives them one afterwards
finding    permanent by identity: no profile in public.user_profiles(user_id): a trigger on \
inserts does not see it, and there is none on updates
           sync gives them one afterwards
ok         e-mail change: profile made in public.user_profiles(user_id)
ok         soft delete: the profile in public.user_profiles(user_id) stays
ok         hard delete: user and profile are gone
Signed up without a profile while it was paused: 1
Next:  invoke sync --dry-run --target local
       invoke sync --target local

# The sync catches up:
$ invoke sync --target local

Target: local · local socket · direct as postgres · public.user_profiles(user_id)

=== Synchronization Summary ===
Timestamp:            {instant}
Total Auth Users:     152
Existing Profiles:    151
Profiles Created:     1
Failed Creations:     0
Success Rate:         100%
Execution Time:       {seconds} seconds

# In sync:
$ invoke status --quick --target local

Target: local · local socket · direct as postgres · public.user_profiles(user_id)

=== User Synchronization Status ===
Total Auth Users:     152
Total User Profiles:  152
Missing Profiles:     0
Sync Percentage:      100%

# Until now nothing was installed. Everything that the database has is noted:
{count} things: tables, columns, functions, triggers, rights, rows

# The migration records what it installs, and leaves the app's own trigger as it is:
$ invoke migration.apply --target local

Target: local · local socket · direct as postgres

=== Migration ===
applied    0001_ledger: makes the schema of usersync and its ledger, which says what was installed \
and how to undo it
applied    0002_journal: makes the journal, which says what was changed, when and by whom, and the \
lease of a run
applied    0003_failures: makes the table of profiles that could not be made or kept equal during \
a sign-up
applied    0004_before_images: makes the table that keeps what was overwritten or removed, so that \
it can be put back
applied    0008_api: makes the functions that the API calls with the service-role key; nobody else \
may
applied    0009_parked_profiles: makes the table that keeps profiles without a user, whole, until \
they are put back

changed    0001_ledger: applied in {count} ms
changed    0002_journal: applied in {count} ms
changed    0003_failures: applied in {count} ms
changed    0004_before_images: applied in {count} ms
changed    0008_api: applied in {count} ms
changed    0009_parked_profiles: applied in {count} ms
Missing profiles in public.user_profiles(user_id): 0

# All that is there of it:
$ invoke migration.footprint --target local

Target: local · local socket · direct as postgres

=== Footprint ===
function   34; --verbose lists them
grant      33; --verbose lists them
index      11; --verbose lists them
policy     nobody on usersync.before_images (0004_before_images)
policy     nobody on usersync.failures (0003_failures)
policy     nobody on usersync.journal (0002_journal)
policy     nobody on usersync.lease (0002_journal)
policy     nobody on usersync.ledger (0001_ledger)
policy     nobody on usersync.parked_profiles (0009_parked_profiles)
schema     usersync (0001_ledger)
table      usersync.before_images, 0 rows, {count} bytes (0004_before_images)
table      usersync.failures, 0 rows, {count} bytes (0003_failures)
table      usersync.journal, 7 rows, {count} bytes (0002_journal)
table      usersync.lease, 0 rows, {count} bytes (0002_journal)
table      usersync.ledger, 6 rows, {count} bytes (0001_ledger)
table      usersync.parked_profiles, 0 rows, {count} bytes (0009_parked_profiles)
trigger    journal_keeps on usersync.journal (0002_journal)
trigger    journal_keeps_all on usersync.journal (0002_journal)

# And out with it:
$ invoke uninstall --target local

Target: local · local socket · direct as postgres

changed    0008_api: taken out; 6 rows of usersync.ledger kept in {rows} in {count} ms
changed    0009_parked_profiles: taken out in {count} ms
changed    0004_before_images: taken out in {count} ms
changed    0003_failures: taken out in {count} ms
changed    0002_journal: taken out; 12 rows of usersync.journal kept in {rows} in {count} ms
changed    0001_ledger: taken out in {count} ms
ok         proof: the catalog has no schema, table, function, trigger, policy, type or right of \
usersync

# Is anything left of it?
nothing: all {count} things are as before, and no other is there

That was all, in {seconds} s; nothing is left running.
Its report: usersync-demo/report.md and usersync-demo/report.html

# What to do next
{next}
"""

PATTERNS = {
    "minute": r"\d{4}-\d\d-\d\d \d\d:\d\d UTC",
    "instant": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "seconds": r"\d+\.\d+",
    "digest": r"5-\d{8}T\d{12}-[0-9a-f]{16}-[0-9a-f]{72}",
    "user": r"  [0-9a-f]{8}  \d{4}-\d\d-\d\d \d\d:\d\d UTC  \w+ +\w\*\*\*@[\w.]+",
    "actor": r"\S+",
    "file": r"\S+\.sql",
    "rows": r"\S+\.jsonl",
    "count": r"[\d,]+",
    "providers": r"[a-z0-9 ,()%]+",
    "days": r"(?:  \d{4}-\d\d-\d\d +\d  #+\n?)+?",
    "next": r"(?:  .+# .+\n?)+?",
}


@dataclass(frozen=True)
class Demo:
    """A place where a demo can leave something, and the process when it runs."""

    temporary: Path
    state: Path
    place: Path
    """Where it is started."""

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start it in a process group of its own, as a shell does, beside a target not meant."""
        return subprocess.Popen(
            command or (sys.executable, "-m", "invoke", "-r", str(ROOT), "demo"),
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ
            | {
                "TMPDIR": str(self.temporary),
                "XDG_STATE_HOME": str(self.state),
                "SUPABASE_DB_URL": NOWHERE,
                "PYTHONUNBUFFERED": "1",
            },
        )

    def remains(self) -> list[str]:
        """What is left: files, folders, processes."""
        files = [str(path) for path in (*self.temporary.rglob("*"), *self.state.rglob("*"))]
        files += [str(path) for path in self.place.iterdir() if path.name != "usersync-demo"]
        processes = [
            f"process {process.pid}"
            for process in psutil.process_iter(["cmdline", "status"])
            if str(self.temporary) in " ".join(process.info["cmdline"] or [])
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]
        return files + processes

    def stack(self) -> Path | None:
        """The folder of the embedded Postgres, once it is there."""
        return next(self.temporary.glob("usersync-*"), None)


@pytest.fixture
def demo() -> Iterator[Demo]:
    """Folders with short names, as a socket needs them; what stays in them is ended and removed."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="demo-") as name:
        (Path(name) / "tmp").mkdir()
        (Path(name) / "place").mkdir()
        demo = Demo(Path(name) / "tmp", Path(name) / "state", Path(name) / "place")
        yield demo
        for folder in demo.temporary.iterdir():
            cluster.end(folder, keep_data=False)


def assert_shows_the_job(text: str, program: str) -> None:
    """The text is that of the demo, character by character but for what must differ."""
    blanks = {name: f"\0{name}\0" for name in PATTERNS}
    expected = re.escape(TEXT.format(**blanks).replace("$ invoke", f"$ {program}"))
    for task in ("sync", "migration", "doctor", "repair", "runbook"):
        expected = expected.replace(f"invoke\\ {task}", f"{program}\\ {task}")
    for name, pattern in PATTERNS.items():
        expected = expected.replace(re.escape(blanks[name]), pattern)
    lines, wanted = text.splitlines(), expected.split("\\\n")
    assert re.fullmatch(expected, text), "\n".join([*lines, "---", *wanted])


def test_shows_the_main_job(demo: Demo) -> None:
    """Status, plan, sync, in and out: the exact texts, each behind its command, in under 30 s."""
    started = time.monotonic()
    process = demo.start()
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    assert time.monotonic() - started < 30
    assert_shows_the_job(stdout, "invoke")
    for command in ("export SUPABASE_DB_URL=", "invoke connect.check", "invoke local.up && "):
        assert f"\n  {command}" in stdout
    assert demo.remains() == []
    report = demo.place / "usersync-demo"
    assert sorted(path.name for path in report.iterdir()) == ["report.html", "report.md"]
    assert "in sync: 152 users, 152 profiles" in (report / "report.md").read_text()


def test_a_folder_that_takes_no_report(demo: Demo) -> None:
    """Where the report cannot be written the demo says so, and has shown the job all the same."""
    (demo.place / "usersync-demo").write_text("something else")
    process = demo.start()
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Its report was not written: usersync-demo: File exists" in stdout


def test_as_json(demo: Demo) -> None:
    """With --json one Run is all there is on standard output; --out writes the same."""
    out = demo.state.parent / "run.json"
    process = demo.start(USERSYNC, "demo", "--json", "--out", str(out))
    stdout, stderr = process.communicate(timeout=60)
    run = json.loads(stdout)
    assert (process.returncode, run["exit_code"], run["task"]) == (0, 0, "demo")
    assert json.loads(out.read_text()) == run
    assert {step["status"] for step in run["steps"]} == {"ok"}
    assert run["steps"][0]["detail"] == "usersync status --target local: exit 2"
    assert "usersync status" in run["next_steps"]
    assert_shows_the_job(stderr, "usersync")
    assert demo.remains() == []


def test_interrupted_with_out(demo: Demo) -> None:
    """An interrupted demo writes its Run all the same."""
    out = demo.state.parent / "run.json"
    process = demo.start(USERSYNC, "demo", "--out", str(out))
    assert process.stdout is not None
    while not process.stdout.readline().startswith("# What exactly"):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    run = json.loads(out.read_text())
    assert (process.returncode, run["exit_code"]) == (1, 1)
    assert "interrupted" in run["error"]
    assert demo.remains() == []


def test_of_the_console_program(demo: Demo) -> None:
    """``usersync demo`` shows the commands of the console program."""
    process = demo.start(USERSYNC, "demo")
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    assert_shows_the_job(stdout, "usersync")
    assert "  usersync status " in stdout
    assert demo.remains() == []


def test_in_a_folder_with_a_long_name(demo: Demo) -> None:
    """Where the path is too long for a socket, nothing stays of its other place either."""
    long = Demo(demo.temporary / ("x" * 100), demo.state, demo.place)
    long.temporary.mkdir()
    process = long.start()
    stack = None
    while stack is None and process.poll() is None:
        stack = long.stack()
        time.sleep(0.01)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0
    assert stack is not None
    sockets = cluster.socket_directory(stack.resolve())
    assert sockets.parent == Path("/tmp")
    assert not sockets.exists()
    assert long.remains() == []


#: When to interrupt: after so many seconds, or when the text is there.
MOMENTS = (0.3, "Starting", "stack", "# What exactly", "# And now")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted(demo: Demo, number: signal.Signals, moment: float | str) -> None:
    """Ctrl-C (to the whole process group) and SIGTERM, at any moment: it ends, nothing stays."""
    process = demo.start()
    assert process.stdout is not None
    if moment == "stack":
        while demo.stack() is None:
            time.sleep(0.005)
    elif isinstance(moment, str):
        while not process.stdout.readline().startswith(moment):
            assert process.poll() is None
    else:
        time.sleep(moment)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    process.communicate(timeout=30)
    if isinstance(moment, str):
        assert process.returncode == 1
    assert demo.remains() == []


def test_interrupted_twice(demo: Demo) -> None:
    """A second Ctrl-C while it takes the stack down changes nothing."""
    process = demo.start()
    assert process.stdout is not None
    while not process.stdout.readline().startswith("# What"):
        assert process.poll() is None
    for _ in range(5):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.02)
        if process.poll() is not None:
            break
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert demo.remains() == []
