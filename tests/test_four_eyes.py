"""`approval.four_eyes`: who carries out a plan of production is somebody else than its maker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.app import App
from tests.github_api import GitHub
from usersync.model import Run
from usersync.procedure import RunbookOptions

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


def approved(app: App, monkeypatch: pytest.MonkeyPatch, plan_run: int | str | None = PLAN) -> Run:
    """Plan, then carry out that plan as the run APPLY."""
    _, plan = app.plan()
    if plan_run is not None:
        monkeypatch.setenv("USERSYNC_PLAN_RUN_ID", str(plan_run))
    return app.sync(approve=plan.digest)


def ran(app: App, **options: Any) -> Run:
    """A runbook that fills up the profiles behind its gate."""
    name = "users-cannot-access"
    return app.run("runbook.run", task=f"runbook.{name}", options=RunbookOptions(name, **options))


def test_two_people_pass(production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else started the run that carries it out."""
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    run = approved(production, monkeypatch)
    assert (run.exit_code, run.error) == (0, "")
    assert production.one("select count(*) from public.user_profiles") == 2


@pytest.mark.parametrize(
    ("maker", "started"),
    [
        ({"actor": "anna"}, {"actor": "anna"}),
        ({"actor": "anna"}, {"actor": "Anna"}),
        # Whoever starts somebody else's run again is its maker too.
        ({"actor": "ben", "triggering_actor": "anna"}, {"actor": "anna"}),
        ({"actor": "anna"}, {"actor": "anna", "triggering_actor": "anna"}),
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
    run = approved(production, monkeypatch)
    assert run.exit_code == 4
    assert "anna" in run.error
    assert production.one("select count(*) from public.user_profiles") == 0


def ago(**how_long: float) -> str:
    """A moment as GitHub writes it."""
    return (datetime.now(UTC) - timedelta(**how_long)).strftime("%Y-%m-%dT%H:%M:%SZ")


#: Runs of somebody else that did not make the plan, and what is said of them.
UNRELATED: dict[str, tuple[dict[str, Any], str]] = {
    "older than a user of the plan": (
        {"run_started_at": ago(hours=3), "updated_at": ago(hours=2)},
        "it ended before the last sign-up that the plan holds",
    ),
    "of last week": (
        {"run_started_at": ago(days=7), "updated_at": ago(minutes=0)},
        "it began more than 24 hours before this run",
    ),
    "of later": (
        {"run_started_at": ago(hours=-3), "updated_at": ago(hours=-4)},
        "it began after this run",
    ),
    "of another workflow": (
        {"path": ".github/workflows/ci.yml"},
        "it is a run of .github/workflows/ci.yml, and this one of .github/",
    ),
}


@pytest.mark.parametrize("unrelated", UNRELATED)
def test_any_run_of_somebody_else_is_not_enough(
    unrelated: str, production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anna makes the plan herself, and gives a run of Ben's: exit 4, named, nothing is written."""
    fields, words = UNRELATED[unrelated]
    github.add_run(PLAN, actor="ben", **fields)
    github.add_run(APPLY, actor="anna")
    run = approved(production, monkeypatch)
    assert run.exit_code == 4
    assert words in run.error
    assert f"acme/app/actions/runs/{PLAN}" in run.error
    assert "whose dry run printed this digest" in " ".join(run.next_steps)
    assert production.one("select count(*) from public.user_profiles") == 0


def test_a_gate_is_for_the_users_of_its_plans(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest of a gate holds those of its plans: a run that ended before a sign-up is none."""
    monkeypatch.setenv("USERSYNC_PLAN_RUN_ID", str(PLAN))
    dry = ran(production, mode="dry-run")
    assert dry.runbook is not None
    github.add_run(APPLY, actor="anna")
    github.add_run(PLAN, actor="ben", run_started_at=ago(hours=3), updated_at=ago(hours=2))
    run = ran(production, approve=dry.runbook.digest)
    assert run.exit_code == 4
    assert "it ended before the last sign-up that the plan holds" in run.error
    github.add_run(PLAN, actor="ben")
    assert ran(production, approve=dry.runbook.digest).exit_code in (0, 2)
    assert production.one("select count(*) from public.user_profiles") == 2


@pytest.mark.parametrize(
    "fields",
    [
        # The plan waited for its second person, and its users had signed up before.
        {"run_started_at": ago(hours=20), "updated_at": ago(hours=20)},
        # The job of the plan has ended, others of its run have not.
        {"run_started_at": ago(hours=3), "updated_at": ago(hours=3), "status": "waiting"},
        # A reusable workflow is told with its branch.
        {"path": ".github/workflows/usersync-runbook.yml@main"},
    ],
)
def test_the_run_of_the_plan_passes(
    fields: dict[str, Any], production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that can have made the plan is enough; a sign-up that is dated ahead says nothing."""
    if fields.get("status") is None:
        production.rows("update auth.users set created_at = now() - interval '30 hours'")
        production.users(1, created_at=datetime.now(UTC) + timedelta(days=2))
    github.add_run(PLAN, actor="ben", **fields)
    github.add_run(APPLY, actor="anna")
    run = approved(production, monkeypatch)
    assert (run.exit_code, run.error) == (0, "")


@pytest.mark.parametrize("lacks", ["path", "run_started_at", "updated_at"])
@pytest.mark.parametrize("value", [None, "", 7, "2026-11-25T14:36:55"])
def test_github_does_not_say_which_run_it_is(
    lacks: str, value: Any, production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its workflow or its time no run stands behind a plan: nothing is written."""
    github.add_run(PLAN, actor="ben", **{lacks: value})
    github.add_run(APPLY, actor="anna")
    run = approved(production, monkeypatch)
    assert run.exit_code == (4 if lacks == "path" and value and value != 7 else 1)
    assert production.one("select count(*) from public.user_profiles") == 0


def test_an_environment_is_a_second_person(
    production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plan and apply are jobs of one run: whoever approved its environment must be another one."""
    github.add_run(APPLY, actor="anna", approved_by=("anna",))
    assert approved(production, monkeypatch, APPLY).exit_code == 4
    github.add_run(APPLY, actor="anna", approved_by=("anna", "ben"))
    assert approved(production, monkeypatch, APPLY).exit_code == 0


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
    assert approved(production, monkeypatch, plan_run).exit_code == code
    assert production.one("select count(*) from public.user_profiles") == 0


FAULTS: dict[str, dict[str, Any]] = {
    "401": {"status": 401},
    "403": {"status": 403},
    "422": {"status": 422},
    "429": {"status": 429, "headers": {"retry-after": "3600"}},
    "500": {"status": 500},
    "a web page": {"status": 200, "html": True},
    "no answer": {"status": None},
}


@pytest.mark.parametrize("of", ["runs/41$", "runs/42$"], ids=["the plan's", "this one's"])
def test_github_does_not_say(
    of: str, production: App, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever GitHub answers in the place of who it was: exit 1, and nothing is written."""
    monkeypatch.setattr("usersync.github.client._BUDGET_S", 0.0)  # asked once
    github.add_run(PLAN, actor="anna")
    github.add_run(APPLY, actor="ben")
    for fault in FAULTS.values():
        github.fail(path=of, **fault)
        run = approved(production, monkeypatch)
        assert (run.exit_code, "ghs_secret" in run.error) == (1, False), fault
        assert "nobody can say who" in run.error
        assert "a fork" not in str(run)
    assert production.one("select count(*) from public.user_profiles") == 0
    assert approved(production, monkeypatch).exit_code == 0


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
