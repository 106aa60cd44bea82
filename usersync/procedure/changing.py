"""Carrying out a change in each of the three modes: done, rehearsed, or only planned."""

from __future__ import annotations

from collections.abc import Callable

from usersync.backends.catalog import Ask
from usersync.errors import Refused, Stopped, UsersyncError
from usersync.model import Outcome
from usersync.procedure import calls, checking, plans, readings
from usersync.procedure.calls import Call
from usersync.procedure.plans import StepPlan
from usersync.procedure.surroundings import Surroundings
from usersync.procedure.told import Told, of_error
from usersync.runbook.expressions import parse
from usersync.session import NOBODY_TO_ASK, Session

Change = Callable[[Surroundings, Call, StepPlan | None, bool], Told]


def done(run: Surroundings, call: Call, plan: StepPlan | None, agreed: bool) -> Told:
    """Do it, hold it against ``verify`` and ``expect``, and say what it came to.

    Args:
        run: the run.
        call: what the step calls.
        plan: what was approved at its gate; None without a gate.
        agreed: whether its gate was opened.
    """
    step = call.step
    try:
        if call.own is not None:
            return _own(run, call, keep=True, agreed=agreed)
        agreement: dict[str, object] = {"yes": True} if agreed else {}
        if plan is not None and plan.exact and plan.todo:
            # Exactly what was shown at the gate: who came later does not join.
            agreement["approve"] = plan.digest
        outcome = calls.within(
            run.session,
            step.timeout,
            lambda session: calls.repeated(
                step,
                lambda: calls.operation(call, session, agreement),
                lambda outcome: outcome.exit_code in (0, 2),
            ),
        )
    except UsersyncError as error:
        return of_error(error, stops=True, changes=True)
    told = _of(outcome)
    return told if told.stops else _verified(run, call, told)


def rehearsed(run: Surroundings, call: Call, _plan: StepPlan | None, _agreed: bool) -> Told:
    """Do it and roll it back, where that tells the truth; ``unknown`` where it cannot."""
    action = call.action
    try:
        if call.own is not None:
            told = _own(run, call, keep=False, agreed=True)
            return _would(told) if told.status in ("changed", "ok") else told
        assert action is not None
        if action.effect == "external":
            return Told("unknown", f"{action.name} works outside of the database")
        rehearsal = run.actions.get(action.operation.rehearsal)
        if rehearsal is None:
            return Told("unknown", f"{action.name} has no rehearsal; --dry-run tells its plan")
        given = {name: one for name, one in call.arguments.items() if name in rehearsal.parameters}
        outcome = calls.within(
            run.session,
            call.step.timeout,
            lambda session: calls.named(rehearsal, session, given, {}),
        )
    except UsersyncError as error:
        return of_error(error, stops=True, changes=True)
    if plans.leaves_nothing(action):
        return _verified(run, call, _of(outcome))
    return _would(_of(outcome))


def planned(run: Surroundings, call: Call, plan: StepPlan | None, _agreed: bool) -> Told:
    """Say what it would do; writes nothing."""
    if plans.leaves_nothing(call.action):
        return Told("unknown", "a dry run writes nothing, not even this; --rehearse does it")
    plan = plan or plans.make(call, run.session, dict(run.actions))
    if plan.error is not None:
        return of_error(plan.error, stops=False, changes=True)
    if plan.todo is False:
        return Told("ok", f"nothing to do: {plan.words}", plan.lines)
    return Told("would-change", plan.words, plan.lines, exit_code=2)


def _own(run: Surroundings, call: Call, *, keep: bool, agreed: bool) -> Told:
    step = call.step
    limit = run.memory.filled(step.max_rows)
    if keep and run.session.target.is_production and not agreed:
        _ask_somebody(run, call, limit)

    def verify(ask: Ask) -> bool:
        return _holds(run, step.verify or "True", {}, lambda named: _asked(run, named, ask))

    def work(session: Session) -> Outcome:
        rows.append(calls.own_change(call, session, max_rows=int(limit), verify=verify, keep=keep))
        return Outcome()

    rows: list[int] = []
    calls.within(run.session, step.timeout, work)
    text = f"{rows[0]:,} row{'' if rows[0] == 1 else 's'} written"
    fields = {"ok": True, "changed": rows[0] > 0, "rows": rows[0]}
    return Told("changed" if rows[0] else "ok", text, fields=fields)


def _ask_somebody(run: Surroundings, call: Call, limit: int) -> None:
    """Nobody's own SQL changes production without somebody who says so."""
    session = run.session
    line = session.backend.line
    if session.ask is None:
        raise Refused(
            f"{line.name} is production: somebody must approve {call.step.does}, and"
            f" {NOBODY_TO_ASK}",
            "put a `gate:` before this step; it takes --approve",
        )
    if not session.ask(
        f"{line.name} is production ({line.host}). Run {call.step.does}, at most {limit:,} rows?",
        Outcome(),
    ):
        raise Stopped("not confirmed; this step and what is behind it were not done")


def _of(outcome: Outcome) -> Told:
    """What the outcome of an operation means for its step."""
    fields = readings.fields(outcome)
    detail, lines = readings.words(outcome), readings.lines(outcome)
    if outcome.error or outcome.exit_code not in (0, 2):
        error = UsersyncError(outcome.error or detail, "\n".join(outcome.next_steps))
        error.exit_code = outcome.exit_code
        told = of_error(error, stops=True, changes=True)
        return Told(
            told.status,
            told.detail,
            tuple(dict.fromkeys((*lines, *told.lines))),
            exit_code=told.exit_code,
            fields=fields,
            stops=True,
        )
    if outcome.exit_code == 2:
        return Told("finding", detail, lines, 2, fields, next_steps=outcome.next_steps)
    return Told("changed" if fields["changed"] else "ok", detail, lines, fields=fields)


def _would(told: Told) -> Told:
    """What was rolled back as what would be done."""
    if told.stops:
        return told
    is_todo = told.exit_code == 2 or told.status == "changed"
    text = f"rolled back: {told.detail}" if told.detail else "nothing to do"
    if not is_todo:
        return Told("ok", text, told.lines)
    # The figures of a rehearsal are exact, but nothing of them is there for the steps behind it.
    return Told("would-change", text, told.lines, exit_code=2)


def _verified(run: Surroundings, call: Call, told: Told) -> Told:
    """Hold what was done against ``verify``, its checks asked again, and against ``expect``."""
    step = call.step
    fields = told.fields or {}
    if step.verify is not None and not _holds(
        run, step.verify, fields, lambda named: _checked(run, named)
    ):
        return Told(
            "failed",
            f"{told.detail}; it does not verify: {step.verify}",
            (*told.lines, "what it did is committed and stays"),
            exit_code=6 if told.status == "changed" else 5,
            fields=fields,
            stops=True,
        )
    if step.expect is not None and not run.memory.value(step.expect, fields):
        wanted = f"{told.detail}; wanted: {step.expect}"
        return Told("finding", wanted, told.lines, 2, fields, next_steps=told.next_steps)
    return told


def _holds(
    run: Surroundings, condition: str, own: object, ask_again: Callable[[str], Told]
) -> bool:
    """Whether a condition holds once the checks that it names were asked again."""
    named = {one.step for one in parse(condition).references if one.step}
    for name in named:
        run.memory.keep(name, ask_again(name))
    return bool(run.memory.value(condition, own if isinstance(own, dict) else {}))


def _checked(run: Surroundings, name: str) -> Told:
    return checking.check(run, run.call(run.step(name)))


def _asked(run: Surroundings, name: str, ask: Ask) -> Told:
    call = run.call(run.step(name))
    assert call.own is not None
    outcome = calls.of_check(calls.own_check(call.own, ask, call.arguments))
    return checking.judged(run, call.step, outcome)
