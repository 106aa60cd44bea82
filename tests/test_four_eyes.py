"""`approval.four_eyes`: who carries out a plan of production is somebody else than its maker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.app import App
from tests.github_api import GitHub, account
from usersync import config, four_eyes, publishing
from usersync.github import client, plan_notice
from usersync.migration import ApplyOptions
from usersync.model import Run
from usersync.procedure import RunbookOptions
from usersync.publishing import Destination, Publication
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

PLAN, APPLY = 41, 42


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """A repository whose workflow runs GitHub knows."""
    with GitHub() as server:
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": server.url,
            "GITHUB_REPOSITORY": "acme/app",
            "GITHUB_TOKEN": "ghs_secret",
            "GITHUB_RUN_ID": str(APPLY),
            "USERSYNC_JOB_ENVIRONMENT": "production-destructive",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def production(app: App, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app in production that wants two people, and has two users without a profile."""
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "production")
    app.configure("approval:\n  four_eyes: true\n")
    app.users(2)
    return app


def told(run: Run, *places: Destination, **inputs: Any) -> list[str]:
    """What a task prints that publishes its run."""
    said: list[str] = []
    made = four_eyes.made(run, inputs)
    publishing.publish(
        Publication(runs=(run,), places=places or ("annotations",), made=made, say=said.append)
    )
    return said


def planned(app: App, github: GitHub, run: int = PLAN, **fields: Any) -> str:
    """A dry run of a sync, in a job of a workflow run; its digest."""
    dry, plan = app.plan()
    github.add_job(run, *told(dry), **fields)
    return plan.digest


def approved(
    app: App, monkeypatch: pytest.MonkeyPatch, digest: str, plan_run: int | str | None = PLAN
) -> Run:
    """Carry out a plan as the run APPLY."""
    if plan_run is not None:
        monkeypatch.setenv("USERSYNC_PLAN_RUN_ID", str(plan_run))
    return app.sync(approve=digest)


def ran(app: App, **options: Any) -> Run:
    """A runbook that fills up the profiles behind its gate."""
    name = "users-cannot-access"
    return app.run("runbook.run", task=f"runbook.{name}", options=RunbookOptions(name, **options))


def profiles(app: App) -> int:
    """How many there are."""
    return int(app.one("select count(*) from public.user_profiles"))


def test_two_people_pass(production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else started the run that carries it out."""
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    run = approved(production, monkeypatch, planned(production, github))
    assert (run.exit_code, run.error) == (0, "")
    assert profiles(production) == 2


@pytest.mark.parametrize(
    ("maker", "started"),
    [
        ({"actor": "anna"}, {"actor": "anna"}),
        ({"actor": "anna"}, {"actor": "Anna"}),
        # Whoever starts somebody else's run again is its maker too.
        ({"actor": "ben", "triggering_actor": "anna"}, {"actor": "anna"}),
        ({"actor": "anna"}, {"actor": "anna", "triggering_actor": "anna"}),
        # A bot starts what somebody told it to.
        ({"actor": "anna"}, {"actor": "github-actions[bot]"}),
    ],
)
def test_one_person_does_not(
    maker: dict[str, str],
    started: dict[str, str],
    production: App,
    github: GitHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same person, however it is written: exit 4, named, and nothing is written."""
    github.add_run(PLAN, **maker)  # type: ignore[arg-type]
    github.add_run(APPLY, **started)  # type: ignore[arg-type]
    run = approved(production, monkeypatch, planned(production, github))
    assert run.exit_code == 4
    assert "anna" in run.error
    assert run.next_steps == ("somebody else starts the run that carries it out",)
    assert profiles(production) == 0


def test_a_bot_is_nobody(production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that a bot made has one person behind it, whoever carries it out: exit 1."""
    github.add_run(PLAN, actor="github-actions[bot]")
    github.add_run(APPLY, actor="ben")
    run = approved(production, monkeypatch, planned(production, github))
    assert run.exit_code == 1
    assert "a bot is not one of two people" in run.error
    assert profiles(production) == 0


# -- that it made this plan ----------------------------------------------------------------------

NOT_MADE = "none of its finished jobs made it"


def test_a_colleague_made_something_else(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anna makes the plan herself and gives a run of Ben's, of this workflow and minute: exit 4."""
    github.add_run(PLAN, actor="ben")
    github.add_run(APPLY, actor="anna")
    _, plan = production.plan()
    github.add_job(PLAN, *told(production.run("status")))
    github.add_job(PLAN, *told(production.plan(limit=1)[0]))
    run = approved(production, monkeypatch, plan.digest)
    assert run.exit_code == 4
    assert NOT_MADE in run.error
    assert f"acme/app/actions/runs/{PLAN}" in run.error
    assert "whose dry run printed this digest" in " ".join(run.next_steps)
    assert profiles(production) == 0


def test_a_migration_is_proved_too(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What approves a migration holds no time and no user: its run is known all the same."""
    monkeypatch.setenv("USERSYNC_PLAN_RUN_ID", str(PLAN))
    github.add_run(PLAN, actor="ben")
    github.add_run(APPLY, actor="anna")
    planned(production, github)
    dry = production.run("migration.plan", options=ApplyOptions())
    assert dry.digest
    options = ApplyOptions(approve=dry.digest)
    run = production.run("migration.apply", options=options)
    assert run.exit_code == 4
    assert NOT_MADE in run.error
    github.add_job(PLAN, *told(dry))
    run = production.run("migration.apply", options=options)
    assert (run.exit_code, run.error) == (0, "")


def test_a_gate_is_proved_too(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate opens for the run that stood before it; a plan of what is behind it is another one."""
    monkeypatch.setenv("USERSYNC_PLAN_RUN_ID", str(PLAN))
    github.add_run(PLAN, actor="ben")
    github.add_run(APPLY, actor="anna")
    dry = ran(production, mode="dry-run")
    planned(production, github)
    run = ran(production, approve=dry.digest)
    assert run.exit_code == 4
    assert NOT_MADE in run.error
    github.add_job(PLAN, *told(dry))
    assert ran(production, approve=dry.digest).exit_code in (0, 2)
    assert profiles(production) == 2


def test_whoever_carries_it_out_has_not_made_it(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was given a digest says nothing of it, be it dry, done or stopped."""
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    digest = planned(production, github)
    options = SyncOptions(approve=digest)
    again = production.run("sync.plan", options=options)
    assert again.digest == digest
    done = approved(production, monkeypatch, f" {digest}\n")
    late = approved(production, monkeypatch, digest)
    assert (done.exit_code, late.exit_code) == (0, 4)
    for run in (again, done, late):
        assert plan_notice._TITLE not in str(told(run, options=options))
    assert plan_notice._TITLE in str(told(again, options=SyncOptions()))


def test_a_stopped_run_has_made_what_it_shows(production: App, github: GitHub) -> None:
    """A run that stops at its gate asks for the digest that it shows: it made that plan."""
    run = ran(production)
    assert (run.exit_code, bool(run.digest)) == (4, True)
    assert plan_notice._TITLE in str(told(run))


@pytest.mark.parametrize(
    ("level", "title", "begins", "ends"),
    [
        ("warning", "usersync plan", "plan ", ""),
        ("notice", "usersync", "plan ", ""),
        ("notice", "", "plan ", ""),
        ("notice", "usersync plan", "", ""),
        ("notice", "usersync plan", "the plan ", ""),
        ("notice", "usersync plan", "plan ", "0"),
        ("notice", "usersync plan", "plan 0", ""),
    ],
)
def test_only_the_notice_is_one(
    level: str,
    title: str,
    begins: str,
    ends: str,
    production: App,
    github: GitHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What somebody made a job say that only looks like the notice proves nothing."""
    github.add_run(PLAN, actor="ben")
    github.add_run(APPLY, actor="anna")
    _, plan = production.plan()
    (notice,) = plan_notice.notices([plan.digest])
    text = notice.message.removeprefix("plan ")
    where = f" title={title}" if title else ""
    github.add_job(PLAN, f"::{level}{where}::{begins}{text}{ends}")
    assert approved(production, monkeypatch, plan.digest).exit_code == 4
    github.add_job(PLAN, notice.command)
    assert approved(production, monkeypatch, plan.digest).exit_code == 0


def test_it_is_found_on_later_pages(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind 120 jobs, and behind 250 annotations of its own job, the notice is found."""
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    for number in range(120):
        github.add_job(PLAN, f"::notice::job {number}")
    dry, plan = production.plan()
    github.add_job(PLAN, *(f"::warning::{number}" for number in range(250)), *told(dry))
    run = approved(production, monkeypatch, plan.digest)
    assert (run.exit_code, run.error) == (0, "")


def test_a_job_without_annotations_is_passed_over(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of which GitHub knows no check run has said nothing, and the next one is asked."""
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    del github.annotations[github.add_job(PLAN)]
    run = approved(production, monkeypatch, planned(production, github))
    assert (run.exit_code, run.error) == (0, "")


def test_an_unfinished_job_proves_nothing(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the job that plans and applies, nobody can have read the plan before he approved."""
    github.add_run(APPLY, actor="anna", approved_by=("ben",))
    digest = planned(production, github, APPLY, status="in_progress", completed_at=None)
    run = approved(production, monkeypatch, digest, APPLY)
    assert run.exit_code == 4
    assert NOT_MADE in run.error


def test_a_run_of_several_attempts(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan may be of an earlier attempt, and whoever started that one is its maker too."""
    attempts = {n: {"triggering_actor": account(who)} for n, who in ((1, "ben"), (2, "anna"))}
    github.add_run(PLAN, actor="ben", run_attempt=3, attempts=attempts)
    github.add_run(APPLY, actor="anna")
    job = github.add_job(PLAN, run_attempt=3)
    digest = planned(production, github, run_attempt=2)
    run = approved(production, monkeypatch, digest)
    assert run.exit_code == 4
    assert "anna" in run.error
    assert github.jobs[PLAN][0]["id"] == job
    github.jobs[PLAN][1]["run_attempt"] = 1
    run = approved(production, monkeypatch, digest)
    assert (run.exit_code, run.error) == (0, "")


def ago(**how_long: float) -> str:
    """A moment as GitHub writes it."""
    return (datetime.now(UTC) - timedelta(**how_long)).strftime("%Y-%m-%dT%H:%M:%SZ")


#: Runs of somebody else that say that they made the plan, and why that proves nothing.
FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "of another workflow": (
        {"path": ".github/workflows/ci.yml"},
        "it is a run of .github/workflows/ci.yml, and this one of .github/",
    ),
    "on another branch": (
        {"head_branch": "forged"},
        "it is a run on forged of acme/app, and this one on main of acme/app",
    ),
    "of a fork": (
        {"head_repository": {"full_name": "mallory/app"}},
        "it is a run on main of mallory/app, and this one on main of acme/app",
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_the_notice_of_another_file_proves_nothing(
    forged: str, production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a workflow prints is worth what its file is: of this one's, on this one's branch."""
    fields, words = FORGED[forged]
    github.add_run(PLAN, actor="ben", **fields)
    github.add_run(APPLY, actor="anna")
    run = approved(production, monkeypatch, planned(production, github))
    assert run.exit_code == 4
    assert words in run.error
    assert f"acme/app/actions/runs/{PLAN}" in run.error
    assert profiles(production) == 0


def test_a_plan_waits_a_day(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan of yesterday evening is carried out, one that is older is made again: exit 4."""
    github.add_run(PLAN, actor="ben")
    github.add_run(APPLY, actor="anna")
    digest = planned(production, github, completed_at=ago(hours=25))
    run = approved(production, monkeypatch, digest)
    assert run.exit_code == 4
    assert "it made it more than 24 hours ago" in run.error
    github.jobs[PLAN][0]["completed_at"] = ago(hours=20)
    assert approved(production, monkeypatch, digest).exit_code == 0


def test_a_reusable_workflow(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of a reusable workflow is told with its branch."""
    path = ".github/workflows/usersync-runbook.yml"
    github.add_run(PLAN, actor="ben", path=f"{path}@main")
    github.add_run(APPLY, actor="anna", path=path)
    run = approved(production, monkeypatch, planned(production, github))
    assert (run.exit_code, run.error) == (0, "")


LACKS = ("path", "head_branch", "head_repository", "completed_at", "run_attempt")


@pytest.mark.parametrize("lacks", LACKS)
@pytest.mark.parametrize("value", [None, "", 7])
def test_github_does_not_say_which_run_it_is(
    lacks: str, value: Any, production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its workflow, its branch or its time no run stands behind a plan: exit 1 or 4."""
    github.add_run(PLAN, actor="ben")
    github.add_run(APPLY, actor="anna")
    digest = planned(production, github)
    of_job = lacks in ("completed_at", "run_attempt")
    found = github.jobs[PLAN][0] if of_job else github.runs[PLAN]
    found[lacks] = value
    run = approved(production, monkeypatch, digest)
    assert run.exit_code == (4 if (lacks, value) == ("head_branch", 7) else 1), run.error
    assert profiles(production) == 0


def test_an_environment_is_a_second_person(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plan and apply are jobs of one run: whoever approved its environment must be another one."""
    github.add_run(APPLY, actor="anna", approved_by=("anna", "deployer[bot]"))
    digest = planned(production, github, APPLY)
    run = approved(production, monkeypatch, digest, APPLY)
    assert run.exit_code == 4
    assert "somebody else approves the environment of the job" in " ".join(run.next_steps)
    github.add_run(APPLY, actor="anna", approved_by=("ben",))
    assert approved(production, monkeypatch, digest, APPLY).exit_code == 0


def test_the_approval_of_something_else(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another environment, before the plan, or of an earlier attempt: it is none, exit 4."""
    github.add_run(APPLY, actor="anna", approved_by=("ben",), environment="production")
    digest = planned(production, github, APPLY)
    assert approved(production, monkeypatch, digest, APPLY).exit_code == 4
    # Where both jobs share an environment, ben may have let the plan be made, and anna the rest.
    github.add_run(APPLY, actor="anna", approved_by=("ben", "anna"))
    assert approved(production, monkeypatch, digest, APPLY).exit_code == 4
    github.add_run(APPLY, actor="anna", approved_by=("ben",))
    github.jobs[APPLY][0]["run_attempt"] = 2
    run = approved(production, monkeypatch, digest, APPLY)
    assert (run.exit_code, "it was run again" in run.error) == (4, True)
    github.jobs[APPLY][0]["run_attempt"] = 1
    monkeypatch.delenv("USERSYNC_JOB_ENVIRONMENT")
    run = approved(production, monkeypatch, digest, APPLY)
    assert run.exit_code == 4
    assert "USERSYNC_JOB_ENVIRONMENT" in run.next_steps[0]
    assert profiles(production) == 0


def test_an_approval_that_comes_late(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that waited for more than a day carries out no plan of its run."""
    github.add_run(APPLY, actor="anna", approved_by=("ben",))
    digest = planned(production, github, APPLY, completed_at=ago(hours=25))
    run = approved(production, monkeypatch, digest, APPLY)
    assert (run.exit_code, "more than 24 hours ago" in run.error) == (4, True)


def test_nobody_made_the_plan_of_a_night(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub names somebody for a scheduled run who did nothing: that makes no second person."""
    github.add_run(PLAN, actor="anna", event="schedule")
    github.add_run(APPLY, actor="ben")
    run = approved(production, monkeypatch, planned(production, github))
    assert run.exit_code == 1
    assert profiles(production) == 0


def test_the_plan_of_one_run_is_proved_too(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever approved the environment read the plan of its run: another one is exit 4."""
    github.add_run(APPLY, actor="anna", approved_by=("ben",))
    github.add_job(APPLY, *told(production.plan(limit=1)[0]))
    _, plan = production.plan()
    run = approved(production, monkeypatch, plan.digest, APPLY)
    assert run.exit_code == 4
    assert NOT_MADE in run.error
    assert profiles(production) == 0


@pytest.mark.parametrize(("plan_run", "code"), [(None, 4), ("../41", 3), (999, 1)])
def test_nobody_can_say_who(
    plan_run: int | str | None,
    code: int,
    production: App,
    github: GitHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No run of a plan, one that is no number, and one that GitHub does not know write nothing."""
    github.add_run(APPLY, actor="ben")
    _, plan = production.plan()
    assert approved(production, monkeypatch, plan.digest, plan_run).exit_code == code
    assert profiles(production) == 0


FAULTS: dict[str, dict[str, Any]] = {
    "401": {"status": 401},
    "403": {"status": 403},
    "422": {"status": 422},
    "429": {"status": 429, "headers": {"retry-after": "3600"}},
    "500": {"status": 500},
    "a web page": {"status": 200, "html": True},
    "no answer": {"status": None},
}
ASKED = {
    "the plan's": "runs/41$",
    "its jobs": "runs/41/jobs$",
    "what they said": "annotations$",
    "its attempt": "runs/41/attempts/1$",
    "this one's": "runs/42$",
}


@pytest.mark.parametrize("of", ASKED.values(), ids=ASKED)
def test_github_does_not_say(
    of: str, production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever GitHub answers in the place of who it was: exit 1, and nothing is written."""
    monkeypatch.setattr("usersync.github.client._BUDGET_S", 0.0)  # asked once
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    digest = planned(production, github)
    for fault in FAULTS.values():
        github.fail(path=of, **fault)
        run = approved(production, monkeypatch, digest)
        assert (run.exit_code, "ghs_secret" in run.error) == (1, False), fault
        assert "nobody can say who" in run.error
        assert "a fork" not in str(run)
    assert profiles(production) == 0
    assert approved(production, monkeypatch, digest).exit_code == 0


@pytest.mark.parametrize("lacks", ["actions", "checks"])
def test_a_right_is_missing(
    lacks: str, production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that may not ask writes nothing, and both rights are named; in public it may ask."""
    github.rights.remove(lacks)
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    digest = planned(production, github)
    run = approved(production, monkeypatch, digest)
    assert run.exit_code == 1
    assert "permissions: {actions: read, checks: read}" in " ".join(run.next_steps)
    assert profiles(production) == 0
    github.private = False
    assert approved(production, monkeypatch, digest).exit_code == 0


# -- the notice ----------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [("outputs",), ("annotations",), ("summary", "annotations")])
def test_every_plan_is_told(
    places: tuple[Destination, ...], production: App, github: GitHub
) -> None:
    """Wherever a dry run is published, one notice says so; its digest is not in it."""
    dry, plan = production.plan()
    assert dry.exit_code == 2
    lines = told(dry, *places)
    (notice,) = (one for one in lines if one.startswith("::notice title=usersync plan::plan "))
    print_ = notice.rpartition(" ")[2]
    assert len(print_) >= 16
    assert not [part for part in plan.digest.split("-") if len(part) > 1 and part in notice]
    assert str(lines).count("title=usersync plan") == 1


def test_a_plan_elsewhere_is_not_told(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of GitHub Actions nothing is added to what is printed."""
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    assert "usersync plan" not in str(told(production.plan()[0]))


def test_the_plans_of_many_targets(github: GitHub) -> None:
    """Each of 250 plans is told whole, in as few notices as hold them, and found again."""
    github.add_run(PLAN, actor="anna")
    digests = [f"{number}-digest" for number in range(250)]
    notices = plan_notice.notices(digests)
    assert len(notices) == 3
    github.add_job(PLAN, *(one.command for one in notices))
    with client.opened(config.github()) as api:
        assert all(plan_notice.maker(api, str(PLAN), one) for one in (digests[0], digests[-1]))
        assert plan_notice.maker(api, str(PLAN), "250-digest") is None


def test_one_word_is_not_enough(production: App) -> None:
    """`--yes` is exit 3, and a person at a terminal is not asked."""
    assert production.sync(yes=True).exit_code == 3
    production.answer = True
    assert production.sync().exit_code == 3
    assert production.one("select count(*) from public.user_profiles") == 0


def test_elsewhere_one_is_enough(production: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is about production: staging asks nobody."""
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "staging")
    assert production.sync().exit_code == 0
