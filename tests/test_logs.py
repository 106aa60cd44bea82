"""``logs``: the recent errors of the app's log files, without what nobody else may read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.program import called
from usersync.privacy import masked

USER_ID = "3f9a1c52-7d0e-4b7e-9c39-0f6d2a8e5b11"

LOG = f"""\
2026-01-08 10:30:00 INFO anna@example.com signed in
2026-01-08 10:30:01 ERROR no profile of {USER_ID} (anna@example.com)
Traceback (most recent call last):
  File "/app/main.py", line 3, in create
psycopg.errors.UniqueViolation: duplicate key
sqlalchemy.exc.IntegrityError: (anna@example.com) exists
{{"level": "error", "msg": "timeout", "phone": "+49 170 1234567"}}
2026-01-08 10:30:02 WARNING slow
"""


@pytest.fixture
def log(workdir: Path) -> Path:
    """The log file of the operators' page."""
    (workdir / "backend").mkdir()
    path = workdir / "backend/backend.log"
    path.write_text(LOG)
    return path


def test_errors_are_shown_and_masked(log: Path) -> None:
    """Lines of errors are shown, with short ids and without addresses or numbers; exit 0."""
    done = called("logs")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok         backend/backend.log: 3 errors in it" in done.stdout
    assert "ERROR no profile of 3f9a1c52 (a***@example.com)" in done.stdout
    assert "IntegrityError: (a***@example.com) exists" in done.stdout
    assert '"phone": "+49***"' in done.stdout
    for hidden in ("anna@", "1234567", USER_ID, "signed in", "slow", "/app/main.py"):
        assert hidden not in done.stdout
    assert USER_ID in called("logs", "--show-ids").stdout


def test_where_the_other_logs_are(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's log and the journal are named; of a project that is known, with the link."""
    done = called("logs")
    assert "Database log: Supabase dashboard → Logs → Postgres" in done.stdout
    assert "Sync log: usersync status --history 20" in done.stdout
    ref = "abcdefghijklmnopqrst"
    monkeypatch.setenv("SUPABASE_DB_URL", f"postgresql://postgres:x@db.{ref}.supabase.co/postgres")
    done = called("logs")
    assert f"https://supabase.com/dashboard/project/{ref}/logs/postgres-logs" in done.stdout


def test_files_are_configured(log: Path) -> None:
    """The files are those of usersync.yaml; one that is not there is ``could not tell``: exit 1."""
    Path("usersync.yaml").write_text("logs: [a.log, b.log, backend]\n")
    Path("a.log").write_text("FATAL x\n")
    done = called("logs")
    assert done.returncode == 1
    assert "finding    a.log: FATAL x" in done.stdout
    assert "skipped    b.log: there is no such file in " in done.stdout
    assert "unknown    backend: it is no file" in done.stdout
    assert "`logs:` in usersync.yaml" in done.stdout


def test_a_file_that_nobody_named_may_be_missing(workdir: Path) -> None:
    """Where nothing is configured and the usual file is not there: exit 0, with what to set."""
    done = called("logs")
    assert done.returncode == 0
    assert "skipped    backend/backend.log: there is no such file in " in done.stdout
    assert "`logs:` in usersync.yaml" in done.stdout
    assert "Database log: " in done.stdout


def test_the_last_of_many(log: Path) -> None:
    """Of a long file the end is read, and of many errors the last are shown."""
    line = "2026-01-08 10:30:00 ERROR number {:07d} and some more words to fill the line\n"
    log.write_text("".join(line.format(number) for number in range(20_000)))
    done = called("logs", "--lines", "2")
    assert "errors in the last 256 KiB, the last 2:" in done.stdout
    assert done.stdout.count("ERROR number") == 2
    assert "number 0019999" in done.stdout
    assert called("logs", "--lines", "0").returncode == 3


def test_a_cut_line_is_left_out(log: Path) -> None:
    """The line that the reading begins in is not shown: what hides a secret may be cut off."""
    log.write_text("ERROR password=" + "geheim" * 60_000 + "\n" + "ERROR after\n")
    done = called("logs")
    assert "geheim" not in done.stdout
    assert "ERROR after" in done.stdout


def test_odd_files(log: Path) -> None:
    """No file is too odd: binary, escapes, a pipe, no rights, one line of megabytes."""
    log.write_bytes(b"\xff\x00ERROR \x1b[31m::error::\r\n")
    done = called("logs")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "::error" not in done.stdout
    log.unlink()
    os.mkfifo(log)
    assert called("logs").returncode == 1
    log.unlink()
    for long in ("x" * 100_000, "eyJabcdef-" * 10_000, "a@" * 50_000, "://:" * 25_000):
        log.write_text(f"ERROR {long}\nERROR token={long}\nERROR after")
        started = time.monotonic()
        done = called("logs")
        assert time.monotonic() - started < 5
        assert "eyJabcdef" not in done.stdout
        assert "(100,006 characters)" in done.stdout
        assert len(done.stdout) < 10_000


def test_no_database_is_needed(log: Path) -> None:
    """It works where no target can be reached, and with several of which none is chosen."""
    Path("usersync.yaml").write_text("targets: {a: {db_url_env: A}, b: {db_url_env: B}}\n")
    assert called("logs").returncode == 0
    assert "Target: a (production) · no connection" in called("logs", "--target", "a").stdout
    assert called("logs", "--target", "c").returncode == 3


MASKED = {
    "key eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZSJ9.c2ln failed": "key [a key] failed",
    "sb_secret_abcdefgh1234 used": "[a key] used",
    "Authorization: Bearer abcdef.ghi-jkl": "Authorization: Bearer [hidden]",
    "postgresql://postgres:pa:ss@host:5432/db": "postgresql://[hidden]@host:5432/db",
    'password="hun ter2", x': "password=[hidden], x",
    "DB_PASSWORD=hunter2 next": "DB_PASSWORD=[hidden] next",
    '{"api_key": "abc", "ok": 1}': '{"api_key": [hidden], "ok": 1}',
    "mail to Anna.B+x@mail.example.org!": "mail to A***@mail.example.org!",
    "call +1 (555) 010-9999 now": "call +1 *** now",
    "2026-01-08 10:30:00+00:00 ERROR": "2026-01-08 10:30:00+00:00 ERROR",
    "version 1.2.3 of 10": "version 1.2.3 of 10",
}


@pytest.mark.parametrize(("line", "shown"), MASKED.items())
def test_what_is_masked(line: str, shown: str) -> None:
    """Keys, passwords, addresses and numbers are hidden; times and versions are not."""
    assert masked(line) == shown
