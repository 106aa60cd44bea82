"""The API of GitHub that tests talk to: that it answers, refuses and fails as the real one does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.github_api import BOT, LONGEST_BODY, GitHub

COMMENTS = "/repos/acme/app/issues/7/comments"


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A repository with one pull request."""
    with GitHub() as server:
        server.add_issue(number=7, is_pull=True)
        yield server


def ask(
    github: GitHub, method: str, path: str, body: object = None, token: str = "x"
) -> tuple[int, Any, dict[str, str]]:
    """Send one request: the status, what was said, and the headers."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(github.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read() or "null"), dict(answer.headers)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        said = json.loads(text) if text.startswith("{") else text
        return error.code, said, dict(error.headers)


def test_comments_are_kept(github: GitHub) -> None:
    """A comment that is made is listed, and can be changed by who made it alone."""
    status, made, _ = ask(github, "POST", COMMENTS, {"body": "one"})
    assert (status, made["user"]["login"]) == (201, BOT)
    path = f"/repos/acme/app/issues/comments/{made['id']}"
    assert ask(github, "PATCH", path, {"body": "two"})[0] == 200
    assert [one["body"] for one in ask(github, "GET", COMMENTS)[1]] == ["two"]
    foreign = github.add_comment(7, "mine", login="somebody")
    path = f"/repos/acme/app/issues/comments/{foreign.id}"
    assert ask(github, "PATCH", path, {"body": "ours"})[0] == 403
    assert github.writes == [f"POST {COMMENTS}"] + [
        f"PATCH /repos/acme/app/issues/comments/{id_}" for id_ in (made["id"], foreign.id)
    ]


def test_lists_come_in_pages(github: GitHub) -> None:
    """A long list has a link to its next page, which leads to the rest of it."""
    for number in range(250):
        github.add_comment(7, str(number))
    path, found = f"{COMMENTS}?per_page=100", []
    while path:
        _, said, headers = ask(github, "GET", path)
        found += [one["body"] for one in said]
        url = headers.get("link", "").partition(">")[0].removeprefix("<")
        path = url.removeprefix(github.url)
    assert found == [str(number) for number in range(250)]


def test_issues_are_found_by_state_and_label(github: GitHub) -> None:
    """An issue is listed by its state and its labels, and pull requests are among them."""
    made = ask(github, "POST", "/repos/acme/app/issues", {"title": "x", "labels": ["usersync"]})[1]
    path = f"/repos/acme/app/issues/{made['number']}"
    assert len(ask(github, "GET", "/repos/acme/app/issues")[1]) == 2
    assert ask(github, "PATCH", path, {"state": "closed"})[1]["state"] == "closed"
    closed = ask(github, "GET", "/repos/acme/app/issues?state=closed&labels=usersync")[1]
    assert [one["number"] for one in closed] == [made["number"]]
    assert ask(github, "GET", "/repos/acme/app/issues?labels=usersync")[1] == []


def test_pull_requests_are_found_by_their_branch(github: GitHub) -> None:
    """A pull request is found by the branch it comes from, also when that is of a fork."""
    github.add_issue(number=8, is_pull=True, head="somebody:patch-1", head_sha="abc")
    found = ask(github, "GET", "/repos/acme/app/pulls?head=somebody:patch-1&state=open")[1]
    assert [(one["number"], one["head"]["sha"]) for one in found] == [(8, "abc")]
    assert ask(github, "GET", "/repos/acme/app/pulls?head=somebody:patch-2")[1] == []


def test_runs_tell_who_started_them(github: GitHub) -> None:
    """A run tells who started it and who approved it."""
    github.add_run(42, actor="ada", approved_by=("grace",))
    run = ask(github, "GET", "/repos/acme/app/actions/runs/42")[1]
    assert run["triggering_actor"]["login"] == "ada"
    approvals = ask(github, "GET", "/repos/acme/app/actions/runs/42/approvals")[1]
    assert [one["user"]["login"] for one in approvals] == ["grace"]
    assert ask(github, "GET", "/repos/acme/app/actions/runs/43")[0] == 404


def test_it_refuses_what_github_refuses(github: GitHub) -> None:
    """No token, too long a body, another repository, and the user behind a job's token."""
    assert ask(github, "GET", COMMENTS, token="")[0] == 401
    assert ask(github, "POST", COMMENTS, {"body": "x" * (LONGEST_BODY + 1)})[0] == 422
    assert ask(github, "GET", "/repos/acme/other")[0] == 404
    assert ask(github, "GET", "/user")[0] == 403
    github.can_write = False
    assert ask(github, "POST", COMMENTS, {"body": "x"})[0] == 403
    assert ask(github, "GET", COMMENTS)[0] == 200


def test_it_fails_when_it_is_told_to(github: GitHub) -> None:
    """A failure comes as often as it was ordered, also as a web page, or as nothing at all."""
    github.fail(429, path=r"/comments$", headers={"retry-after": "1"})
    github.fail(502, html=True)
    github.fail(None)
    status, _, headers = ask(github, "GET", COMMENTS)
    assert (status, headers["retry-after"]) == (429, "1")
    status, said, _ = ask(github, "GET", COMMENTS)
    assert (status, said[:9]) == (502, "<!DOCTYPE")
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        ask(github, "GET", COMMENTS)
    assert ask(github, "GET", COMMENTS)[0] == 200


def test_a_job_has_the_annotations_of_its_log(github: GitHub) -> None:
    """What its steps printed as commands is listed by the job's id; jobs come in pages, too."""
    github.add_run(41, actor="anna", run_attempt=2)
    first = github.add_job(41, "::notice title=a%2Cb%25::x%0Ay%2C", "no command", "::error::z")
    latest = [github.add_job(41, run_attempt=2) for _ in range(3)]
    path = "/repos/acme/app/actions/runs/41/jobs"
    said = ask(github, "GET", f"{path}?per_page=2&page=2")[1]
    assert (said["total_count"], [one["id"] for one in said["jobs"]]) == (3, latest[2:])
    said = ask(github, "GET", f"{path}?filter=all")[1]
    assert [one["id"] for one in said["jobs"]] == [first, *latest]
    said = ask(github, "GET", f"/repos/acme/app/check-runs/{first}/annotations")[1]
    assert [(one["annotation_level"], one["title"], one["message"]) for one in said] == [
        ("notice", "a,b%", "x\ny,"),
        ("failure", "", "z"),
    ]
    assert ask(github, "GET", "/repos/acme/app/check-runs/1/annotations")[0] == 404


def test_a_token_reads_what_it_may(github: GitHub) -> None:
    """In a private repository runs and annotations are for tokens with the right to read them."""
    github.add_run(41, actor="anna")
    paths = {
        "actions": "/repos/acme/app/actions/runs/41",
        "checks": f"/repos/acme/app/check-runs/{github.add_job(41)}/annotations",
    }
    for right, path in paths.items():
        github.rights = {"actions", "checks"} - {right}
        assert {one: ask(github, "GET", where)[0] for one, where in paths.items()} == {
            **dict.fromkeys(paths, 200),
            right: 403,
        }
        github.private = False
        assert ask(github, "GET", path)[0] == 200
        github.private = True


def test_each_attempt_has_somebody_who_started_it(github: GitHub) -> None:
    """An attempt that there was tells who started it; one that there was not is no such thing."""
    somebody = {"login": "ben", "type": "User"}
    attempts = {1: {"triggering_actor": somebody}}
    github.add_run(41, actor="anna", run_attempt=2, attempts=attempts)
    path = "/repos/acme/app/actions/runs/41/attempts"
    assert ask(github, "GET", f"{path}/1")[1]["triggering_actor"] == somebody
    assert ask(github, "GET", f"{path}/2")[1]["triggering_actor"]["login"] == "anna"
    assert ask(github, "GET", f"{path}/3")[0] == 404
