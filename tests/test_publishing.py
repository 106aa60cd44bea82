"""Reports on GitHub: said once, edited in place, and whatever fails changes no verdict."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.github_api import BOT, Asked, GitHub
from tests.report_samples import DRIFT, MOMENT, RUNS, TARGET, USER_ID, run, table
from tests.test_reports import INVISIBLE, MARKUP, called, hostile, long_run, nothing_acts
from usersync import config, publishing, report
from usersync.github import marker, step
from usersync.model import Run
from usersync.privacy import LONGEST_MESSAGE
from usersync.publishing import DESTINATIONS, Publication

PULL = 7
DASH = "\N{EN DASH}"


class Stage:
    """A workflow run on a repository, and what it says."""

    def __init__(self, folder: Path, github: GitHub, event: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.github = github
        self.said: list[str] = []
        self.now = datetime(2026, 11, 25, 3, 20, tzinfo=UTC)
        self.around = config.github(
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_API_URL": github.url,
                "GITHUB_REPOSITORY": github.repository,
                "GITHUB_TOKEN": "ghs_secret",
                "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
                "GITHUB_OUTPUT": str(folder / "outputs"),
                "GITHUB_EVENT_PATH": str(folder / "event.json"),
            }
        )
        private = {"repository": {"private": True}, "pull_request": {"number": PULL}}
        self.event(private if event is None else event)

    def event(self, value: dict[str, Any]) -> None:
        """What started the workflow."""
        self.around = replace(self.around, event=value)

    def publish(self, *runs: Run, to: str = "comment", **options: Any) -> int:
        """Publish, as ``report.publish`` does."""
        return publishing.publish(
            Publication(
                runs=runs,
                places=publishing.destinations(to),
                say=self.said.append,
                clock=lambda: self.now,
                surroundings=self.around,
                **options,
            )
        )

    @property
    def summary(self) -> str:
        """What the step summary holds."""
        return (self.folder / "summary.md").read_text()

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the step."""
        lines = (self.folder / "outputs").read_text().splitlines()
        return {lines[n].partition("<<")[0]: lines[n + 1] for n in range(0, len(lines), 3)}


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test remembers what another one told, and none waits for long."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A repository with a pull request."""
    with GitHub() as server:
        server.add_issue(number=PULL, is_pull=True)
        yield server


@pytest.fixture
def stage(tmp_path: Path, github: GitHub) -> Stage:
    """A workflow run of that pull request."""
    return Stage(tmp_path, github)


def with_missing(missing: int) -> Run:
    """A status of 150 users with so many missing."""
    if not missing:
        return RUNS["in_sync"]
    return run("status", 2, tables=table(status=replace(DRIFT, existing=150 - missing)))


def another_time(done: Run) -> Run:
    """A run that says the same, an hour later."""
    later = timedelta(hours=1)
    return replace(
        done,
        run_id="99999999-2222-4333-8444-555555555555",
        run_url="https://github.com/acme/app/actions/runs/8",
        started_at=done.started_at + later,
        ended_at=done.ended_at + 2 * later,
        tables=tuple(
            replace(
                one,
                status=one.status and replace(one.status, as_of=one.status.as_of + later),
                plan=one.plan and replace(one.plan, as_of=one.plan.as_of + later),
                summary=one.summary
                and replace(one.summary, execution_time_s=one.summary.execution_time_s + 7),
            )
            for one in done.tables
        ),
        steps=tuple(replace(one, duration_s=one.duration_s + 7) for one in done.steps),
        targets=tuple(another_time(one) for one in done.targets),
    )


def _broken(detail: str, since: str) -> Run:
    verdict = RUNS["broken_by_pull_request"].verdicts[1]
    return replace(
        RUNS["broken_by_pull_request"], verdicts=(replace(verdict, detail=detail, since=since),)
    )


def _with_digest(digest: str) -> Run:
    plan = RUNS["plan"].tables[0].plan
    assert plan
    return replace(RUNS["plan"], digest=digest, tables=table(plan=replace(plan, digest=digest)))


#: Two runs of the same exit code and counts, and what only the second says.
SAYING_ANOTHER = {
    "another reason": (
        _broken("23502 `profiles.username`", "20261120_rename.sql"),
        _broken("42703 `profiles.nickname`", "20261120_rename.sql"),
        "42703",
    ),
    "another file": (
        _broken("23502 `profiles.username`", "20261120_rename.sql"),
        _broken("23502 `profiles.username`", "20261124_again.sql"),
        "20261124_again.sql",
    ),
    "another plan": (_with_digest("5-first"), _with_digest("5-second"), "5-second"),
    "another error": (
        run("status", 1, error="the server closed the connection"),
        run("status", 1, error="password authentication failed"),
        "authentication failed",
    ),
    "another note": (
        run("doctor", 2, notes=("a first note",)),
        run("doctor", 2, notes=("a second note",)),
        "a second note",
    ),
}


# -- the comment --------------------------------------------------------------------------------


def test_one_comment_is_made_edited_and_left_alone(stage: Stage) -> None:
    """Drift makes it, the same drift leaves it untouched, other drift and none edit it."""
    assert stage.publish(with_missing(5)) == 2
    (comment,) = stage.github.comments
    assert comment.body.startswith("<!-- usersync key=production ")
    assert "5 of 150 users have no profile" in comment.body
    before = len(stage.github.writes)
    assert stage.publish(with_missing(5)) == 2
    assert len(stage.github.writes) == before
    assert stage.publish(with_missing(8)) == 2
    assert stage.publish(with_missing(0)) == 0
    (comment,) = stage.github.comments
    assert "✅ in sync: 150 users, 150 profiles" in comment.body
    assert "gone: users without a profile (production) (was 8)" in comment.body
    assert [line.partition(" ")[0] for line in stage.github.writes] == ["POST", "PATCH", "PATCH"]
    assert stage.said == []


def test_no_comment_when_all_is_well(stage: Stage) -> None:
    """A pull request without a fault, and without a comment of ours, gets none."""
    assert stage.publish(RUNS["harmless_pull_request"]) == 0
    assert stage.github.comments == []


@pytest.mark.parametrize("is_private", [True, False], ids=["private", "public"])
@pytest.mark.parametrize("what", SAYING_ANOTHER)
def test_a_comment_never_goes_stale(what: str, is_private: bool, stage: Stage) -> None:
    """What it says is what the latest run says, also where exit code and counts are the same."""
    first, second, words = SAYING_ANOTHER[what]
    stage.event({"repository": {"private": is_private}, "pull_request": {"number": PULL}})
    stage.publish(first, key="one")
    stage.publish(second, key="one")
    (comment,) = stage.github.comments
    is_said = is_private or what in ("another reason", "another file")
    assert (words in comment.body) == is_said
    before = len(stage.github.writes)
    assert before == (2 if is_said else 1)
    stage.publish(another_time(second), key="one")
    assert len(stage.github.writes) == before


@pytest.mark.parametrize("name", RUNS)
def test_the_same_at_another_time_is_unchanged(name: str, stage: Stage) -> None:
    """Neither the moment of a run, its id, its address nor how long it took is news."""
    stage.publish(RUNS[name], key="one")
    before = len(stage.github.writes)
    stage.publish(another_time(RUNS[name]), key="one")
    assert len(stage.github.writes) == before


def test_somebody_elses_marker_is_not_ours(stage: Stage) -> None:
    """A comment with our marker by somebody else stays as it is; ours is made beside it."""
    forged = marker.marker("production", "abc", {})
    stage.github.add_comment(PULL, f"{forged}\nnice try", login="mallory")
    stage.github.add_comment(PULL, f"quoted: {forged}")
    stage.publish(with_missing(5))
    assert [one.login for one in stage.github.comments] == ["mallory", BOT, BOT]
    assert stage.github.comments[0].body.endswith("nice try")
    assert stage.github.comments[1].body.startswith("quoted")


def test_ours_is_found_on_a_later_page(stage: Stage) -> None:
    """Behind 250 comments of others ours is still the one that is edited."""
    stage.publish(with_missing(5))
    ours = stage.github.comments.pop()
    for number in range(250):
        stage.github.add_comment(PULL, f"comment {number}", login="octocat")
    stage.github.comments.append(ours)
    stage.publish(with_missing(6))
    assert len(stage.github.comments) == 251
    assert "6 of 150" in stage.github.comments[-1].body


def test_two_keys_have_two_comments(stage: Stage) -> None:
    """Two checks of one pull request do not overwrite each other."""
    stage.publish(with_missing(5), key="staging")
    stage.publish(with_missing(6), key="pull request: x --> y")
    assert len(stage.github.comments) == 2
    stage.publish(with_missing(0), key="staging")
    assert "in sync" in stage.github.comments[0].body
    assert "6 of 150" in stage.github.comments[1].body


def test_two_runs_at_once_leave_one_comment(stage: Stage) -> None:
    """Of two comments that were made at the same moment the older one stays."""
    stage.publish(with_missing(5))
    twin = replace(stage.github.comments[0], id=stage.github.comments[0].id + 1)
    stage.github.comments.append(twin)
    first = stage.github.comments[0].id
    stage.publish(with_missing(6))
    assert [one.id for one in stage.github.comments] == [first]
    assert "6 of 150" in stage.github.comments[0].body


@pytest.mark.parametrize("number", [2, 4])
@pytest.mark.parametrize("place", ["comment", "issue"])
def test_publishing_side_by_side(place: str, number: int, tmp_path: Path, github: GitHub) -> None:
    """Of runs that publish at the same moment the oldest text stays, and says what came later."""
    path = r"/comments$" if place == "comment" else r"/issues$"
    github.meet(path, number)
    stages = [Stage(tmp_path, github) for _ in range(number)]
    threads = [
        threading.Thread(target=one.publish, args=(with_missing(5 + at),), kwargs={"to": place})
        for at, one in enumerate(stages)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [
        one.body["body"]
        for one in github.asked
        if str(one).startswith("POST") and re.search(path, one.path)
    ]
    assert len(made) == number
    assert [one.said for one in stages] == [[]] * number
    left, *twins = _of_ours(github, place)
    if place == "comment":
        assert not twins
    for twin in twins:
        assert (twin.state, twin.state_reason) == ("closed", "not_planned")
        (why,) = [one.body for one in github.comments if one.issue == twin.number]
        assert why == f"Several runs opened an issue at the same moment: #{left.number} goes on."
    # Every run but the first told on it what it had found.
    first, *others = (re.search(r"\d+ of 150", body)[0] for body in made)  # type: ignore[index]
    assert any(words in left.body for words in others)
    if place == "issue":
        assert left.state == "open"
        told = [one.body for one in github.comments if one.issue == left.number]
        assert all(any(words in body for body in told) for words in others)
        assert first not in str(told)


@pytest.mark.parametrize("place", ["comment", "issue"])
def test_what_another_run_healed_already(
    place: str, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose text is gone when it looks again tells what it found on the one that stays."""
    github, answer = stage.github, stage.github.answer
    other = Stage(tmp_path, github)

    def meanwhile(asked: Asked) -> tuple[int, Any]:
        """Two others publish before and after this run makes its own."""
        if asked.method != "POST":
            return answer(asked)
        monkeypatch.setattr(github, "answer", answer)
        other.publish(with_missing(5), to=place)
        said = answer(asked)
        other.publish(with_missing(6), to=place)
        return said

    monkeypatch.setattr(github, "answer", meanwhile)
    stage.publish(with_missing(8), to=place)
    left, *twins = _of_ours(github, place)
    assert "8 of 150" in left.body
    assert [one.state for one in twins] == ["closed"] * (place == "issue")
    assert stage.said + other.said == []
    if place == "issue":
        assert [one.issue for one in github.comments].count(twins[0].number) == 1
        assert any("8, was 6" in one.body for one in github.comments)


def _of_ours(github: GitHub, place: str) -> list[Any]:
    """What we wrote, the oldest first."""
    if place == "comment":
        return list(github.comments)
    return sorted(
        (one for one in github.issues.values() if not one.is_pull), key=lambda one: one.number
    )


def test_a_long_report_fits_a_comment(stage: Stage) -> None:
    """A report of 100,000 findings is taken by an API that refuses what is too long."""
    assert stage.publish(long_run(100_000)) == 2
    assert len(stage.github.comments) == 1
    assert stage.said == []


# -- what GitHub answers ------------------------------------------------------------------------

FAULTS: dict[str, dict[str, Any]] = {
    "401": {"status": 401},
    "403": {"status": 403},
    "404": {"status": 404},
    "422": {"status": 422, "method": "POST"},
    "a web page": {"status": 200, "html": True},
    "500 for long": {"status": 500, "times": 20},
    "an hour of rate limit": {"status": 429, "headers": {"retry-after": "3600"}},
    "a rate limit until tomorrow": {
        "status": 403,
        "headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800"},
    },
    "no answer to what may have been done": {"status": None, "method": "POST"},
    "no answer for long": {"status": None, "times": 20},
}


@pytest.mark.parametrize("place", ["comment", "issue"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_fails_changes_no_verdict(
    fault: dict[str, Any], place: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is the run's, the summary says all, and a warning says what went wrong."""
    monkeypatch.setattr("usersync.github.client._BUDGET_S", 0.5)
    stage.github.fail(path=rf"/{place}s$", **fault)
    assert stage.publish(with_missing(5), to=f"summary,{place},annotations") == 2
    assert "5 of 150 users" in stage.summary
    assert "&gt;" not in stage.summary.partition("\n> ")[2]
    assert f"\n> {place}: " in stage.summary
    (warning,) = [line for line in stage.said if line.startswith("::warning") and place in line]
    assert "ghs_secret" not in warning + stage.summary


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502},
        {"status": None, "method": "GET"},
        {"status": 429, "headers": {"retry-after": "1"}, "method": "POST"},
        {"status": 403, "headers": {"retry-after": "1"}, "method": "POST"},
    ],
)
def test_what_may_pass_is_tried_again(fault: dict[str, Any], stage: Stage) -> None:
    """A gateway, a lost connection and a secondary rate limit cost time, and no comment is lost."""
    stage.github.fail(path=r"/comments$", **fault)
    assert stage.publish(with_missing(5)) == 2
    assert len(stage.github.comments) == 1
    assert stage.said == []


def test_a_fork_may_not_write(tmp_path: Path) -> None:
    """With the token of a fork the summary says all, a warning says why, and the verdict stands."""
    with GitHub(can_write=False) as github:
        github.add_issue(number=PULL, is_pull=True)
        stage = Stage(tmp_path, github)
        assert stage.publish(RUNS["broken_by_pull_request"], to="summary,comment") == 2
        assert "this PR stops sign-ups" in stage.summary
        assert any("a fork" in line for line in stage.said)


def test_without_a_token(tmp_path: Path, stage: Stage) -> None:
    """Without a token nothing is asked, and what is missing is named."""
    stage.around = replace(stage.around, token="")
    assert stage.publish(with_missing(5), to="comment,issue") == 2
    assert stage.github.asked == []
    assert any("GITHUB_TOKEN is not set" in line for line in stage.said)


def test_not_on_a_pull_request(stage: Stage) -> None:
    """A comment needs a pull request: the event's, or the one that is named."""
    stage.event({"repository": {"private": True}})
    stage.publish(with_missing(5))
    assert any("no run of a pull request" in line for line in stage.said)
    stage.publish(with_missing(5), pull_request=PULL)
    assert len(stage.github.comments) == 1


# -- the issue ----------------------------------------------------------------------------------


def test_the_life_of_an_issue(stage: Stage) -> None:
    """Opened by drift, told what is new, closed when all is well, reopened, and there is one."""
    github = stage.github
    github.add_issue(number=1, title="somebody else's", login="octocat")
    assert stage.publish(with_missing(0), to="issue") == 0
    assert len(github.issues) == 2
    assert stage.publish(with_missing(5), to="issue") == 2
    (ours,) = [one for one in github.issues.values() if "usersync" in one.labels]
    assert (ours.state, ours.title) == (
        "open",
        "usersync production: ⚠️ 5 of 150 users have no profile since 2026-11-20 14:02 UTC",
    )
    stage.publish(with_missing(5), to="issue")
    assert github.comments == []
    stage.publish(with_missing(8), to="issue")
    (news,) = github.comments
    assert news.body.index("8, was 5") < news.body.index("Total Auth Users")
    assert "8 of 150" in ours.title
    stage.publish(with_missing(0), to="issue")
    assert ours.state == "closed"
    stage.publish(with_missing(0), to="issue")
    assert len(github.comments) == 2
    stage.publish(with_missing(3), to="issue")
    assert ours.state == "open"
    assert len([one for one in github.issues.values() if not one.is_pull]) == 2
    assert stage.said == []


@pytest.mark.parametrize("left", [8, 0], ids=["drift", "well"])
def test_two_issues_at_once_leave_one(left: int, stage: Stage) -> None:
    """Of two issues that were opened at the same moment the older one stays."""
    stage.publish(with_missing(5), to="issue")
    (ours,) = [one for one in stage.github.issues.values() if "usersync" in one.labels]
    twin = replace(ours, number=ours.number + 1)
    stage.github.issues[twin.number] = twin
    stage.publish(with_missing(left), to="issue")
    assert (ours.state, twin.state) == ("open" if left else "closed", "closed")
    assert f"{left} of 150" in ours.title or not left
    assert {one.issue for one in stage.github.comments} == {ours.number, twin.number}
    (why,) = [one.body for one in stage.github.comments if one.issue == twin.number]
    assert f"#{ours.number} goes on" in why


def test_a_lock_is_no_news(stage: Stage) -> None:
    """Exit code 7 opens nothing and closes nothing."""
    stage.publish(with_missing(5), to="issue")
    before = list(stage.github.writes)
    assert stage.publish(RUNS["locked"], to="issue", key="production") == 7
    assert stage.github.writes == before


def test_no_place_is_told_a_whole_id(stage: Stage, hook: Callable[[str], Hook]) -> None:
    """An error that names a user by id says no more than its start, wherever it goes."""
    unknown = run("create-profile", 4, error=f"no user in auth.users has the id {USER_ID}")
    for format in ("slack", "json"):  # noqa: A001 - the setting's name
        told = hook(format)
        stage.publish(unknown, to="notify", key=format)
        assert USER_ID[:8] in json.dumps(told.told)
        assert USER_ID not in json.dumps(told.told)
    stage.publish(unknown, to="summary,annotations,comment,issue")
    issues = [one.title + one.body for one in stage.github.issues.values() if not one.is_pull]
    comments = [one.body for one in stage.github.comments]
    assert (len(issues), len(comments)) == (1, 1)
    for text in (stage.summary, "\n".join(stage.said), *issues, *comments):
        assert USER_ID[:8] in text
        assert USER_ID not in text
    assert USER_ID not in issues[0].partition("<!--")[0]


# -- what the step shows ------------------------------------------------------------------------


def test_outputs(stage: Stage) -> None:
    """A workflow can decide upon status, numbers, digest and exit code."""
    stage.publish(with_missing(5), to="summary")
    assert stage.outputs["status"] == "drift"
    assert stage.outputs["missing"] == "5"
    (stage.folder / "outputs").unlink()
    stage.publish(RUNS["plan"], to="summary")
    assert stage.outputs["digest"].startswith("5-2026")


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("plan", "5-20261125T031700000000-8e1acd93"),
        ("repair_plan", "200-20261125T031700000000-8e1acd93"),
        ("migration_plan", "2-20261125T031700000000-8e1acd93"),
        ("gate", "1-abcdef"),
        ("created", ""),
        ("drift", ""),
    ],
)
def test_what_approves_is_an_output(name: str, digest: str, stage: Stage) -> None:
    """Whatever can be approved has its digest as an output: plans of every kind, and gates."""
    stage.publish(RUNS[name], to="outputs")
    assert stage.outputs["digest"] == digest
    assert not (stage.folder / "summary.md").exists()


def test_of_several_digests_none_is_chosen(stage: Stage) -> None:
    """A digest stands for one plan: of several none is an output."""
    other = replace(RUNS["gate"], target=replace(TARGET, name="staging"))
    stage.publish(RUNS["plan"], other, to="outputs")
    assert stage.outputs["digest"] == ""


@pytest.mark.parametrize(
    ("name", "changes", "missing"),
    [
        ("created", {}, "0"),
        ("failed", {}, "3"),
        ("created", {"created": 2}, "3"),
        ("created", {"created": 2, "already_there": 1, "gone": 1}, "1"),
        ("created", {"rehearsed": True}, "5"),
    ],
)
def test_who_is_missing_after_a_sync(
    name: str, changes: dict[str, Any], missing: str, stage: Stage
) -> None:
    """Whoever failed or was left out has no profile after a sync; after a rehearsal nobody has."""
    done = RUNS[name]
    assert done.tables[0].summary
    summary = replace(done.tables[0].summary, **changes)
    stage.publish(replace(done, tables=table(summary=summary)), to="outputs")
    assert stage.outputs["missing"] == missing


def test_who_is_missing_in_a_plan(stage: Stage) -> None:
    """A plan with a limit leaves nobody out of the number."""
    plan = RUNS["plan"].tables[0].plan
    assert plan
    limited = replace(RUNS["plan"], tables=table(plan=replace(plan, rows=2)))
    stage.publish(limited, to="outputs")
    assert stage.outputs["missing"] == "5"


def test_outputs_of_a_runbook(stage: Stage) -> None:
    """A runbook tells how many have no profile and how many failed, as a sync does."""
    stage.publish(RUNS["night_with_drift"], to="outputs")
    assert (stage.outputs["missing"], stage.outputs["failed"]) == ("3", "3")


@pytest.mark.parametrize("name", RUNS)
def test_annotations_are_at_most_ten(name: str) -> None:
    """The aggregate comes first; a broken pull request also marks the file."""
    made = report.report([RUNS[name]])
    lines = [one.command for one in step.annotated(made)]
    assert len(lines) <= 10
    assert made.headline.text.split(":")[0] in lines[0]
    if name == "broken_by_pull_request":
        assert "file=supabase/migrations/20261120_rename.sql" in lines[1]
        assert lines[0].startswith("::error ")


def test_many_annotations_are_ten() -> None:
    """Of 100,000 findings ten lines are shown, and one of them says how many more there are."""
    lines = [one.command for one in step.annotated(report.report([long_run(100_000)]))]
    assert len(lines) == 10
    assert "and 99,992 more" in lines[-1]


def test_what_went_wrong_has_room(stage: Stage) -> None:
    """Beside 1,000 warnings GitHub, which shows ten, still shows why nothing was commented."""
    many = long_run(1_000)
    many = replace(many, checks=tuple(replace(one, level="warning") for one in many.checks))
    stage.github.fail(403, path=r"/comments$", times=20)
    assert stage.publish(many, to="summary,annotations,comment") == 2
    warnings = [line for line in stage.said if line.startswith("::warning")]
    assert warnings == stage.said
    assert len(warnings) == step.MOST_ANNOTATIONS
    assert warnings[0].startswith("::warning title=usersync::⚠️ ")
    assert [line for line in warnings if "more: see the summary" in line]
    assert [line for line in warnings if "title=usersync::comment: " in line]
    assert "\n> comment: " in stage.summary


def test_the_notice_of_a_plan_has_room(stage: Stage) -> None:
    """Beside 1,000 warnings and what went wrong, the notice of a plan is one of ten lines."""
    many = long_run(1_000)
    stage.github.fail(403, path=r"/comments$", times=20)
    stage.publish(many, to="annotations,comment", made=["a digest"])
    assert len(stage.said) == step.MOST_ANNOTATIONS
    assert stage.said[0].startswith("::error"), "what is wrong in all comes first"
    assert any(line.startswith("::notice title=usersync plan::plan ") for line in stage.said)
    assert [line for line in stage.said if "more: see the summary" in line]


def test_a_file_makes_no_plan(stage: Stage) -> None:
    """The saved run of a plan may be of anywhere: whoever only publishes it has not made it."""
    stage.publish(RUNS["plan"], to=",".join(DESTINATIONS))
    assert "usersync plan" not in str(stage.said)


def test_a_long_message_is_whole() -> None:
    """A message of an annotation ends where every message of ours does, not where a field does."""
    text = "a" * LONGEST_MESSAGE
    assert step.Annotation(text, "notice").command == f"::notice title=usersync::{text}"
    assert len(step.Annotation(text + text, "notice").command) < len(text) + 50


@pytest.mark.parametrize("room", range(1, 12))
def test_annotations_keep_to_their_room(room: int) -> None:
    """The first line is always there, and what is left out is counted."""
    made = report.report([long_run(20)])
    lines = [one.message for one in step.annotated(made, room=room)]
    assert len(lines) == room
    assert lines[0] == made.headline.text
    assert room == 1 or lines[-1] == f"and {20 - (room - 2)} more: see the summary"


@pytest.mark.parametrize("text", MARKUP.values(), ids=MARKUP)
def test_a_name_is_no_workflow_command(text: str, stage: Stage) -> None:
    """Whatever a user is called, the log gets our commands and no other."""
    stage.publish(hostile(text), to="annotations")
    for line in "\n".join(stage.said).splitlines():
        assert line.startswith(("::error ", "::warning ", "::notice "))
        head, _, message = line[2:].partition("::")
        assert head.count("title=") == 1
        assert "%" not in message.replace("%25", "")


# -- a public repository ------------------------------------------------------------------------


@pytest.mark.parametrize("event", [{"repository": {"private": False}}, {}])
def test_in_public_numbers_are_steps(event: dict[str, Any], tmp_path: Path) -> None:
    """Summary, annotations, comment and issue say steps, also when the event says nothing."""
    with GitHub(private=False) as github:
        github.add_issue(number=PULL, is_pull=True)
        stage = Stage(tmp_path, github, event)
        to = "summary,annotations,comment,issue"
        assert stage.publish(with_missing(5), to=to, pull_request=PULL) == 2
        texts = [
            stage.summary,
            *stage.said,
            *(one.body for one in github.comments),
            *(one.body + one.title for one in github.issues.values()),
        ]
        assert all("5 of 150" not in text for text in texts)
        assert f"1{DASH}9 of 100{DASH}999 users" in stage.summary
        packed = "".join(texts).partition("facts=")[2].partition(" -->")[0]
        assert report.unpacked(packed)["users without a profile (production)"] == f"1{DASH}9"  # type: ignore[index]
        stage.publish(with_missing(5), to="summary", show_counts=True)
        assert "5 of 150 users" in stage.summary


# -- the webhook and the heartbeat --------------------------------------------------------------


class Hook:
    """An address on this machine that writes down what it is told."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.told: list[tuple[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                hook.told.append((self.path, json.loads(body) if body else None))
                self.send_response(hook.status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = _handle  # noqa: N815 - its own words

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Hook]]:
    """A webhook and a heartbeat, configured in a format."""
    opened: list[Hook] = []

    def make(format: str = "json") -> Hook:  # noqa: A002 - the setting's name
        made = Hook()
        opened.append(made)
        (tmp_path / "usersync.yaml").write_text(
            f"notify:\n  webhook_env: HOOK\n  heartbeat_env: BEAT\n  format: {format}\n"
        )
        monkeypatch.setenv("HOOK", f"{made.url}/hook/secret-part")
        monkeypatch.setenv("BEAT", f"{made.url}/beat")
        monkeypatch.setenv("USERSYNC_CONFIG", str(tmp_path / "usersync.yaml"))
        return made

    yield make
    for one in opened:
        one.close()


@pytest.mark.parametrize("to", ["notify", "notify,issue"])
def test_the_team_is_told_of_changes(to: str, stage: Stage, hook: Callable[[str], Hook]) -> None:
    """Told when it breaks, not again within the day, again after a day, and when it is well."""
    told = hook("json")

    def hooked() -> list[str]:
        return [body["headline"] for path, body in told.told if path.startswith("/hook")]

    stage.publish(with_missing(0), to=to)
    assert hooked() == []
    stage.publish(with_missing(5), to=to)
    assert len(hooked()) == 1
    stage.now += timedelta(hours=2)
    stage.publish(with_missing(5), to=to)
    assert len(hooked()) == 1
    stage.now += timedelta(hours=22)
    stage.publish(with_missing(5), to=to)
    assert len(hooked()) == 2
    stage.publish(RUNS["locked"], to=to, key="production")
    stage.publish(with_missing(0), to=to)
    assert hooked()[2].startswith("✅")
    assert [path for path, _ in told.told if path == "/beat"] == ["/beat"] * 2
    assert stage.said == []


HOSTILE = {
    **MARKUP,
    "Slack's own": "<!channel> & <http://evil.example|x> <@U1> _a_ `b` ~c~ *d*",
    "an id": f"`{USER_ID}`",
}
ACTS = r"[*`~<>]|(?<!\w)_|_(?!\w)|&(?!amp;|lt;|gt;)|://|@\w|#\d|GH-\d|www\.|mailto:\w|\]\("


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_chat_gets(
    text: str, stage: Stage, hook: Callable[[str], Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Slack and in an issue nothing is marked, mentions or links, but the run; nor names one."""
    for name, value in {
        "SERVER_URL": "https://github.com",
        "REPOSITORY": "a/b",
        "RUN_ID": "7",
    }.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    told = hook("slack")
    stage.publish(with_missing(5), to="issue", key="one")
    stage.publish(hostile(text), to="issue,notify", key="one")
    ((_, body),) = told.told
    first, *changes, last = body["text"].split("\n")
    assert last == "<https://github.com/a/b/actions/runs/7|the run>"
    assert changes
    assert all(line.startswith("• ") for line in changes)
    (issue,) = [one for one in stage.github.issues.values() if not one.is_pull]
    for line in (first, *changes):
        assert not re.search(ACTS, line), line
    assert not re.search(ACTS.replace("<>", "").replace("|&(?!amp;|lt;|gt;)", ""), issue.title)
    assert "\n" not in issue.title
    (comment,) = stage.github.comments
    for rendered in (issue.body.partition("\n")[2], comment.body):
        nothing_acts(rendered)
    for said in (body["text"], issue.title, issue.body, comment.body):
        assert not re.search(INVISIBLE, said)
    assert USER_ID not in body["text"] + issue.title
    assert stage.said == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_program_gets(text: str, stage: Stage, hook: Callable[[str], Hook]) -> None:
    """JSON holds the same fields whatever a user is called, each text one line without an id."""
    told = hook("json")
    stage.publish(with_missing(5), to="issue", key="one")
    stage.publish(hostile(text), to="issue,notify", key="one")
    ((_, body),) = told.told
    assert set(body) == {"tool", "exit_code", "headline", "changes", "runs", "run_url"}
    (one,) = body["runs"]
    assert set(one) == {"name", "exit_code", "headline"}
    for said in (body["headline"], *body["changes"], one["name"], one["headline"]):
        assert not re.search(INVISIBLE + "|\n|^::", said)
        assert USER_ID not in said


def test_a_deaf_webhook_changes_nothing(stage: Stage, hook: Callable[[str], Hook]) -> None:
    """What it answers is a warning without its address, never the exit code."""
    told = hook("json")
    told.status = 500
    assert stage.publish(with_missing(5), to="notify") == 2
    told.close()
    assert stage.publish(with_missing(0), to="notify") == 0
    warnings = "\n".join(stage.said)
    assert "the webhook: answered 500" in warnings
    assert "the heartbeat: no answer" in warnings
    assert "secret-part" not in warnings


@pytest.mark.parametrize(
    ("settings", "told"),
    [("", []), ("notify:\n  webhook_env: NOT_SET\n", ["NOT_SET is not set"])],
)
def test_nobody_to_tell(
    settings: str, told: list[str], stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is missed where nobody is named; a name without an address is a warning."""
    (tmp_path / "usersync.yaml").write_text(settings)
    monkeypatch.chdir(tmp_path)
    assert stage.publish(with_missing(5), to="notify") == 2
    assert [part for part in told if not any(part in line for line in stage.said)] == []
    assert bool(stage.said) == bool(told)


# -- on every task ------------------------------------------------------------------------------


def test_any_task_publishes_its_run(tmp_path: Path) -> None:
    """``--publish`` on a task that fails writes summary and outputs, and keeps its exit code."""
    around = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "SUPABASE_DB_URL": "postgresql://postgres@127.0.0.1:1/postgres",
    }
    done = called("status", "--publish", "summary,annotations", folder=tmp_path, **around)
    assert done.returncode == 1
    assert "could not tell" in (tmp_path / "summary.md").read_text()
    assert "exit-code" in (tmp_path / "outputs").read_text()
    assert "::error title=usersync::" in done.stdout


def test_json_stays_json(tmp_path: Path) -> None:
    """With ``--json`` the annotations go to standard error, and standard output is one object."""
    words = ("status", "--json", "--publish", "annotations")
    around = {"GITHUB_ACTIONS": "true", "SUPABASE_DB_URL": "nothing"}
    done = called(*words, folder=tmp_path, **around)
    assert done.returncode == 3
    assert json.loads(done.stdout)["exit_code"] == 3
    assert "::error title=usersync::" in done.stderr


def test_a_public_log_says_no_numbers(tmp_path: Path) -> None:
    """In a public repository the log of a task says its first line in steps, and no host."""
    (tmp_path / "event.json").write_text('{"repository": {"private": false}}')
    around = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/app",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "SUPABASE_DB_URL": "postgresql://postgres@127.0.0.1:1/postgres",
        "USERSYNC_ENVIRONMENT": "production",
    }
    words = ("status", "--publish", "summary", "--out", "run.json")
    done = called(*words, folder=tmp_path, **around)
    assert done.returncode == 1
    assert "127.0.0.1" not in done.stdout
    assert "127.0.0.1" in (tmp_path / "run.json").read_text()
    again = called(*words, "--show-counts", folder=tmp_path, **around)
    assert "127.0.0.1" in again.stdout


def test_a_place_that_there_is_not(tmp_path: Path) -> None:
    """A misspelt place is exit 3 before anything starts, and says what was meant."""
    done = called("status", "--publish", "sumary", folder=tmp_path)
    assert done.returncode == 3
    assert "did you mean" in done.stdout + done.stderr


def test_every_place_is_one_word() -> None:
    """`--publish` takes exactly the places that there are, in any order, without repeats."""
    assert publishing.destinations("issue, summary,issue") == ("summary", "issue")
    assert publishing.destinations(",".join(DESTINATIONS)) == DESTINATIONS
    assert publishing.destinations(None) == ()


def test_the_moment_of_a_report_is_its_last() -> None:
    """A report of several runs is as old as the youngest of them."""
    assert report.report([RUNS["drift"]]).ended_at == MOMENT
