"""Supabase's own PostgREST-compatible server over a test's database, behind a gateway of ours.

The gateway knows keys, counts what comes by, breaks on command, as networks do, and has what that
server lacks: the Auth server's admin API, and the description of the tables at its root.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from tests import auth_admin, npm, table_description
from tests.conftest import Database
from tests.faults import socket_of

FOLDER = Path(__file__).with_name("api")
SECRET_KEY = "sb_secret_for_tests_only_0123456789"
PUBLISHABLE_KEY = "sb_publishable_for_tests_only_01234"


def token(**claims: Any) -> str:
    """A JWT with these claims; nobody here checks who signed it."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    shown = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signed")]
    return ".".join(shown)


SERVICE_KEY = token(role="service_role", iss="supabase-demo", exp=4_000_000_000)


@dataclass(frozen=True)
class Answer:
    """What the gateway answers instead of the server."""

    status: int
    body: bytes = b'{"message": "made up"}'
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    claimed_length: int | None = None
    """More than is sent: the body is cut."""


#: Closes the connection without a word.
RESET = Answer(0)

#: Does what was asked, and closes the connection before anybody hears of it.
LOST = Answer(-1)

#: Says what to answer to a method, a path and the number of the request; None passes it on.
Fault = Callable[[str, str, int], Answer | None]


@dataclass
class Api:
    """The API of one project."""

    url: str
    database: Database
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of everything that came."""
    fault: Fault = field(default=lambda _method, _path, _number: None)
    after: Callable[[str, str], Answer | None] = field(default=lambda _method, _path: None)
    """The same for what the Auth server has done already: its answer is lost on the way."""

    def calls(self, function: str) -> int:
        """How often a function was called."""
        return sum(path.endswith(f"/rpc/{function}") for _, path in self.requests)


class Lite:
    """One process of the server, for one database after the other: it takes a second to start."""

    def __init__(self) -> None:
        npm.installed(FOLDER, "@supabase/lite/package.json")
        self._process = subprocess.Popen(
            [npm.program("node"), "start.mjs"],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"LITE_TELEMETRY": "0"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.terminate()

    @contextmanager
    def over(self, database: Database) -> Iterator[int]:
        """Serve a database; the port."""
        socket_ = socket_of(database.server)
        port = self._told(socket=socket_, database=database.name, user="postgres")
        yield port
        self._told(close=port)

    def _told(self, **asked: Any) -> int:
        """What it answers, a port."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


class _Handler(BaseHTTPRequestHandler):
    """One connection to the gateway."""

    protocol_version = "HTTP/1.1"
    api: Api
    port: int

    def answer(self) -> None:
        """Break as asked, refuse strangers, pass everything else on."""
        self.api.requests.append((self.command, self.path.partition("?")[0]))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        made_up = self.api.fault(self.command, self.path, len(self.api.requests))
        if made_up is RESET:
            self._reset()
        elif made_up is LOST:
            self._ask(body)
            self._reset()
        elif made_up is not None:
            self._send(made_up)
        elif self.headers.get("apikey") not in (SERVICE_KEY, SECRET_KEY):
            self._send(Answer(401, b'{"message": "Invalid API key"}'))
        elif (own := self._by_ourselves(body)) is not None:
            self._reset() if own is RESET else self._send(own)
        else:
            self._pass_on(body)

    def _by_ourselves(self, body: bytes) -> Answer | None:
        """What the server behind lacks."""
        path, _, query = self.path.partition("?")
        database = self.api.database
        if path == "/rest/v1/":
            described = table_description.described(database)
            return Answer(200, json.dumps(described).encode(), "application/openapi+json")
        if not path.startswith("/auth/v1/admin/users"):
            return None
        user_id = path.removeprefix("/auth/v1/admin/users").strip("/")
        reply = auth_admin.answer(database, self.command, user_id, query, body)
        lost = self.api.after(self.command, path)
        if lost is not None:
            return lost
        told = json.dumps(reply.body).encode()
        return Answer(reply.status, told, headers=tuple(reply.headers.items()))

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _pass_on(self, body: bytes) -> None:
        self._send(self._ask(body))

    def _ask(self, body: bytes) -> Answer:
        """What the server behind the gateway answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        wanted = ("content-type", "prefer", "accept", "range", "accept-profile")
        headers = {k: v for k, v in self.headers.items() if k.lower() in wanted}
        headers["apikey"] = SECRET_KEY
        connection.request(self.command, self.path, body or None, headers)
        response = connection.getresponse()
        told = response.read()
        kept = tuple((k, v) for k, v in response.getheaders() if k.lower() == "content-range")
        kind = response.getheader("Content-Type", "")
        connection.close()
        status, told = _as_postgrest(response.status, told)
        return Answer(status, told, kind, kept)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers:
            self.send_header(name, value)
        length = answer.claimed_length or len(answer.body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        if answer.claimed_length is not None:
            self._reset()

    def _reset(self) -> None:
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


def _as_postgrest(status: int, told: bytes) -> tuple[int, bytes]:
    """A broken check constraint, and what a trigger raises, has its SQLSTATE with PostgREST.

    The server here calls both SUP.
    """
    if status != 500 or b'"SUP"' not in told:
        return status, told
    state = b'"23514"' if b"violates check constraint" in told else b'"P0001"'
    return 400, told.replace(b'"SUP"', state).replace(b"PostgresError: ", b"")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A connection that broke is what was asked for."""


@contextmanager
def gateway(port: int, database: Database) -> Iterator[Api]:
    """Stand in front of the server as Supabase's gateway does."""
    api = Api("", database)
    handler = type("Handler", (_Handler,), {"api": api, "port": port})
    server = _Server(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.fixture
def api(lite: Lite, database: Database) -> Iterator[Api]:
    """The API of the test's database."""
    with lite.over(database) as port, gateway(port, database) as api:
        yield api
