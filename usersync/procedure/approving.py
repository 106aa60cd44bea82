"""Whether a gate opens: by the digest of what is behind it, or by a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from usersync.errors import Stopped, UsersyncError
from usersync.model import Outcome
from usersync.model import Step as Line
from usersync.procedure import gates, plans
from usersync.procedure.plans import StepPlan
from usersync.procedure.surroundings import Surroundings
from usersync.procedure.told import Told
from usersync.runbook.expressions import NotKnown
from usersync.runbook.models import Step
from usersync.session import NOBODY_TO_ASK


@dataclass(frozen=True, slots=True)
class Opening:
    """What came of a gate.

    Args:
        told: the step.
        is_open: whether what is behind it may be done.
        plans: of the changes behind it.
        digest: what opens it.
    """

    told: Told
    is_open: bool
    plans: tuple[StepPlan, ...] = ()
    digest: str = ""


def behind(run: Surroundings, gate: Step) -> list[Step]:
    """The changes that a gate opens: those before the next gate."""
    steps = run.loaded.runbook.steps
    found: list[Step] = []
    for step in steps[steps.index(gate) + 1 :]:
        if step.verb == "gate":
            break
        if step.verb == "change":
            found.append(step)
    return found


def look(run: Surroundings, gate: Step, approved: str = "") -> tuple[StepPlan, ...]:
    """What the changes behind a gate would do now.

    Args:
        run: the run.
        gate: the step.
        approved: the digest that was given for it, if one was.
    """
    exact = list(gates.exact_digests(approved)) if approved else []
    found = []
    for step in behind(run, gate):
        plan = _plan(run, step, exact[0] if exact else "")
        if plan is not None:
            found.append(plan)
            if plan.exact and exact:
                exact.pop(0)
    return tuple(found)


def _plan(run: Surroundings, step: Step, approved: str) -> StepPlan | None:
    """What one change would do; None when its ``when`` does not hold."""
    try:
        if step.when is not None and not run.memory.value(step.when):
            return None
        call = run.call(step)
    except NotKnown as error:
        words = f"{step.does}, once `{error.step}` has told"
        return StepPlan(step.id, None, f"after-{error.step}", words)
    return plans.make(call, run.session, dict(run.actions), approved)


def digest_of(run: Surroundings, gate: Step, found: Sequence[StepPlan]) -> str:
    """What opens a gate to exactly these plans."""
    return gates.digest(run.session, run.loaded, gate.id, run.memory.inputs, found)


def open_gate(run: Surroundings, gate: Step) -> Opening:
    """Open a gate, pass it when there is nothing to approve, or stop there.

    Args:
        run: the run.
        gate: the step.
    """
    options = run.options
    known = [step.id for step in run.loaded.runbook.steps if step.verb == "gate"]
    given = options.approve or ""
    is_for_this = bool(given) and gates.gate_of(given, known) == gate.id
    found = look(run, gate, given if is_for_this else "")
    question = str(run.memory.filled(gate.gate))
    if found and all(plan.todo is False for plan in found):
        told = Told("skipped", f"nothing is left to do behind it ({question})")
        return Opening(told, is_open=False, plans=found)
    digest = digest_of(run, gate, found)
    again = run.command("--dry-run")
    try:
        if is_for_this:
            gates.stop_if_stale(run.session, given, digest, found, again)
            return Opening(
                Told("ok", f"approved: {question}"),
                is_open=True,
                plans=found,
                digest=given.strip(),
            )
        _stop_if_impossible(found)
        if _may_say_yes(run, gate, found):
            told = Told("ok", f"answered beforehand: {question}")
            return Opening(told, is_open=True, plans=found, digest=digest)
        if run.session.ask is not None and not given:
            return _asked(run, gate, question, found, digest)
    except UsersyncError as error:
        next_steps = tuple(error.next_step.splitlines())
        told = Told(
            "not-reached", error.message, exit_code=error.exit_code, stops=True,
            next_steps=next_steps,
        )  # fmt: skip
        return Opening(told, is_open=False, plans=found)
    command = run.command("--approve", digest)
    lines = (*_lines(found), *_promise(run))
    told = Told(
        "not-reached", f"{question} Nobody has approved it.", lines, 4, stops=True,
        next_steps=(f"to approve exactly this, once: {command}",),
    )  # fmt: skip
    return Opening(told, is_open=False, plans=found, digest=digest)


def _stop_if_impossible(found: Sequence[StepPlan]) -> None:
    """Ask nobody to approve what would not be done.

    Raises:
        UsersyncError: a plan could not be made.
        Stopped: a guard stands before one.
    """
    for plan in found:
        if plan.error is not None:
            raise plan.error
        tables = plan.outcome.tables if plan.outcome else ()
        guards = [guard for table in tables if table.plan for guard in table.plan.guards]
        if guards:
            raise Stopped(
                "\n".join(guard.message for guard in guards),
                "\n".join(dict.fromkeys(f"to allow it: {guard.next_step}" for guard in guards)),
            )


def _may_say_yes(run: Surroundings, gate: Step, found: Sequence[StepPlan]) -> bool:
    """Whether ``--yes-to`` answers for this gate.

    Raises:
        Stopped: it was given where it does not hold.
    """
    if gate.id not in run.options.yes_to:
        return False
    if run.session.ask is None:
        raise Stopped(
            f"--yes-to {gate.id} answers a question at a terminal, and {NOBODY_TO_ASK}",
            f"run it without, and approve with the digest: {run.command()}",
        )
    heavy = [
        plan.step
        for plan in found
        if (action := run.actions.get(run.step(plan.step).does)) and action.effect != "data"
    ]
    if heavy and run.session.target.is_production:
        raise Stopped(
            f"--yes-to does not open {gate.id} in production: {', '.join(heavy)} changes more than"
            " rows",
            f"read what it asks, and answer there: {run.command()}",
        )
    return True


def _asked(
    run: Surroundings, gate: Step, question: str, found: Sequence[StepPlan], digest: str
) -> Opening:
    assert run.session.ask is not None
    shown = Outcome(
        steps=tuple(
            Line(plan.step, "would-change", plan.words, next_step="\n".join(plan.lines))
            for plan in found
            if plan.todo is not False
        )
    )
    if run.session.ask(f"{gate.id}: {question}", shown):
        told = Told("ok", f"approved here: {question}")
        return Opening(told, is_open=True, plans=tuple(found), digest=digest)
    told = Told("not-reached", f"{question} The answer was no.", exit_code=4, stops=True)
    return Opening(told, is_open=False, plans=tuple(found))


def _lines(found: Sequence[StepPlan]) -> tuple[str, ...]:
    lines: list[str] = []
    for plan in found:
        if plan.todo is not False:
            lines += [f"{plan.step}: {plan.words}", *(f"  {line}" for line in plan.lines)]
    return tuple(lines)


def _promise(run: Surroundings) -> tuple[str, ...]:
    if run.session.backend.keeps_journal:
        return ()
    return (
        (
            "The target has no journal: that a digest opens a gate once is known to"
            f" {run.session.journal.place} alone."
        ),
    )
