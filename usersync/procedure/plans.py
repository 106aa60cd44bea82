"""What the changes of a runbook would do: asked at a gate, and by a dry run. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from usersync.digest import fingerprint
from usersync.errors import UsersyncError
from usersync.model import Outcome
from usersync.procedure import calls, readings
from usersync.procedure.calls import Call
from usersync.runbook import Action
from usersync.session import Session


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What one change would do.

    Args:
        step: its id.
        todo: whether it would do anything; None when only doing it would tell.
        digest: stands for exactly this.
        words: in one line.
        lines: more of them.
        outcome: what its plan answered, to be shown.
        error: why it could not be planned.
        exact: whether the change takes the digest and does exactly this.
    """

    step: str
    todo: bool | None
    digest: str
    words: str
    lines: tuple[str, ...] = ()
    outcome: Outcome | None = None
    error: UsersyncError | None = None
    exact: bool = False


def leaves_nothing(action: Action | None) -> bool:
    """Whether a change rolls itself back, as a canary does: there is nothing to approve."""
    return action is not None and action.operation.rehearsal == action.name


def make(call: Call, session: Session, known: dict[str, Action], approved: str = "") -> StepPlan:
    """Ask a change what it would do.

    Args:
        call: what the step calls.
        session: the run's surroundings.
        known: every operation.
        approved: the digest of the plan that was approved, to be held against what is now.
    """
    step, action = call.step, call.action
    said = ", ".join(f"{name}={value}" for name, value in call.arguments.items())
    what = f"{step.does}{f' ({said})' if said else ''}"
    planner = known.get(action.operation.plan) if action else None
    if planner is None:
        if leaves_nothing(action):
            words = f"{what}: rolled back at once"
            return StepPlan(step.id, todo=False, digest="", words=words)
        own = call.own.digest if call.own else ""
        digest = fingerprint(step.does, own, sorted(call.arguments.items()), length=8)
        return StepPlan(step.id, None, digest, f"would do {what}")
    assert action is not None
    agreement = {"approve": approved} if approved else {}
    given = {name: one for name, one in call.arguments.items() if name in planner.parameters}
    try:
        outcome = calls.named(planner, session, given, agreement)
    except UsersyncError as error:
        return StepPlan(step.id, None, "", f"{what}: {error.message}", error=error)
    if outcome.error:
        failed = UsersyncError(outcome.error, "\n".join(outcome.next_steps))
        failed.exit_code = outcome.exit_code
        return StepPlan(step.id, None, "", outcome.error, outcome=outcome, error=failed)
    return StepPlan(
        step.id,
        outcome.exit_code == 2,
        outcome.digest or fingerprint(readings.words(outcome), length=8),
        readings.words(outcome) or what,
        readings.lines(outcome),
        outcome,
        # One that was begun already, in a run that was cut off, is done by what it is now.
        exact=bool(outcome.digest)
        and "approve" in action.agreement
        and session.journal.digest_used(outcome.digest) is None,
    )
