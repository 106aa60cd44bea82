"""``health.check``: what it says of real servers that answer well, badly, late or elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.program import NOWHERE, called
from usersync.model import Run, Step
from usersync.runner import Request, run

TOKEN = "a-token-for-tests"
HEALTHY = (200, {"status": "healthy"})


@dataclass
class Site:
    """A server whose every path answers what a test says; it remembers who asked for what."""

    pages: dict[str, tuple[int, Any]] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    delay_s: dict[str, float] = field(default_factory=dict)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self.asked.append((handler.path, handler.headers["Authorization"]))
        status, body = self.pages.get(handler.path, (404, {}))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        time.sleep(self.delay_s.get(handler.path, 0))
        try:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(data)))
            for name, value in self.headers.get(handler.path, {}).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:
            pass  # whoever asked has gone


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    """Two servers on this machine."""
    with ExitStack() as stack:
        made = []
        for host in ("127.0.0.1", "127.0.0.2"):
            site = Site()

            class Handler(BaseHTTPRequestHandler):
                """Hands everything to its site."""

                its = site

                def do_GET(self) -> None:
                    self.its.answer(self)

                def log_message(self, *_: object) -> None:
                    """Say nothing."""

            server = stack.enter_context(ThreadingHTTPServer((host, 0), Handler))
            server.daemon_threads = True
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            site.url = f"http://{host}:{server.server_address[1]}"
            made.append(site)
        yield made


@pytest.fixture
def site(sites: list[Site], workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An app that answers as the operators' page says, and the token for it."""
    monkeypatch.setenv("USERSYNC_HEALTH_TOKEN", TOKEN)
    for path in ("/health", "/admin/users/health-check", "/dashboard/health-check"):
        sites[0].pages[path] = HEALTHY
    return sites[0]


def check(site: Site, **inputs: Any) -> Run:
    request = Request("health.check", "health.check", inputs={"base_url": site.url} | inputs)
    done = run(request)
    assert "a bug in usersync" not in done.error, done.error
    return done


def said(done: Run) -> dict[str, tuple[str, str]]:
    return {step.name: (step.status, step.detail) for step in done.steps}


def configure(text: str) -> None:
    Path("usersync.yaml").write_text(text)


def one(site: Site, path: str = "/health", **inputs: Any) -> Step:
    """What is said of one endpoint."""
    return next(step for step in check(site, **inputs).steps if step.name == path)


def test_all_is_well(site: Site) -> None:
    """All three as expected is exit 0, each with its status and how long it took; no database."""
    done = check(site)
    assert (done.exit_code, [step.status for step in done.steps]) == (0, ["ok", "ok", "ok"])
    assert [step.detail for step in done.steps] == ["200", "200", "200"]
    assert all(step.duration_s > 0 for step in done.steps)
    assert sorted(site.asked, key=lambda one: one[0]) == [
        ("/admin/users/health-check", f"Bearer {TOKEN}"),
        ("/dashboard/health-check", f"Bearer {TOKEN}"),
        ("/health", None),
    ]


def test_the_terminal(site: Site) -> None:
    """On the terminal: the target, a line for each endpoint, the address; exit 2 for a finding."""
    site.pages["/health"] = (503, {"status": "unhealthy"})
    done = called("health.check", "--base-url", site.url)
    assert (done.returncode, done.stderr) == (2, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "Target: default (production) · no connection"
    assert any(
        line.startswith(
            'finding    /health: status 503, expected 200; status: "unhealthy", expected "healthy"'
        )
        for line in lines
    )
    assert f"Asked: {site.url}" in lines
    assert "           usersync doctor" in lines


def test_a_degraded_app_is_a_finding(site: Site) -> None:
    """What is ``degraded`` answers 200 and is no less a finding: exit 2."""
    site.pages["/admin/users/health-check"] = (200, {"status": "degraded", "missing": 3})
    done = check(site)
    assert done.exit_code == 2
    assert said(done)["/admin/users/health-check"] == (
        "finding",
        'status: "degraded", expected "healthy"',
    )


def test_endpoints_are_configured(site: Site) -> None:
    """Path, status and JSON are those of usersync.yaml; numbers and truth are not mixed up."""
    configure(
        "health:\n  endpoints:\n"
        "    - {path: /up, status: 204}\n"
        "    - {path: '/ready?deep=1', json: {ready: true, queue: 0, name: x}}\n"
    )
    site.pages |= {"/up": (204, b""), "/ready?deep=1": (200, {"ready": True, "queue": 0.0})}
    done = check(site)
    assert said(done) == {
        "/up": ("ok", "204"),
        "/ready?deep=1": ("finding", 'name: missing, expected "x"'),
    }
    site.pages["/ready?deep=1"] = (200, {"ready": 1, "queue": False, "name": "x"})
    _, detail = said(check(site))["/ready?deep=1"]
    assert detail == "ready: 1, expected true; queue: false, expected 0"


def test_the_address_is_configured(site: Site, sites: list[Site]) -> None:
    """The address is that of the target, otherwise that of the file; --base-url wins."""
    sites[1].pages = dict(site.pages)
    configure(
        f"health: {{base_url: '{sites[1].url}/'}}\n"
        f"targets:\n  a: {{db_url_env: A, base_url: '{site.url}'}}\n  b: {{db_url_env: B}}\n"
    )

    def asked(*words: str) -> list[int]:
        before = [len(one.asked) for one in sites]
        assert called("health.check", *words).returncode == 0
        return [len(one.asked) - was for one, was in zip(sites, before, strict=True)]

    assert asked("--target", "a") == [3, 0]
    assert asked("--target", "b") == [0, 3]
    assert asked() == [0, 3]
    assert asked("--target", "b", "--base-url", site.url) == [3, 0]
    assert asked("--target", "all") == [3, 3]


def test_without_a_token_nothing_protected_is_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no token is set the protected ones are not asked: could not tell, exit 1."""
    monkeypatch.delenv("USERSYNC_HEALTH_TOKEN")
    done = check(site)
    assert done.exit_code == 1
    assert [step.status for step in done.steps] == ["ok", "unknown", "unknown"]
    assert "USERSYNC_HEALTH_TOKEN is not set" in done.steps[1].detail
    assert site.asked == [("/health", None)]


def test_a_wrong_token(site: Site) -> None:
    """A token that the app does not take is named as the thing to look at; it is never shown."""
    site.pages["/dashboard/health-check"] = (401, {"error": TOKEN})
    step = one(site, "/dashboard/health-check")
    assert (step.status, step.detail.startswith("status 401, expected 200")) == ("finding", True)
    assert "USERSYNC_HEALTH_TOKEN" in step.next_step
    assert TOKEN not in str(check(site))


@pytest.mark.parametrize("token", ["zwei\nZeilen", "schlüssel"])
def test_a_token_that_no_header_takes(
    site: Site, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """A token that cannot be sent is refused before anything is asked, and not shown."""
    monkeypatch.setenv("USERSYNC_HEALTH_TOKEN", token)
    done = check(site)
    assert (done.exit_code, site.asked) == (3, [])
    assert token not in done.error


# -- redirects --------------------------------------------------------------------------------


def redirects(site: Site, path: str, to: str, status: int = 302) -> None:
    site.pages[path] = (status, b"")
    site.headers[path] = {"Location": to}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_goes_to_no_other_host(site: Site, sites: list[Site], status: int) -> None:
    """A redirect to another host, or another port of it, is a finding and is not followed."""
    other = sites[1]
    other.pages["/take"] = HEALTHY
    redirects(site, "/dashboard/health-check", f"{other.url}/take", status)
    redirects(site, "/admin/users/health-check", "//127.0.0.2/take", status)
    redirects(site, "/health", site.url.rsplit(":", 1)[0] + ":1/take", status)
    done = check(site)
    assert done.exit_code == 2
    assert other.asked == []
    host = other.url.removeprefix("http://")
    assert said(done)["/dashboard/health-check"] == (
        "finding",
        f"status {status}, expected 200; it leads to {host}, where it was not followed",
    )
    assert "127.0.0.1:1, where" in said(done)["/health"][1]


def test_redirects_of_the_same_server_are_followed(site: Site) -> None:
    """A redirect that stays with the server is followed, with the token, and judged at its end."""
    redirects(site, "/dashboard/health-check", "/dashboard/health-check/")
    site.pages["/dashboard/health-check/"] = HEALTHY
    done = check(site)
    assert done.exit_code == 0
    assert ("/dashboard/health-check/", f"Bearer {TOKEN}") in site.asked


def test_redirects_without_end(site: Site) -> None:
    """A redirect to itself ends after a few."""
    redirects(site, "/health", "/health")
    assert one(site).status == "finding"
    assert len([path for path, _ in site.asked if path == "/health"]) == 6


@pytest.mark.parametrize(
    "to", ["http://[", "http://x:y/", "javascript:alert(1)", "http://u@127.0.0.1/"]
)
def test_redirects_to_nowhere(site: Site, to: str) -> None:
    """What is no address of this server is not followed."""
    redirects(site, "/health", to)
    assert one(site).status in ("finding", "unknown")
    assert [path for path, _ in site.asked].count("/health") == 1


def test_a_redirect_can_be_what_is_expected(site: Site) -> None:
    """Where the configuration expects a redirect, that is the answer."""
    configure("health: {endpoints: [{path: /old, status: 302}]}")
    redirects(site, "/old", "https://example.com/")
    assert said(check(site)) == {"/old": ("ok", "302")}


# -- bad answers ------------------------------------------------------------------------------


BODIES = {
    b"<html>": "no JSON",
    b"[]": "no JSON object",
    b"": "no JSON",
    b"\xff\xfe": "no JSON",
    b'{"status": "healthy"': "no JSON",
    b"[" * 50_000: "no JSON",
    b"x" * 100_000: "longer than 65,536 bytes",
    b'{"status": null}': 'status: null, expected "healthy"',
    b'{"status": "\x1b[31m"}': "no JSON",
    b'{"status": "\\u001b[31m::error::"}': 'status: "\\u001b[31m:\\u003aerror:\\u003a", expected',
}


@pytest.mark.parametrize(("body", "detail"), BODIES.items(), ids=map(str, range(len(BODIES))))
def test_bodies_that_differ(site: Site, body: bytes, detail: str) -> None:
    """Whatever stands in the body, one line says what differs, and no terminal acts upon it."""
    site.pages["/health"] = (200, body)
    step = one(site)
    assert (step.status, step.detail.startswith(detail)) == ("finding", True), step.detail


def test_all_at_once_and_in_time(site: Site) -> None:
    """Endpoints do not wait for each other, and none is waited for longer than allowed: exit 1."""
    for path in list(site.pages):
        site.delay_s[path] = 3
    started = time.monotonic()
    done = check(site, timeout_s=0.5)
    assert time.monotonic() - started < 2.5
    assert done.exit_code == 1
    assert {detail for _, detail in said(done).values()} == {"no answer within 0.5 s"}


def test_nobody_is_there(site: Site) -> None:
    """An app that does not answer is ``could not tell``, exit 1, with what to look at."""
    step = one(
        Site(url=NOWHERE.replace("postgresql://postgres@", "http://").removesuffix("/postgres"))
    )
    assert step.status == "unknown"
    assert step.detail.startswith("no connection: ")
    assert step.next_step == "is the app running?"


REFUSED = {
    "app.example.com": "is no address",
    "ftp://app.example.com": "is no address",
    "http://": "is no address",
    "http://app:eighty": "is no address",
    "https://user:geheim@app.example.com": "holds a name or a password",
    "https://app.example.com/?x=1": "ends in a `?` or a `#`",
}


@pytest.mark.parametrize(("url", "error"), REFUSED.items())
def test_addresses_that_are_none(workdir: Path, url: str, error: str) -> None:
    """What is no address of an app is refused with what is wrong with it, and never shown."""
    done = called("health.check", "--base-url", url)
    assert (done.returncode, error in done.stdout) == (3, True), done.stdout
    assert "geheim" not in done.stdout + done.stderr


def test_no_address(workdir: Path) -> None:
    """Without any address it says where one can be set."""
    done = called("health.check")
    assert done.returncode == 3
    assert "give --base-url https://app.example.com" in done.stdout


def test_inputs(workdir: Path) -> None:
    """A time-out that is none, and a target that is not there, are refused."""
    assert called("health.check", "--timeout-s", "soon").returncode == 3
    assert called("health.check", "--target", "nowhere").returncode == 3
