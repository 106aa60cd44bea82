"""A GitHub API on this machine: the endpoints that usersync asks, over one made-up repository.

It keeps what is written to it, records every request, answers in pages, refuses what GitHub
refuses, and fails when it is told to:

    with GitHub() as github:
        github.fail(429, path=r"/comments$", headers={"retry-after": "1"})
        ... GITHUB_API_URL=github.url ...
        assert [comment.body for comment in github.comments] == [...]
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

#: Who a job's own token writes as.
BOT = "github-actions[bot]"

#: What GitHub takes as the body of an issue or a comment.
LONGEST_BODY = 65_536

#: What it answers to a token that may not.
NOT_ACCESSIBLE = "Resource not accessible by integration"

HTML = "<!DOCTYPE html><html><body><h1>Unicorn!</h1></body></html>"

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Issue:
    """An issue, or a pull request."""

    number: int
    title: str = ""
    body: str = ""
    login: str = BOT
    state: str = "open"
    state_reason: str | None = None
    labels: list[str] = field(default_factory=list)
    is_pull: bool = False
    head: str = ""
    """Of a pull request: ``owner:branch``."""
    head_sha: str = ""


@dataclass
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    issue: int
    body: str
    login: str = BOT


@dataclass(frozen=True)
class Failure:
    """What to answer instead, so many times; a status of None is no answer at all."""

    status: int | None
    method: str
    path: str
    body: str
    headers: Mapping[str, str]
    after_s: float

    def concerns(self, asked: Asked) -> bool:
        """Whether a request is one of those that fail."""
        is_method = self.method in ("", asked.method)
        return is_method and re.search(self.path, asked.path) is not None


class Meeting:
    """So many answers to reads that wait for each other, so that what follows is a race."""

    def __init__(self, path: str, number: int) -> None:
        self._path = path
        self._places = list(range(number))
        self._barrier = threading.Barrier(max(number, 1))

    def wait(self, asked: Asked) -> None:
        """Wait for the others, where this is one of them."""
        if asked.method != "GET" or not re.search(self._path, asked.path):
            return
        with contextlib.suppress(IndexError):
            self._places.pop()
            self._barrier.wait(10)


class GitHub:
    """The server, from ``with`` to the end of the block.

    Args:
        repository: its one repository.
        private: whether only members see it.
        can_write: whether the token may write; that of a pull request from a fork may not.
        token: the only token that is known; any when empty.
        rights: what the token may read beside that, where the repository is private.
    """

    def __init__(
        self,
        repository: str = "acme/app",
        *,
        private: bool = True,
        can_write: bool = True,
        token: str = "",
        rights: Iterable[str] = ("actions", "checks"),
    ) -> None:
        self.repository = repository
        self.private = private
        self.can_write = can_write
        self.token = token
        self.rights = set(rights)
        self.asked: list[Asked] = []
        self.issues: dict[int, Issue] = {}
        self.comments: list[Comment] = []
        self.labels: set[str] = set()
        self.runs: dict[int, dict[str, Any]] = {}
        self.approvals: dict[int, list[dict[str, Any]]] = {}
        self.jobs: dict[int, list[dict[str, Any]]] = {}
        self.annotations: dict[int, list[dict[str, Any]]] = {}
        self._failures: list[Failure] = []
        self._meeting = Meeting("", 0)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """For GITHUB_API_URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def writes(self) -> list[str]:
        """What was asked for beyond reading, as ``POST /repos/acme/app/issues``."""
        return [str(one) for one in self.asked if one.method != "GET"]

    # -- what a test sets up ------------------------------------------------------------------

    def fail(
        self,
        status: int | None,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        message: str = "made to fail",
        html: bool = False,
        headers: Mapping[str, str] | None = None,
        after_s: float = 0.0,
    ) -> None:
        """Let the next requests of a kind fail.

        Args:
            status: what to answer; None hangs up without an answer.
            method: of which requests; any when empty.
            path: a pattern that their path holds; any when empty.
            times: how many of them.
            message: what the answer says.
            html: whether it says so as a web page, as a proxy does.
            headers: further ones, such as ``retry-after``.
            after_s: how long it takes to answer.
        """
        body = HTML if html else json.dumps({"message": message})
        kind = "text/html" if html else "application/json"
        said = {"content-type": kind, **(headers or {})}
        self._failures += [Failure(status, method, path, body, said, after_s)] * times

    def meet(self, path: str, number: int = 2) -> None:
        """Let the next reads of a path be answered at once, as of before all that follows them.

        Args:
            path: a pattern that their path holds.
            number: how many of them.
        """
        self._meeting = Meeting(path, number)

    def add_issue(self, *, number: int | None = None, **fields: Any) -> Issue:
        """An issue, or with ``is_pull`` a pull request, that is there already."""
        given = number if number is not None else self._next_number()
        issue = self.issues[given] = Issue(given, **fields)
        self.labels.update(issue.labels)
        return issue

    def add_comment(self, issue: int, body: str, *, login: str = BOT) -> Comment:
        """A comment that is there already."""
        self.comments.append(Comment(100 + next(self._numbers), issue, body, login))
        return self.comments[-1]

    def add_run(
        self,
        id: int,  # noqa: A002 - GitHub's own word
        *,
        actor: str,
        triggering_actor: str = "",
        approved_by: tuple[str, ...] = (),
        environment: str = "production-destructive",
        **fields: Any,
    ) -> None:
        """A run of a workflow, of just now: who started it, and who approved its environments."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.runs[id] = {
            "id": id,
            "html_url": f"https://github.com/{self.repository}/actions/runs/{id}",
            "path": ".github/workflows/usersync-runbook.yml",
            "created_at": now,
            "run_started_at": now,
            "updated_at": now,
            "actor": account(actor),
            "triggering_actor": account(triggering_actor or actor),
            "head_branch": "main",
            "head_repository": {"full_name": self.repository},
            "head_sha": "0" * 40,
            "event": "workflow_dispatch",
            "status": "completed",
            "conclusion": "success",
            "run_attempt": 1,
            **fields,
        }
        self.approvals[id] = [
            {
                "state": "approved",
                "user": account(login),
                "comment": "",
                "environments": [{"id": 1, "name": environment}],
            }
            for login in approved_by
        ]

    def add_job(self, run: int, *said: str, **fields: Any) -> int:
        """A finished job of a run, with the annotations of what its steps printed; its id."""
        id_ = 1_000 + next(self._numbers)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        job = {
            "id": id_,
            "run_id": run,
            "run_attempt": 1,
            "status": "completed",
            "conclusion": "success",
            "completed_at": now,
            **fields,
        }
        self.jobs.setdefault(run, []).append(job)
        self.annotations[id_] = [one for line in said if (one := annotation(line))]
        return id_

    # -- what it answers ----------------------------------------------------------------------

    def wait_for_others(self, asked: Asked) -> None:
        """Hold an answer back until those are there that a test wants beside it."""
        self._meeting.wait(asked)

    def failure_of(self, asked: Asked) -> Failure | None:
        """Note a request; the failure that a test has ordered for it."""
        with self._lock:
            self.asked.append(asked)
            found = next((one for one in self._failures if one.concerns(asked)), None)
            if found is not None:
                self._failures.remove(found)
            return found

    def answer(self, asked: Asked) -> Answer:
        """The status and what is said; a list is cut into pages later."""
        scheme, _, given = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or (self.token and given != self.token):
            return 401, {"message": "Bad credentials"}
        if asked.path == "/user":
            return 403, {"message": NOT_ACCESSIBLE}
        prefix = f"/repos/{self.repository}"
        if asked.path != prefix and not asked.path.startswith(f"{prefix}/"):
            return 404, {"message": "Not Found"}
        rest = asked.path.removeprefix(prefix)
        if not self._may(asked.method, rest):
            return 403, {"message": NOT_ACCESSIBLE}
        for method, pattern, verb in _ROUTES:
            found = re.fullmatch(pattern, rest)
            if found and method == asked.method:
                with self._lock:
                    return verb(self, asked, *found.groups())
        return 404, {"message": "Not Found"}

    def _may(self, method: str, path: str) -> bool:
        if method != "GET":
            return self.can_write
        needs = {right for start, right in _NEEDS if path.startswith(start)}
        return not self.private or needs <= self.rights

    def _show_repository(self, _asked: Asked) -> Answer:
        visibility = "private" if self.private else "public"
        return 200, {
            "full_name": self.repository,
            "private": self.private,
            "visibility": visibility,
            "default_branch": "main",
        }

    def _list_comments(self, _asked: Asked, number: str) -> Answer:
        if int(number) not in self.issues:
            return 404, {"message": "Not Found"}
        return 200, [self._as_json(one) for one in self.comments if one.issue == int(number)]

    def _make_comment(self, asked: Asked, number: str) -> Answer:
        if int(number) not in self.issues:
            return 404, {"message": "Not Found"}
        return _too_long(asked) or (
            201,
            self._as_json(self.add_comment(int(number), asked.body["body"])),
        )

    def _change_comment(self, asked: Asked, id_: str) -> Answer:
        comment = next((one for one in self.comments if one.id == int(id_)), None)
        if comment is None:
            return 404, {"message": "Not Found"}
        if comment.login != BOT:
            return 403, {"message": NOT_ACCESSIBLE}
        refused = _too_long(asked)
        if refused is None:
            comment.body = asked.body["body"]
        return refused or (200, self._as_json(comment))

    def _delete_comment(self, _asked: Asked, id_: str) -> Answer:
        self.comments = [one for one in self.comments if one.id != int(id_)]
        return 204, None

    def _list_issues(self, asked: Asked) -> Answer:
        state = asked.query.get("state", "open")
        labels = set(filter(None, asked.query.get("labels", "").split(",")))
        creator = asked.query.get("creator", "")
        return 200, [
            self._as_json(one)
            for one in sorted(self.issues.values(), key=lambda one: -one.number)
            if state in ("all", one.state)
            and labels <= set(one.labels)
            and creator in ("", one.login)
        ]

    def _make_issue(self, asked: Asked) -> Answer:
        if not asked.body.get("title"):
            return 422, {"message": "Validation Failed", "errors": [{"field": "title"}]}
        refused = _too_long(asked)
        if refused:
            return refused
        said = asked.body
        issue = self.add_issue(
            title=said["title"], body=said.get("body") or "", labels=list(said.get("labels", ()))
        )
        return 201, self._as_json(issue)

    def _show_issue(self, _asked: Asked, number: str) -> Answer:
        issue = self.issues.get(int(number))
        return (200, self._as_json(issue)) if issue else (404, {"message": "Not Found"})

    def _change_issue(self, asked: Asked, number: str) -> Answer:
        issue = self.issues.get(int(number))
        if issue is None:
            return 404, {"message": "Not Found"}
        refused = _too_long(asked)
        if refused:
            return refused
        for name in ("title", "body", "state", "state_reason", "labels"):
            if name in asked.body:
                setattr(issue, name, asked.body[name])
        return 200, self._as_json(issue)

    def _label_issue(self, asked: Asked, number: str) -> Answer:
        issue = self.issues[int(number)]
        issue.labels += [name for name in asked.body["labels"] if name not in issue.labels]
        self.labels.update(issue.labels)
        return 200, [{"name": name} for name in issue.labels]

    def _list_labels(self, _asked: Asked) -> Answer:
        return 200, [{"name": name} for name in sorted(self.labels)]

    def _show_label(self, _asked: Asked, name: str) -> Answer:
        there = unquote(name) in self.labels
        return (200, {"name": unquote(name)}) if there else (404, {"message": "Not Found"})

    def _make_label(self, asked: Asked) -> Answer:
        if asked.body["name"] in self.labels:
            errors = [{"resource": "Label", "code": "already_exists", "field": "name"}]
            return 422, {"message": "Validation Failed", "errors": errors}
        self.labels.add(asked.body["name"])
        return 201, {"name": asked.body["name"]}

    def _show_pull(self, _asked: Asked, number: str) -> Answer:
        issue = self.issues.get(int(number))
        if issue is None or not issue.is_pull:
            return 404, {"message": "Not Found"}
        return 200, self._as_json(issue)

    def _list_pulls(self, asked: Asked) -> Answer:
        state, head = asked.query.get("state", "open"), asked.query.get("head", "")
        return 200, [
            self._as_json(one)
            for one in self.issues.values()
            if one.is_pull and state in ("all", one.state) and head in ("", one.head)
        ]

    def _show_run(self, _asked: Asked, id_: str) -> Answer:
        run = self.runs.get(int(id_))
        return (200, run) if run else (404, {"message": "Not Found"})

    def _show_attempt(self, asked: Asked, id_: str, attempt: str) -> Answer:
        status, run = self._show_run(asked, id_)
        if status != 200 or int(attempt) > run["run_attempt"]:
            return 404, {"message": "Not Found"}
        return 200, {**run, **run.get("attempts", {}).get(int(attempt), {})}

    def _list_jobs(self, asked: Asked, id_: str) -> Answer:
        status, run = self._show_run(asked, id_)
        if status != 200:
            return status, run
        is_all = asked.query.get("filter", "latest") == "all"
        jobs = [
            job
            for job in self.jobs.get(int(id_), [])
            if is_all or job["run_attempt"] == run["run_attempt"]
        ]
        return 200, {"total_count": len(jobs), "jobs": jobs}

    def _list_annotations(self, _asked: Asked, id_: str) -> Answer:
        said = self.annotations.get(int(id_))
        return (404, {"message": "Not Found"}) if said is None else (200, said)

    def _show_approvals(self, _asked: Asked, id_: str) -> Answer:
        there = int(id_) in self.runs
        return (200, self.approvals[int(id_)]) if there else (404, {"message": "Not Found"})

    def _as_json(self, one: Issue | Comment) -> dict[str, Any]:
        here = f"https://github.com/{self.repository}"
        said: dict[str, Any] = {"user": account(one.login), "body": one.body}
        if isinstance(one, Comment):
            page = f"{here}/issues/{one.issue}#issuecomment-{one.id}"
            return said | {"id": one.id, "html_url": page}
        said |= {
            "number": one.number,
            "title": one.title,
            "state": one.state,
            "state_reason": one.state_reason,
            "labels": [{"name": name} for name in one.labels],
            "html_url": f"{here}/{'pull' if one.is_pull else 'issues'}/{one.number}",
        }
        if one.is_pull:
            said |= {"pull_request": {"url": ""}, "head": {"label": one.head, "sha": one.head_sha}}
        return said

    def _next_number(self) -> int:
        return next(number for number in self._numbers if number not in self.issues)


def account(login: str) -> dict[str, Any]:
    """Somebody, or something."""
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}


def annotation(line: str) -> dict[str, Any] | None:
    """What GitHub keeps of a line of a log: an annotation, where it is a command for one."""
    found = re.fullmatch(r"::(error|warning|notice) ?([^:]*)::(.*)", line)
    if found is None:
        return None
    given = dict(part.split("=", 1) for part in found[2].split(",") if part)
    values = {name: _unescaped(value) for name, value in given.items()}
    return {
        "path": values.get("file", ".github"),
        "start_line": 1,
        "end_line": 1,
        "annotation_level": {"error": "failure"}.get(found[1], found[1]),
        "title": values.get("title", ""),
        "message": _unescaped(found[3]),
    }


def _unescaped(text: str) -> str:
    return re.sub("%(?:25|3A|2C|0A|0D)", lambda found: unquote(found.group()), text)


def _too_long(asked: Asked) -> Answer | None:
    """How GitHub refuses a body that is too long."""
    if len(asked.body.get("body") or "") <= LONGEST_BODY:
        return None
    return 422, {
        "message": "Validation Failed",
        "errors": [{"message": f"body is too long (maximum is {LONGEST_BODY} characters)"}],
    }


#: What a token must be allowed to read, by how a path begins.
_NEEDS = (("/actions/", "actions"), ("/check-runs/", "checks"))

_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "", GitHub._show_repository),
    ("GET", r"/issues/(\d+)/comments", GitHub._list_comments),
    ("POST", r"/issues/(\d+)/comments", GitHub._make_comment),
    ("PATCH", r"/issues/comments/(\d+)", GitHub._change_comment),
    ("DELETE", r"/issues/comments/(\d+)", GitHub._delete_comment),
    ("GET", "/issues", GitHub._list_issues),
    ("POST", "/issues", GitHub._make_issue),
    ("GET", r"/issues/(\d+)", GitHub._show_issue),
    ("PATCH", r"/issues/(\d+)", GitHub._change_issue),
    ("POST", r"/issues/(\d+)/labels", GitHub._label_issue),
    ("GET", "/labels", GitHub._list_labels),
    ("GET", r"/labels/([^/]+)", GitHub._show_label),
    ("POST", "/labels", GitHub._make_label),
    ("GET", "/pulls", GitHub._list_pulls),
    ("GET", r"/pulls/(\d+)", GitHub._show_pull),
    ("GET", r"/actions/runs/(\d+)", GitHub._show_run),
    ("GET", r"/actions/runs/(\d+)/attempts/(\d+)", GitHub._show_attempt),
    ("GET", r"/actions/runs/(\d+)/jobs", GitHub._list_jobs),
    ("GET", r"/check-runs/(\d+)/annotations", GitHub._list_annotations),
    ("GET", r"/actions/runs/(\d+)/approvals", GitHub._show_approvals),
)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request and writes what the owner answers."""

    owner: GitHub
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, query, headers, json.loads(body) if body else {})
        failure = self.owner.failure_of(asked)
        if failure is None:
            status, said = self.owner.answer(asked)
            self.owner.wait_for_others(asked)
            said, links = _page(said, asked, self.owner.url)
            text = "" if said is None else json.dumps(said)
            self._send(status, text, {"content-type": "application/json; charset=utf-8", **links})
            return
        time.sleep(failure.after_s)
        if failure.status is None:
            self.close_connection = True
            return
        self._send(failure.status, failure.body, failure.headers)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815 - its own words

    def _send(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        data = text.encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own word
        """Say nothing."""


def _page(said: Any, asked: Asked, url: str) -> tuple[Any, dict[str, str]]:
    """One page of a list, and the header that leads to the next and the last."""
    if isinstance(said, dict) and "total_count" in said:
        name = next(name for name, value in said.items() if isinstance(value, list))
        page, headers = _page(said[name], asked, url)
        return {**said, name: page}, headers
    if not isinstance(said, list):
        return said, {}
    size = min(int(asked.query.get("per_page", 30)), 100)
    number = int(asked.query.get("page", 1))
    last = max(1, -(-len(said) // size))

    def link(page: int, name: str) -> str:
        query = urlencode({**asked.query, "page": page})
        return f'<{url}{asked.path}?{query}>; rel="{name}"'

    links = [link(number + 1, "next"), link(last, "last")] if number < last else []
    headers = {"link": ", ".join(links)} if links else {}
    return said[(number - 1) * size : number * size], headers
