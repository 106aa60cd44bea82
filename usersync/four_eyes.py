"""``approval: {four_eyes: true}``: who carries out a plan is somebody else than who made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from usersync.config import GitHub
from usersync.errors import CouldNotTell, Refused, Stopped
from usersync.model import Run

if TYPE_CHECKING:
    from usersync.github.client import Client
    from usersync.github.plan_notice import Job

#: How long a plan waits for its second person.
_WAITS_HOURS = 24


@dataclass(frozen=True, slots=True)
class _WorkflowRun:
    """A run of a workflow, as far as it matters who is behind a plan."""

    id: str
    page: str
    starters: set[str]
    workflow: str
    """The path of its file; empty where GitHub does not say."""
    branch: str
    """That its file came from, with the repository, which is another one for a fork; or empty."""


def made(run: Run, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The digests of the plans that a run made, of each target; none that it was given.

    Args:
        run: what happened.
        inputs: what its operation was given.
    """
    runs = run.targets or (run,)
    return tuple(one.digest for one in runs if one.digest and one.digest != _given(inputs))


def check(inputs: Mapping[str, Any], surroundings: GitHub) -> None:
    """Let an approval pass only when two people stand behind it.

    The workflow run that made the plan has said so in a notice, and GitHub tells who started it and
    who started this one. When both are one run, whoever approved its environment is the second
    person.

    Args:
        inputs: what the operation was given.
        surroundings: the workflow run around this process.

    Raises:
        Refused: one person agreed beforehand.
        Stopped: it is the same person, the run did not make this plan, or nobody can say who did.
        CouldNotTell: GitHub did not say who it was.
    """
    options = inputs.get("options")
    if getattr(options, "yes", False) or inputs.get("yes"):
        raise Refused(
            "--yes is the word of one person, and `approval.four_eyes` asks for two",
            "--approve DIGEST, in a workflow run that somebody else starts",
        )
    digest = _given(inputs)
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
            makers, others = _people_behind(api, surroundings, digest)
    except client.GitHubError as error:
        raise CouldNotTell(
            f"nobody can say who made this plan, and who carries it out: {error.message}",
            "the job needs `permissions: {actions: read, checks: read}`, and USERSYNC_PLAN_RUN_ID"
            " the number in the address of the run that made the plan; then run it again",
        ) from None
    if not makers:
        raise CouldNotTell(
            "GitHub names nobody who made the plan, and a bot is not one of two people",
            "somebody starts the dry run, and somebody else the run that carries it out",
        )
    if not others - makers:
        who = ", ".join(sorted(makers))
        raise Stopped(
            f"{who} made this plan, and nobody else has approved it",
            "somebody else approves the environment of the job that carries it out"
            if surroundings.plan_run_id == surroundings.run_id
            else "somebody else starts the run that carries it out",
        )


def _given(inputs: Mapping[str, Any]) -> str:
    """The digest of the plan that is to be carried out, if one is."""
    return (getattr(inputs.get("options"), "approve", None) or "").strip()


def _people_behind(api: Client, surroundings: GitHub, digest: str) -> tuple[set[str], set[str]]:
    """Who made the plan of a digest, and who is here to carry it out."""
    from usersync.github import plan_notice

    plan = _run(api, surroundings.plan_run_id)
    job = plan_notice.maker(api, plan.id, digest)
    is_one_run = plan.id == surroundings.run_id
    this = plan if is_one_run else _run(api, surroundings.run_id)
    _stop_if_elsewhere(plan, this)
    if job is None:
        raise _unrelated(plan, "none of its finished jobs made it")
    _stop_if_old(plan, job)
    if is_one_run and job.attempt != 1:
        # An approval tells no attempt: it may have been given before there was this plan.
        raise _unrelated(
            plan, "it was run again, and whoever approved it may not have seen this one"
        )
    # Each attempt has somebody who started it; the run itself names the first and the last.
    makers = plan.starters | _run(api, f"{plan.id}/attempts/{job.attempt}").starters
    if not is_one_run:
        return makers, this.starters
    return makers, _approvers(api, plan.id, surroundings.job_environment, makers)


def _run(api: Client, run_id: str) -> _WorkflowRun:
    found = api.one(f"/actions/runs/{run_id}")
    path, page, branch = found.get("path"), found.get("html_url"), found.get("head_branch")
    repository = found.get("head_repository")
    name = repository.get("full_name") if isinstance(repository, dict) else None
    return _WorkflowRun(
        run_id,
        page if isinstance(page, str) else "",
        # Whoever starts a run again is behind it too; a schedule names somebody who did nothing.
        set()
        if found.get("event") == "schedule"
        else _people(found.get("actor"), found.get("triggering_actor")),
        # That of a reusable workflow is `FILE@BRANCH`.
        path.partition("@")[0] if isinstance(path, str) else "",
        f"{branch} of {name}" if branch and name else "",
    )


def _stop_if_elsewhere(plan: _WorkflowRun, this: _WorkflowRun) -> None:
    """Stop where the notice of a run proves nothing: it is not of the file that this one is of.

    On a branch of his own somebody writes into that file whatever he wants a run to say.

    Args:
        plan: the run that is said to have made the plan.
        this: the run around this process.
    """
    if not (plan.workflow and plan.branch and this.workflow and this.branch):
        raise CouldNotTell(f"GitHub does not say of which workflow and branch run {plan.id} is")
    if plan.workflow != this.workflow:
        why = f"it is a run of {plan.workflow}, and this one of {this.workflow}"
    elif plan.branch != this.branch:
        why = f"it is a run on {plan.branch}, and this one on {this.branch}"
    else:
        return
    raise _unrelated(plan, why)


def _stop_if_old(plan: _WorkflowRun, job: Job) -> None:
    """Stop where the plan waited for longer than a day, be it for an approval."""
    ended_at = _moment(job.ended_at)
    if ended_at is None:
        raise CouldNotTell(f"GitHub does not say when run {plan.id} made this plan")
    if ended_at < datetime.now(UTC) - timedelta(hours=_WAITS_HOURS):
        raise _unrelated(plan, f"it made it more than {_WAITS_HOURS} hours ago")


def _unrelated(plan: _WorkflowRun, why: str) -> Stopped:
    return Stopped(
        f"run {plan.id} ({plan.page}) does not stand behind this plan: {why}",
        "USERSYNC_PLAN_RUN_ID (the input plan-run-id) is the number in the address of the run whose"
        " dry run printed this digest; if that was long ago, make a new dry run",
    )


def _approvers(api: Client, run_id: str, environment: str, makers: set[str]) -> set[str]:
    """Who approved the environment of this job; nobody where a maker of the plan did so too.

    The jobs that plan and apply may share it: then one of the approvals was given before the plan,
    and GitHub does not say which.
    """
    if not environment:
        raise Stopped(
            "nobody can say whose approval this job waited for",
            "USERSYNC_JOB_ENVIRONMENT is the name under `environment:` of the job",
        )
    found: set[str] = set()
    for approval in api.pages(f"/actions/runs/{run_id}/approvals"):
        listed = approval.get("environments")
        names = [one.get("name") for one in listed if isinstance(one, dict)] if listed else []
        if approval.get("state") == "approved" and environment in names:
            found |= _people(approval.get("user"))
    return found if found.isdisjoint(makers) else set()


def _people(*accounts: Any) -> set[str]:
    """Logins as GitHub compares them, where capitals say nothing; a bot does what somebody said."""
    found = [one for one in accounts if isinstance(one, dict) and one.get("type") != "Bot"]
    logins = (one.get("login") for one in found)
    return {login.lower() for login in logins if isinstance(login, str) and login}


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
