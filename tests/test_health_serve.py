"""``health.serve``: real servers on this machine, asked by real clients, good and bad."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.app import App
from tests.program import NOWHERE, ROOT, USERSYNC, called
from usersync import health
from usersync.health.board import Shared
from usersync.health.server import CONNECTION_S, HEAD_BYTES

pytestmark = pytest.mark.any_postgres

TOKEN = "a-token-for-tests"
USERS, DASHBOARD = "/admin/users/health-check", "/dashboard/health-check"
AS_MONITOR = {"Authorization": f"Bearer {TOKEN}"}

#: Answers hold for so short that each test sees what it has just changed.
QUICK = "health: {cache_s: 0.01}\n"


@dataclass
class Served:
    """One running server."""

    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, headers: Mapping[str, str] = AS_MONITOR) -> httpx.Response:
        """Ask one endpoint."""
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=20)

    def state(self) -> dict[str, Any]:
        """What a monitor is told."""
        body: dict[str, Any] = self.get(USERS).json()
        return body

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it: exit code and standard output."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=20)
        assert stderr == ""
        return self.process.returncode, stdout


Serve = Callable[..., Served]


@pytest.fixture
def serve(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts servers for the app's database; none is left when the test ends."""
    monkeypatch.setenv("USERSYNC_HEALTH_TOKEN", TOKEN)
    with contextlib.ExitStack() as started:

        def start(*words: str) -> Served:
            process = started.enter_context(
                subprocess.Popen(
                    [USERSYNC, "health.serve", "--port", "0", *words],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            started.callback(process.kill)
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.fullmatch(r"Listening on http://127\.0\.0\.1:(\d+), until Ctrl-C\.\n", line)
            assert found, line
            return Served(process, int(found[1]))

        yield start


# -- what it answers --------------------------------------------------------------------------


def test_a_healthy_target(app: App, serve: Serve) -> None:
    """With a database that answers, the public endpoint says exactly that; anybody may ask."""
    answer = serve().get("/health", headers={})
    assert (answer.status_code, answer.text) == (200, '{"status": "healthy"}')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert app


def test_an_unhealthy_target(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database it starts all the same: 503 and ``unhealthy``, or ``unknown``."""
    monkeypatch.setenv("SUPABASE_DB_URL", NOWHERE)
    served = serve()
    answer = served.get("/health", headers={})
    assert (answer.status_code, answer.text) == (503, '{"status": "unhealthy"}')
    for path in (USERS, DASHBOARD):
        answer = served.get(path)
        assert (answer.status_code, answer.json()["status"]) == (503, "unknown")
        assert "nothing listens" in answer.json()["error"]


def test_what_a_monitor_is_told(app: App, serve: Serve) -> None:
    """Counts, the trigger, the last sync: numbers, and nothing about one person."""
    email, user_id = "anna@example.com", app.user(email="anna@example.com")
    app.configure(QUICK)
    served = serve()
    body = served.state()
    assert body["status"] == "healthy"
    (table,) = body["tables"]
    assert table["table"] == "public.user_profiles(user_id)"
    assert (table["users"], table["profiles"], table["missing"]) == (1, 0, 1)
    assert table["trigger"] == "none"
    assert datetime.fromisoformat(table["missing_since"]) < datetime.now(UTC)
    assert (body["paused_since"], body["last_sync_at"], body["reasons"]) == (None, None, [])
    app.install("0001_ledger", "0002_journal")
    assert app.synced(first_fill=True).created == 1
    before = served.get(DASHBOARD)
    assert before.json()["tables"][0]["missing"] == 0
    assert datetime.fromisoformat(before.json()["last_sync_at"]) > datetime.now(UTC) - timedelta(
        minutes=1
    )
    assert email not in before.text
    assert user_id[:8] not in before.text


def test_overdue_is_degraded(app: App, serve: Serve) -> None:
    """A profile that is missing for longer than allowed is ``degraded``, still with 200."""
    app.configure("health: {cache_s: 0.01, overdue_s: 600}\n")
    served = serve()
    app.user()
    assert (served.get(USERS).status_code, served.state()["status"]) == (200, "healthy")
    app.user(created_at=datetime.now(UTC) - timedelta(minutes=11))
    answer = served.get(USERS)
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["reasons"] == ["overdue"]
    assert served.get("/health").text == '{"status": "healthy"}'


def test_a_user_without_a_date_is_overdue(app: App, serve: Serve) -> None:
    """Somebody of whom nobody knows how long they wait has waited too long."""
    app.configure(QUICK)
    app.user(created_at=None)
    assert serve().state()["reasons"] == ["overdue"]


def test_paused_is_degraded(app: App, serve: Serve) -> None:
    """A paused sign-up function is ``degraded`` with its moment; the trigger's state is told."""
    app.configure(QUICK)
    app.rows(
        "create function public.handle_new_user() returns trigger language plpgsql security definer"
        " set search_path = '' as 'begin insert into public.user_profiles (user_id, email)"
        " values (new.id, new.email); return new; end';"
        "create trigger on_auth_user_created after insert on auth.users for each row"
        " execute function public.handle_new_user()"
    )
    served = serve()
    assert (served.state()["status"], served.state()["tables"][0]["trigger"]) == ("healthy", "on")
    assert app.run("migration.pause").exit_code == 0
    body = served.state()
    assert (body["status"], body["reasons"]) == ("degraded", ["paused"])
    assert datetime.fromisoformat(body["paused_since"]) <= datetime.now(UTC)


def test_a_missing_table_is_unknown(app: App, serve: Serve) -> None:
    """What cannot be measured is ``unknown`` with 503, never healthy and never zero."""
    app.rows("drop table public.user_profiles")
    answer = serve().get(USERS)
    assert (answer.status_code, answer.json()["status"]) == (503, "unknown")
    assert "user_profiles" in answer.json()["error"]


def test_check_and_serve(app: App, serve: Serve) -> None:
    """``health.check`` finds what is served well, and says when it is degraded or gone."""
    app.configure(QUICK)
    served = serve()
    assert called("health.check", "--base-url", served.url).returncode == 0
    app.user(created_at=None)
    done = called("health.check", "--base-url", served.url)
    assert (done.returncode, done.stdout.count("degraded")) == (2, 2)
    served.end()
    assert called("health.check", "--base-url", served.url).returncode == 1


# -- who may ask ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [None, "", TOKEN, "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"],
)
def test_the_token_is_wanted(app: App, serve: Serve, header: str | None) -> None:
    """Without the token, with a part of it or another scheme, nothing is told: 401."""
    headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
    served = serve()
    for path in (USERS, DASHBOARD):
        answer = httpx.get(f"{served.url}{path}", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json().keys() == {"error"}
    assert app


@pytest.mark.parametrize("token", [None, "", "  "])
def test_without_a_token_nothing_is_open(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    """Where no token is configured the protected endpoints are shut, whatever is sent: 503."""
    monkeypatch.delenv("USERSYNC_HEALTH_TOKEN")
    if token is not None:
        monkeypatch.setenv("USERSYNC_HEALTH_TOKEN", token)
    served = serve()
    for headers in ({}, {"Authorization": "Bearer"}, AS_MONITOR):
        answer = served.get(USERS, headers=headers)
        assert (answer.status_code, answer.json().keys()) == (503, {"error"})
    assert served.get("/health").status_code == 200


def test_other_paths_and_verbs(app: App, serve: Serve) -> None:
    """There are three endpoints, and they are only read."""
    served = serve()
    assert served.get("/").status_code == 404
    assert httpx.post(f"{served.url}/health").status_code == 405
    assert httpx.head(f"{served.url}/health").status_code == 200
    assert app


# -- many, slow and huge ----------------------------------------------------------------------


def test_two_hundred_at_once(app: App, serve: Serve) -> None:
    """200 requests at once all get the same answer, of one look at the database."""
    app.users(3)
    app.configure("health: {cache_s: 30}\n")
    served = serve()

    async def ask() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(headers=AS_MONITOR, timeout=30, limits=limits) as client:
            return await asyncio.gather(
                *(client.get(f"{served.url}{(USERS, DASHBOARD)[n % 2]}") for n in range(200))
            )

    before = app.one("select sessions from pg_stat_database where datname = current_database()")
    answers = asyncio.run(ask())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    # Each look is one session; those of this test are the other two.
    time.sleep(1)
    after = app.one("select sessions from pg_stat_database where datname = current_database()")
    assert after - before <= 3


def test_one_search_for_all() -> None:
    """However many wait, one looks; the answer holds for its time, and then one looks again."""
    looks: list[float] = []

    def look() -> int:
        looks.append(time.monotonic())
        time.sleep(0.05)
        return len(looks)

    async def ask() -> list[list[int]]:
        shared = Shared(look, fresh_s=0.2, patience_s=5, otherwise=lambda: -1)
        first = await asyncio.gather(*(shared.get() for _ in range(200)))
        again = [await shared.get()]
        await asyncio.sleep(0.3)
        return [first, again, await asyncio.gather(*(shared.get() for _ in range(200)))]

    assert asyncio.run(ask()) == [[1] * 200, [1], [2] * 200]


def test_nobody_waits_for_ever() -> None:
    """Who has waited long enough is told so; the search goes on, and nobody starts another."""
    looks: list[int] = []

    def look() -> str:
        looks.append(1)
        time.sleep(0.4)
        return "found"

    async def ask() -> list[str]:
        shared = Shared(look, fresh_s=5, patience_s=0.1, otherwise=lambda: "unknown")
        told = [await shared.get(), await shared.get()]
        await asyncio.sleep(0.4)
        return [*told, await shared.get()]

    assert asyncio.run(ask()) == ["unknown", "unknown", "found"]
    assert len(looks) == 1


def test_a_fault_of_ours_is_no_answer() -> None:
    """A look that fails unforeseen is ``unknown`` for its time, and not asked again at once."""
    looks: list[int] = []

    def look() -> str:
        looks.append(1)
        raise ZeroDivisionError

    async def ask() -> list[str]:
        shared = Shared(look, fresh_s=5, patience_s=5, otherwise=lambda: "unknown")
        return [await shared.get(), await shared.get()]

    assert asyncio.run(ask()) == ["unknown", "unknown"]
    assert len(looks) == 1


def test_a_locked_table_is_unknown_in_time(app: App, serve: Serve) -> None:
    """While somebody holds the profile table the answer comes in time, as ``unknown``."""
    app.configure("health: {cache_s: 0.01, timeout_s: 1}\n")
    served = serve()
    with psycopg.connect(app.url) as connection:
        connection.execute("lock table public.user_profiles in access exclusive mode")
        started = time.monotonic()
        answer = served.get(USERS)
        assert time.monotonic() - started < 4
        assert (answer.status_code, answer.json()["status"]) == (503, "unknown")
        assert served.get("/health").text == '{"status": "healthy"}'
    time.sleep(1)
    assert served.state()["status"] == "healthy"


def test_slow_loris(app: App, serve: Serve) -> None:
    """200 clients that never finish their request keep nobody out, and are cut off in time."""
    served = serve()
    loris = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(200)]
    started = time.monotonic()
    try:
        for one in loris:
            one.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        assert served.get("/health").status_code == 200
        end = started + CONNECTION_S + 10
        open_still = list(loris)
        while open_still and time.monotonic() < end:
            for one in list(open_still):
                try:
                    one.sendall(b"X-Slow: 1\r\n")
                except OSError:
                    open_still.remove(one)
            assert served.get("/health").status_code == 200
            time.sleep(1)
        assert open_still == []
        assert time.monotonic() - started >= CONNECTION_S - 1
    finally:
        for one in loris:
            one.close()
    assert app


def test_a_header_of_ten_megabytes(app: App, serve: Serve) -> None:
    """A request with a huge head is refused long before its end, and others are answered."""
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as one:
        one.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Huge: ")
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(10 * 1024):
                sent += one.send(b"x" * 1024)
        with contextlib.suppress(OSError):
            assert one.recv(100).startswith(b"HTTP/1.1 400")
    assert sent > HEAD_BYTES
    assert served.get("/health").status_code == 200
    assert resident_megabytes(served.process.pid) < 200
    assert app


def resident_megabytes(process_id: int) -> float:
    import psutil

    return float(psutil.Process(process_id).memory_info().rss / 2**20)


def test_more_than_it_takes(app: App, serve: Serve) -> None:
    """More connections than it takes are told 503; when they are gone it answers again."""
    served = serve()
    many = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(500)]
    time.sleep(1)
    assert served.get("/health").status_code == 503
    for one in many:
        one.close()
    time.sleep(1)
    assert served.get("/health").status_code == 200
    assert app


# -- the task ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(app: App, serve: Serve, number: int) -> None:
    """SIGTERM and Ctrl-C are its ordinary end: exit 0, and the port is free again."""
    served = serve()
    assert served.get("/health").status_code == 200
    code, stdout = served.end(number)
    assert code == 0
    assert "Target: default (local) · no connection" in stdout
    assert "serve: stopped" in stdout
    with socket.create_server(("127.0.0.1", served.port)):
        pass
    assert app


def test_a_port_that_is_taken(app: App) -> None:
    """A port that somebody else has is exit 3 with the way out, and so is one that cannot be."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = called("health.serve", "--port", port)
    assert (done.returncode, f"cannot listen on 127.0.0.1, port {port}" in done.stdout) == (3, True)
    assert called("health.serve", "--port", "70000").returncode == 3
    assert called("health.serve", "--host", "192.0.2.1").returncode == 3
    assert app


def test_no_target_is_refused(workdir: object) -> None:
    """Without a target it does not start."""
    assert called("health.serve").returncode == 3


def test_without_the_extra(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the extra is not installed it is named with the command that adds it."""
    monkeypatch.delitem(sys.modules, "usersync.health.server", raising=False)
    monkeypatch.delattr(health, "server", raising=False)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    done = called("health.serve")
    assert done.returncode == 3
    assert "needs the extra serve" in done.stdout
    assert 'pip install "usersync[serve]"' in done.stdout
    assert app


def test_the_example_of_the_docs(app: App) -> None:
    """What the docs show as an app of one's own is one, with the three endpoints."""
    page = (ROOT / "docs/health.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(example, names)
    transport = httpx.ASGITransport(app=names["app"])

    async def ask() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return (await client.get("/health")).status_code

    assert asyncio.run(ask()) == 200
    assert app


def test_mounted(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app can be mounted in another one, under a path of its own."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from usersync.health.server import application

    monkeypatch.setenv("USERSYNC_HEALTH_TOKEN", TOKEN)
    app.users(2)
    mounted = Starlette(routes=[Mount("/ops", application())])

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=mounted)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return [
                await client.get("/ops/health"),
                await client.get(f"/ops{USERS}", headers=AS_MONITOR),
            ]

    public, protected = asyncio.run(ask())
    assert public.json() == {"status": "healthy"}
    assert protected.json()["tables"][0]["missing"] == 2
    assert json.loads(protected.text)["target"] == "default"
