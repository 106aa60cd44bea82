"""``approval: {four_eyes: true}``: who carries out a plan is somebody else than who made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from usersync.config import GitHub
from usersync.digest import newest_sign_up
from usersync.errors import CouldNotTell, Refused, Stopped

if TYPE_CHECKING:
    from usersync.github.client import Client

#: How long a plan waits for its second person.
_WAITS_HOURS = 24
#: GitHub's clock and that of the database are two.
_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of a workflow, as far as it matters who is behind a plan."""

    id: str
    page: str
    starters: set[str]
    workflow: str
    """The path of its file; empty where GitHub does not say."""
    started_at: datetime | None
    """Of its latest attempt, as ``ended_at``."""
    ended_at: datetime | None
    is_over: bool


def check(inputs: Mapping[str, Any], surroundings: GitHub) -> None:
    """Let an approval pass only when two people stand behind it.

    GitHub tells who started the workflow run that made the plan, and who started this one; the
    former must be one that can have made it. When both are one run, whoever approved its
    environment is the second person.

    Args:
        inputs: what the operation was given.
        surroundings: the workflow run around this process.

    Raises:
        Refused: one person agreed beforehand.
        Stopped: it is the same person, the run is none that made this plan, or nobody can say who
            made it.
        CouldNotTell: GitHub did not say who it was.
    """
    options = inputs.get("options")
    if getattr(options, "yes", False) or inputs.get("yes"):
        raise Refused(
            "--yes is the word of one person, and `approval.four_eyes` asks for two",
            "--approve DIGEST, in a workflow run that somebody else starts",
        )
    digest = getattr(options, "approve", None)
    if not digest:
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
            plan = _run(api, surroundings.plan_run_id)
            if surroundings.plan_run_id == surroundings.run_id:
                second = _approvers(api, surroundings.run_id)
            else:
                this = _run(api, surroundings.run_id)
                _stop_if_unrelated(plan, this, newest_sign_up(digest))
                second = this.starters
    except client.GitHubError as error:
        raise CouldNotTell(
            f"nobody can say who made this plan, and who carries it out: {error.message}",
            "the job needs `permissions: {actions: read}`, and USERSYNC_PLAN_RUN_ID the number"
            " in the address of the run that made the plan; then run it again",
        ) from None
    if not plan.starters:
        raise CouldNotTell("GitHub does not say who made the plan")
    if not second - plan.starters:
        who = ", ".join(sorted(plan.starters))
        raise Stopped(
            f"{who} made this plan, and nobody else has approved it",
            "somebody else starts the run that carries it out, or approves its environment",
        )


def _run(api: Client, run_id: str) -> _Run:
    found = api.one(f"/actions/runs/{run_id}")
    path, page = found.get("path"), found.get("html_url")
    return _Run(
        run_id,
        page if isinstance(page, str) else "",
        # Whoever starts a run again is behind it too.
        _logins(found.get("actor"), found.get("triggering_actor")),
        # That of a reusable workflow is `FILE@BRANCH`.
        path.partition("@")[0] if isinstance(path, str) else "",
        _moment(found.get("run_started_at")),
        _moment(found.get("updated_at")),
        is_over=found.get("status") == "completed",
    )


def _stop_if_unrelated(plan: _Run, this: _Run, newest: datetime | None) -> None:
    """Stop where a run cannot have made the plan that is carried out by this one.

    Args:
        plan: the run that is said to have made it.
        this: the run around this process.
        newest: the last sign-up that the plan holds.
    """
    ended_at = plan.ended_at if plan.is_over else this.started_at
    if not (plan.workflow and this.workflow and plan.started_at and this.started_at and ended_at):
        raise CouldNotTell(
            f"GitHub does not say of which workflow run {plan.id} is, and when it ran"
        )
    if plan.workflow != this.workflow:
        why = f"it is a run of {plan.workflow}, and this one of {this.workflow}"
    elif plan.started_at > this.started_at + _MARGIN:
        why = "it began after this run"
    elif plan.started_at < this.started_at - timedelta(hours=_WAITS_HOURS):
        why = f"it began more than {_WAITS_HOURS} hours before this run"
    # A sign-up that is dated ahead of this run says nothing about when the plan was made.
    elif newest and ended_at + _MARGIN < newest <= this.started_at + _MARGIN:
        why = "it ended before the last sign-up that the plan holds"
    else:
        return
    raise Stopped(
        f"run {plan.id} ({plan.page}) does not stand behind this plan: {why}",
        "USERSYNC_PLAN_RUN_ID (the input plan-run-id) is the number in the address of the run whose"
        " dry run printed this digest; if that was long ago, make a new dry run",
    )


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


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
