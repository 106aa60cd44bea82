"""``approval: {four_eyes: true}``: who carries out a plan is somebody else than who made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from usersync.config import GitHub
from usersync.errors import CouldNotTell, Refused, Stopped

if TYPE_CHECKING:
    from usersync.github.client import Client


def check(inputs: Mapping[str, Any], surroundings: GitHub) -> None:
    """Let an approval pass only when two people stand behind it.

    GitHub tells who started the workflow run that made the plan, and who started this one. When
    both are one run, whoever approved its environment is the second person.

    Args:
        inputs: what the operation was given.
        surroundings: the workflow run around this process.

    Raises:
        Refused: one person agreed beforehand.
        Stopped: it is the same person, or nobody can say who made the plan.
        CouldNotTell: GitHub did not say who it was.
    """
    options = inputs.get("options")
    if getattr(options, "yes", False) or inputs.get("yes"):
        raise Refused(
            "--yes is the word of one person, and `approval.four_eyes` asks for two",
            "--approve DIGEST, in a workflow run that somebody else starts",
        )
    if not getattr(options, "approve", None):
        return
    if not surroundings.is_actions or not surroundings.plan_run_id:
        raise Stopped(
            "nobody can say who made this plan, and `approval.four_eyes` asks for two people",
            "in GitHub Actions: USERSYNC_PLAN_RUN_ID is the run whose dry run made the plan",
        )
    if not surroundings.plan_run_id.isdigit():
        raise Refused("USERSYNC_PLAN_RUN_ID is no number of a workflow run")
    from usersync.github import client

    try:
        with client.opened(surroundings) as api:
            makers = _starters(api, surroundings.plan_run_id)
            if surroundings.plan_run_id == surroundings.run_id:
                second = _approvers(api, surroundings.run_id)
            else:
                second = _starters(api, surroundings.run_id)
    except client.GitHubError as error:
        raise CouldNotTell(
            f"nobody can say who made this plan, and who carries it out: {error.message}",
            "the job needs `permissions: {actions: read}`, and USERSYNC_PLAN_RUN_ID the number"
            " in the address of the run that made the plan; then run it again",
        ) from None
    if not makers:
        raise CouldNotTell("GitHub does not say who made the plan")
    if not second - makers:
        who = ", ".join(sorted(makers))
        raise Stopped(
            f"{who} made this plan, and nobody else has approved it",
            "somebody else starts the run that carries it out, or approves its environment",
        )


def _starters(api: Client, run_id: str) -> set[str]:
    """Who started a run, or started it again."""
    run = api.one(f"/actions/runs/{run_id}")
    return _logins(run.get("actor"), run.get("triggering_actor"))


def _approvers(api: Client, run_id: str) -> set[str]:
    return {
        login
        for approval in api.pages(f"/actions/runs/{run_id}/approvals")
        if approval.get("state") == "approved"
        for login in _logins(approval.get("user"))
    }


def _logins(*people: Any) -> set[str]:
    """Logins as GitHub compares them: capitals say nothing."""
    found = (one.get("login") for one in people if isinstance(one, dict))
    return {login.lower() for login in found if isinstance(login, str) and login}
