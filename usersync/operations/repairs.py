"""Operations that correct rows which are there already, and take such corrections back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from usersync import repair, sync
from usersync.errors import Refused, UsersyncError
from usersync.model import LIST_LENGTH, Outcome, Step, TableResult, worst
from usersync.operations.registry import operation
from usersync.repair import Job, Planned, RepairOptions
from usersync.repair.engine import Carried
from usersync.session import Session

_TELLS = ("failed", "findings")


@operation("repair.emails.plan", "read", tells=_TELLS)
def plan_emails(session: Session, *, options: RepairOptions) -> Outcome:
    """Say which profiles would get the e-mail that their user signs in with; writes nothing."""
    return _planned(session, repair.jobs(session, "repair.emails", "emails"), options)


@operation("repair.emails.rehearse", "data")
def rehearse_emails(session: Session, *, options: RepairOptions) -> Outcome:
    """Correct the e-mails of profiles, and roll it back."""
    return rehearsed(session, repair.jobs(session, "repair.emails", "emails"), options)


@operation(
    "repair.emails",
    "data",
    tells=_TELLS,
    plan="repair.emails.plan",
    rehearsal="repair.emails.rehearse",
    repeatable=True,
)
def correct_emails(session: Session, *, options: RepairOptions) -> Outcome:
    """Give each profile the e-mail that its user signs in with; old ones are kept."""
    return _alone(session, repair.jobs(session, "repair.emails", "emails"), options)


@operation("repair.orphans.plan", "read", tells=_TELLS)
def plan_orphans(session: Session, *, options: RepairOptions, restore: bool = False) -> Outcome:
    """Say which profiles without a user would be parked, or put back; writes nothing."""
    return _planned(session, _orphans(session, restore=restore), options)


@operation("repair.orphans.rehearse", "data")
def rehearse_orphans(session: Session, *, options: RepairOptions, restore: bool = False) -> Outcome:
    """Park profiles without a user, or put them back, and roll it back."""
    return rehearsed(session, _orphans(session, restore=restore), options)


@operation(
    "repair.orphans",
    "data",
    tells=_TELLS,
    plan="repair.orphans.plan",
    rehearsal="repair.orphans.rehearse",
    repeatable=True,
)
def park_orphans(session: Session, *, options: RepairOptions, restore: bool = False) -> Outcome:
    """Park profiles whose user does not exist.

    Args:
        session: the run's surroundings.
        options: what was said about it.
        restore: instead, put parked ones back whose user exists and whose key is free.
    """
    return _alone(session, _orphans(session, restore=restore), options)


@operation("repair.tokens.plan", "read", tells=_TELLS)
def plan_tokens(session: Session, *, options: RepairOptions) -> Outcome:
    """Say which users would get '' where the Auth server stumbles over null; writes nothing."""
    return _planned(session, repair.jobs(session, "repair.tokens", "tokens"), options)


@operation("repair.tokens.rehearse", "data")
def rehearse_tokens(session: Session, *, options: RepairOptions) -> Outcome:
    """Give users '' in place of null, and roll it back."""
    return rehearsed(session, repair.jobs(session, "repair.tokens", "tokens"), options)


@operation(
    "repair.tokens",
    "data",
    tells=_TELLS,
    plan="repair.tokens.plan",
    rehearsal="repair.tokens.rehearse",
    repeatable=True,
)
def correct_tokens(session: Session, *, options: RepairOptions) -> Outcome:
    """Give users '' where the Auth server stumbles over null; which were null is kept."""
    return _alone(session, repair.jobs(session, "repair.tokens", "tokens"), options)


@operation("restore.plan", "read", tells=_TELLS)
def plan_restore(session: Session, *, run_id: str, options: RepairOptions) -> Outcome:
    """Say which rows of a run would get their old values back; writes nothing."""
    return _planned(session, repair.restoring(session, run_id), options)


@operation("restore.rehearse", "data")
def rehearse_restore(session: Session, *, run_id: str, options: RepairOptions) -> Outcome:
    """Put old values back, and roll it back."""
    return rehearsed(session, repair.restoring(session, run_id), options)


@operation("restore", "data", tells=_TELLS, plan="restore.plan", rehearsal="restore.rehearse")
def restore(session: Session, *, run_id: str, options: RepairOptions) -> Outcome:
    """Take back what a run changed, where the row has not changed since."""
    return _alone(session, repair.restoring(session, run_id), options)


def _orphans(session: Session, *, restore: bool) -> tuple[Job, ...]:
    if restore:
        return repair.jobs(session, "repair.orphans", "parked", "--restore")
    return repair.jobs(session, "repair.orphans", "orphans")


def _planned(session: Session, jobs: Sequence[Job], options: RepairOptions) -> Outcome:
    _one_digest(jobs, options)
    return told(session, [repair.make_plan(session, job, options) for job in jobs])


def told(session: Session, planned: Sequence[Planned]) -> Outcome:
    """Plans, one for each table, as an outcome."""
    pending = [one for one in planned if one.rows]
    several = len(planned) > 1
    steps = tuple(step for one in planned for step in _of(one, repair.would(one), several=several))
    standing = any(one.others for one in planned)
    approve = pending[0].digest if len(planned) == 1 and pending else ""
    next_steps: tuple[str, ...] = ()
    if pending:
        one = pending[0]
        flags = ["--approve", approve] if approve else []
        if any(guard.name == "max_rows" for guard in one.guards):
            flags += ["--max-rows", str(len(one.rows))]
        next_steps = (one.job.command(session, *flags),)
    removes = any(not one.job.gives_back for one in pending)
    return Outcome(
        tables=tuple(repair.planned_result(one) for one in planned),
        steps=steps[:LIST_LENGTH],
        notes=(*(repair.coming(session) if removes else ()), "Nothing was written."),
        next_steps=next_steps,
        digest=planned[0].digest if len(planned) == 1 else "",
        exit_code=2 if pending or standing else 0,
    )


def rehearsed(session: Session, jobs: Sequence[Job], options: RepairOptions) -> Outcome:
    """Plan and rehearse each job."""
    _one_digest(jobs, options)
    planned = [repair.make_plan(session, job, options) for job in jobs]
    for one in planned:
        sync.stop_at(tuple(guard for guard in one.guards if guard.name == "trigger"))
    outcome = each(planned, lambda one: repair.rehearse(session, one))
    plan = told(session, planned)
    return replace(
        outcome,
        notes=("Rolled back: nothing was kept.",),
        next_steps=plan.next_steps,
        digest=plan.digest,
        exit_code=worst([outcome.exit_code, plan.exit_code]),
    )


def _alone(session: Session, jobs: Sequence[Job], options: RepairOptions) -> Outcome:
    """Carry a repair out as the only run of its kind on the target."""
    _one_digest(jobs, options)
    with session.backend.exclusively(jobs[0].task, options.wait_s):
        planned = [repair.make_plan(session, job, options) for job in jobs]
        try:
            repair.stop_at(session, planned, options)
        except UsersyncError as error:
            return with_error(told(session, planned), error)
        outcome = each(planned, lambda one: repair.carry_out(session, one))
    return with_way_back(session, outcome)


def with_way_back(session: Session, outcome: Outcome) -> Outcome:
    """What was done, and the command that takes it back."""
    if not any(result.repair and result.repair.changed for result in outcome.tables):
        return outcome
    command = session.command("restore", session.journal.run_id, "--dry-run")
    return replace(outcome, notes=(*outcome.notes, f"to take it back: {command}"))


def each(planned: Sequence[Planned], do: Callable[[Planned], Carried]) -> Outcome:
    """Do one table after the other; an error ends it and keeps what was done."""
    results: list[TableResult] = []
    steps: list[Step] = []
    error: UsersyncError | None = None
    for one in planned:
        result, rows, error = do(one)
        results.append(result)
        steps += _of(one, rows, several=len(planned) > 1)
        if error is not None:
            break
    repairs = [result.repair for result in results if result.repair]
    left = any(one.failed or one.moved or one.blocked for one in repairs)
    return Outcome(
        tables=tuple(results),
        steps=tuple(steps),
        exit_code=worst([error.exit_code if error else 0, 2 if left else 0]),
        error=error.message if error else "",
        next_steps=tuple(error.next_step.splitlines()) if error else (),
    )


def _of(planned: Planned, steps: Sequence[Step], *, several: bool) -> tuple[Step, ...]:
    """Rows of one table, with its name where there are others."""
    if not several:
        return tuple(steps)
    return tuple(
        replace(step, detail=f"{planned.table}: {step.detail}".removesuffix(": ")) for step in steps
    )


def with_error(outcome: Outcome, error: UsersyncError) -> Outcome:
    """What was planned, and why nothing of it was done."""
    return replace(
        outcome,
        error=error.message,
        next_steps=tuple(error.next_step.splitlines()),
        exit_code=error.exit_code,
        digest="",
    )


def _one_digest(jobs: Sequence[Job], options: RepairOptions) -> None:
    if options.approve and len(jobs) > 1:
        raise Refused(
            "one digest approves the plan of one table, and there are several",
            "give each table a target of its own in usersync.yaml",
        )
