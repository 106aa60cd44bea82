"""Carrying out a check: asked for real in every mode, since it writes nothing."""

from __future__ import annotations

from usersync.errors import Unconfigured, UsersyncError
from usersync.model import Outcome
from usersync.procedure import calls, readings
from usersync.procedure.calls import Call
from usersync.procedure.surroundings import Surroundings
from usersync.procedure.told import Told, of_error
from usersync.runbook.models import Step
from usersync.session import Session


def check(run: Surroundings, call: Call) -> Told:
    """Ask, as often as the step says, and hold the answer against what the step wants.

    Args:
        run: the run.
        call: what the step calls.
    """
    step = call.step

    def attempt() -> Outcome:
        return calls.within(run.session, step.timeout, lambda session: _ask(session, call))

    def satisfied(outcome: Outcome) -> bool:
        return judged(run, step, outcome).status == "ok"

    try:
        outcome = calls.repeated(step, attempt, satisfied)
    except Unconfigured as error:
        return Told("skipped", error.message, tuple(error.next_step.splitlines()))
    except UsersyncError as error:
        return of_error(error, stops=step.require is not None, changes=False)
    return judged(run, step, outcome)


def judged(run: Surroundings, step: Step, outcome: Outcome) -> Told:
    """What an answer means for its step."""
    fields = readings.fields(outcome)
    detail, lines = readings.words(outcome), readings.lines(outcome)
    if outcome.error:
        detail = outcome.error
    if outcome.steps and all(one.status == "skipped" for one in outcome.steps):
        # Nothing of what it would look at is here: that is neither good nor bad.
        return Told("skipped", detail, lines)
    for condition, code in ((step.require, 4), (step.expect, 2)):
        if condition is not None and not run.memory.value(condition, fields):
            wanted = f"wanted: {condition}"
            return Told(
                "finding",
                f"{detail}; {wanted}" if detail else wanted,
                lines,
                exit_code=code,
                fields=fields,
                stops=code == 4,
            )
    if outcome.exit_code not in (0, 2):
        # An answer that is not whole is never read as a good one.
        stops = step.require is not None
        return Told("unknown", detail, lines, outcome.exit_code, fields, stops=stops)
    # Without a condition it only tells: what it found is not the run's to judge.
    return Told("ok", detail, lines if not (step.require or step.expect) else (), fields=fields)


def _ask(session: Session, call: Call) -> Outcome:
    if call.own is not None:
        result = calls.own_check(call.own, session.backend.catalog.ask, call.arguments)
        return calls.of_check(result)
    return calls.operation(call, session, {})
