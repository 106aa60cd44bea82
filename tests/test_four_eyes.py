"""`approval.four_eyes`: who carries out a plan of production is somebody else than its maker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.app import App
from tests.github_api import GitHub
from usersync.model import Run

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
