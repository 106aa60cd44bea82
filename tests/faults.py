"""Bad luck on purpose: slow rows, a `usersync` process to kill, a wire that breaks."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.app import App
from usersync import local
from usersync.local import cluster

#: A whole `usersync` program, as its console script starts it.
PROGRAM = "from usersync.tasks.program import main; main()"

#: No wait of a test is longer.
PATIENCE_S = 30.0


def until(condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
    """Wait for something to hold; its value."""
    give_up_at = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < give_up_at, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.01)
    return found


def profiles(app: App) -> int:
    """How many profiles there are."""
    return int(app.one("select count(*) from public.user_profiles"))


def missing(app: App) -> int:
    """How many users have no profile, by a query that owes the product nothing."""
    return int(
        app.one(
            "select count(*) from auth.users as u where not exists"
            " (select from public.user_profiles as p where p.user_id = u.id)"
        )
    )


def orphans(app: App) -> int:
    """How many profiles have no user."""
    return int(
        app.one(
            "select count(*) from public.user_profiles as p where not exists"
            " (select from auth.users as u where u.id = p.user_id)"
        )
    )


def trigger(app: App, body: str, *, table: str = "user_profiles", declare: str = "") -> None:
    """Run plpgsql before each profile is inserted."""
    app.rows(
        "create function public.on_profile() returns trigger language plpgsql as"
        f" $$ declare {declare} began timestamptz; begin {body} return new; end $$"
    )
    app.rows(
        f"create trigger on_profile before insert on public.{table}"
        " for each row execute function public.on_profile()"
    )


def slow_rows(app: App, seconds: float, *, only: str = "true") -> None:
    """Let each profile (for which a condition over ``new`` holds) take so long."""
    trigger(app, f"if {only} then perform pg_sleep({seconds}); end if;")


def journal(app: App) -> list[dict[str, Any]]:
    """The lines of the journal file."""
    paths = list((app.folder.parent / "state").rglob("journal.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def backends(app: App) -> list[int]:
    """The product's sessions on the server, that which holds the lock of a target among them."""
    rows = app.rows(
        "select pid from pg_stat_activity"
        " where application_name ~ '^usersync( |$)' and datname = current_database()"
    )
    return [row["pid"] for row in rows]


def batch_is_running(app: App) -> bool:
    """Whether a batch holds users."""
    return bool(
        app.rows(
            "select l.pid from pg_locks as l join pg_stat_activity as a using (pid)"
            " where a.application_name = 'usersync' and l.mode = 'RowShareLock'"
            " and l.relation = 'auth.users'::regclass and a.datname = current_database()"
        )
    )


def batch_waits(app: App) -> bool:
    """Whether a batch waits for somebody else's lock."""
    return bool(
        app.rows(
            "select pid from pg_stat_activity where application_name = 'usersync'"
            " and datname = current_database() and wait_event_type = 'Lock'"
        )
    )


@dataclass
class Command:
    """A `usersync` program that runs by itself."""

    app: App
    process: subprocess.Popen[str]
    out: Path

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process and no other."""
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: exit code, standard output, standard error."""
        stdout, stderr = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, stdout, stderr

    def result(self) -> dict[str, Any]:
        """What --out holds."""
        run: dict[str, Any] = json.loads(self.out.read_text())
        return run

    def summary(self) -> dict[str, Any]:
        """The summary that --out holds."""
        summary: dict[str, Any] = self.result()["tables"][0]["summary"]
        return summary


@contextmanager
def started(app: App, *arguments: str) -> Iterator[Command]:
    """Start `usersync` with these arguments and --out; gone when the block ends."""
    out = app.folder / f"run-{time.monotonic_ns()}.json"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments, "--out", str(out)],
        cwd=app.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Command(app, process, out)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def socket_of(server: local.LocalServer) -> str:
    """The path of a server's socket."""
    return str(cluster.socket_directory(server.directory) / cluster.SOCKET_NAME)


@dataclass
class Wire:
    """A TCP way to a test's server that breaks on command, as networks do.

    ``on_commit`` is called with the number of each COMMIT behind a ``marker`` that comes by, and
    says what happens to it: ``pass``, ``drop`` (the server never sees it) or ``deafen`` (it does,
    and its answer is lost).
    """

    socket_path: str
    on_commit: Callable[[int], str] = field(default=lambda _number: "pass")
    marker: bytes = b'insert into "public"'
    commits: int = 0
    is_down: bool = False
    """Whether new connections are refused."""
    _open: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def url(self, app: App) -> Iterator[str]:
        """The connection string of this way to the app's database."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listening = threading.Thread(target=self._listen, args=(listener,))
            listening.start()
            try:
                database = app.one("select current_database()")
                port = listener.getsockname()[1]
                yield f"postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable"
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                listening.join(timeout=5)
                self.cut()

    def cut(self) -> None:
        """Break every connection now."""
        with self._lock:
            for end in self._open:
                _hang_up(end)
            self._open.clear()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if self.is_down:
                    raise ConnectionRefusedError
                server.connect(self.socket_path)
            except OSError:
                _hang_up(client)
                _hang_up(server)
                continue
            with self._lock:
                self._open += [client, server]
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        writes = False
        try:
            while data := source.recv(1_000_000):
                fate = "pass"
                writes = writes or self.marker in data
                if writes and source.family == socket.AF_INET and b"COMMIT\0" in data:
                    writes = False
                    with self._lock:
                        self.commits += 1
                        fate = self.on_commit(self.commits)
                if fate == "deafen":
                    _hang_up(source)
                if fate != "drop":
                    sink.sendall(data)
                if fate != "pass":
                    break
        except OSError:
            pass
        _hang_up(source)
        _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
