"""No telemetry, no update check: no task talks to anybody but the target and GitHub's API."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest

import usersync.tasks
from tests.app import App
from tests.github_api import GitHub
from usersync import local, shelf

pytestmark = pytest.mark.any_postgres

#: Loaded by every Python that is started: refuses, and writes down, every address that is not
#: allowed. Unix sockets are the embedded Postgres.
GUARD = """
import os, sys

ALLOWED = {int(port) for port in os.environ["ALLOWED_PORTS"].split(",")}


def refuse(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, (str, bytes)):
            return
        host, port = address[:2]
        if host in ("127.0.0.1", "::1", "localhost") and port in ALLOWED:
            return
        told = f"connect {host}:{port}"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        host = arguments[0] if event != "socket.sendto" else arguments[1]
        if host in (None, "127.0.0.1", "::1", "localhost", ""):
            return
        told = f"{event} {host}"
    else:
        return
    with open(os.environ["REFUSED_FILE"], "a") as stream:
        stream.write(told + "\\n")
    raise PermissionError(told)


sys.addaudithook(refuse)
"""


class Website:
    """The app's own health endpoints."""

    def __enter__(self) -> Self:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b'{"status": "healthy"}'
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.port = self._server.server_port
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


#: Every task, as somebody types it first; `{port}` is the app's website.
WORDS: Mapping[str, tuple[str, ...]] = {
    "create-profile": ("{missing}", "--yes"),
    "init": ("--diff", "--action", f"acme/usersync@{'7' * 40}"),
    "health.check": ("--base-url", "http://127.0.0.1:{port}"),
    "health.serve": ("--port", "0"),
    "journal.forget": ("24c2c7f8-0000-4000-8000-000000000000",),
    "local.seed": ("--users", "10", "--missing", "1"),
    "migration.apply": ("--dry-run",),
    "migration.compare": ("--base", "migrations"),
    "migration.export": (),
    "migration.rollback": ("--dry-run",),
    "uninstall": ("--dry-run",),
    "report.publish": ("--run", "run.json", "--publish", "summary,comment,issue"),
    "report.render": ("--run", "run.json"),
    "restore": ("24c2c7f8-0000-4000-8000-000000000000",),
    "runbook.docs": ("--check",),
    "runbook.drill": ("nightly-sync",),
    "runbook.new": ("our-own",),
    "runbook.one-person-cannot-get-in": ("--user", "{missing}"),
    "runbook.run": ("nightly-sync", "--dry-run"),
    "runbook.show": ("nightly-sync",),
    "sync": ("--dry-run",),
}
#: They serve until somebody ends them.
ENDLESS = {"health.serve"}
#: Exit codes of ours; a usage error of Invoke would be one of them, and says so.
USAGE_ERROR = "No idea what"
MISSING = """
select u.id from auth.users as u
where u.deleted_at is null and not u.is_anonymous
    and not exists (select from user_profiles as p where p.user_id = u.id)
limit 1
"""
#: Nothing is kept of a run that never was; no task is refused for what is typed here.
REFUSED = {"restore"}


@pytest.fixture
def website() -> Iterator[Website]:
    """The app's website."""
    with Website() as server:
        yield server


@pytest.fixture
def home() -> Iterator[Path]:
    """Not tmp_path, which a second pytest of root's shuts to other accounts."""
    with tempfile.TemporaryDirectory(prefix="usersync-test-") as name:
        yield Path(name)


def test_nothing_else_is_asked(app: App, website: Website, home: Path) -> None:
    """Each task there is runs with every other address refused, and none was tried."""
    local.seed(app.url, users=20, missing=2)
    (missing,) = (str(row["id"]) for row in app.rows(MISSING))
    shutil.copytree(
        Path(__file__).parent / "consumer/supabase/migrations", app.folder / "migrations"
    )
    shutil.copytree(app.folder / "migrations", app.folder / "supabase/migrations")
    (home / "sitecustomize.py").write_text(GUARD)
    refused = home / "refused"
    program = Path(sys.executable).with_name("usersync")
    with GitHub() as github:
        github.add_issue(number=7, is_pull=True)
        ports = (website.port, int(github.url.rpartition(":")[2]))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "PYTHONPATH": str(home),
            "ALLOWED_PORTS": ",".join(map(str, ports)),
            "REFUSED_FILE": str(refused),
            "SUPABASE_DB_URL": app.url,
            "GITHUB_API_URL": github.url,
            "GITHUB_REPOSITORY": "acme/app",
            "GITHUB_TOKEN": "ghs_secret",
        }

        def run(*words: str) -> tuple[str, int]:
            with subprocess.Popen(
                [program, *words],
                cwd=app.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
            ) as process:
                if words[0] in ENDLESS:
                    assert process.stdout is not None
                    process.stdout.readline()
                    process.send_signal(signal.SIGTERM)
                return process.communicate(timeout=120)[0], process.returncode

        run("status", "--out", "run.json")
        run("migration.apply", "--yes")
        names = sorted(usersync.tasks.namespace.task_names)
        # What fills or removes the local stack comes after what starts it.
        last = ("local.up", "local.seed", "local.down")
        for name in (*(one for one in names if one not in last), *last):
            words = [
                word.format(port=website.port, missing=missing) for word in WORDS.get(name, ())
            ]
            dry = ["--dry-run"] if name.partition(".")[2] in shelf.entries() else []
            printed, code = run(name, *words, *dry)
            assert (code == 3) is (name in REFUSED), printed
            assert USAGE_ERROR not in printed, printed
            assert not refused.exists(), f"{name}: {refused.read_text()}"
        assert github.asked


def test_the_guard_refuses(tmp_path: Path) -> None:
    """Another address, by number or by name, is refused and written down."""
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    refused = tmp_path / "refused"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path),
        "ALLOWED_PORTS": "1",
        "REFUSED_FILE": str(refused),
    }
    for address in ("http://127.0.0.1:2/", "http://telemetry.example/"):
        program = f"import httpx; httpx.get({address!r})"
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=False
        )
        assert done.returncode != 0
    told = refused.read_text()
    assert "connect 127.0.0.1:2" in told
    assert "telemetry.example" in told
