"""The migration tried before it is trusted: on a scratch copy, or on the target and rolled back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from usersync import scratch
from usersync.errors import Refused, Stopped, UsersyncError
from usersync.migration import ground
from usersync.migration.apply import ApplyOptions, Planned, idle, plan
from usersync.migration.execution import refusals, run_all
from usersync.migration.rollback import RollbackOptions
from usersync.migration.rollback import carry_out as take_out
from usersync.migration.rollback import plan as plan_rollback
from usersync.model import Outcome, Step, worst
from usersync.session import Session


@dataclass(frozen=True, slots=True)
class _Copy:
    """A scratch copy: a session on it, and what could not be copied."""

    session: Session
    left_out: tuple[str, ...]
    folder: Path


def rehearse(session: Session, options: ApplyOptions) -> Outcome:
    """Apply and try everything on a scratch copy with the target's own definitions.

    Args:
        session: the run's surroundings.
        options: what was asked for.

    Returns:
        Its steps; exit code 1 when something could not be copied, so that it proves less.
    """
    # What would be refused is refused as on the target, before anything is copied.
    planned = plan(session, options)
    if not (planned.todo or planned.ground.changes):
        return idle(session, planned)
    with _copied(session) as copy:
        planned = plan(copy.session, options)
        steps, error = _apply(copy, planned)
    return _verdict(session, copy, steps, error)


def prove(session: Session) -> Outcome:
    """Apply and take out again on a scratch copy, and name every difference that is left.

    Args:
        session: the run's surroundings.
    """
    found = ground.look(session, create_table=True)
    why = ground.unasked(found, session.target.settings)
    if why:
        return Outcome(changes=found.states, notes=(f"Nothing to prove: {why}.",))
    options = ApplyOptions(create_table=True)
    with _copied(session) as copy:
        catalog = copy.session.backend.catalog
        before = catalog.fingerprint()
        steps, error = _apply(copy, plan(copy.session, options))
        if error is None:
            outcome = take_out(
                copy.session,
                plan_rollback(copy.session, RollbackOptions(drop_data=True)),
                copy.folder,
            )
            steps = (*steps, *map(_without_file, outcome.steps))
            if outcome.error:
                error = Stopped(outcome.error, "\n".join(outcome.next_steps))
        left = catalog.difference(before)
        steps = (*steps, *(Step("left behind", "finding", line) for line in left))
        if not left and not error:
            steps = (*steps, Step("rollback", "ok", "schema and rows are as they were before"))
    outcome = _verdict(session, copy, steps, error)
    return replace(outcome, exit_code=worst([outcome.exit_code, 2 if left else 0]))


def rehearse_on_target(session: Session, options: ApplyOptions) -> Outcome:
    """Run every pending change and the canary on the target in one transaction, and roll it back.

    It holds the lock on ``auth.users`` until the canary is through, and is subject to the same
    limits as an apply.

    Args:
        session: the run's surroundings.
        options: what was asked for.
    """
    with session.backend.exclusively("migration.apply --rehearse", options.wait_s):
        planned = plan(session, options)
        if not (planned.todo or planned.ground.changes):
            return idle(session, planned)
        waited, steps = session.backend.catalog.rehearse(
            planned.todo,
            refuse=refusals(session, planned.todo, planned.ground.survey),
            tables=session.target.profiles,
        )
    failed, unknown = _fails(steps), _cannot_tell(steps)
    changes = tuple(
        Step(change.name, "ok", "applied and rolled back") for change, _ in planned.todo
    )
    return Outcome(
        steps=(*changes, *steps),
        notes=(
            (
                "Rolled back: nothing was kept. Sign-ins were held up for"
                f" {waited.blocked_s + waited.held_s:.1f} s."
            ),
        ),
        next_steps=_next(session, options, failed=failed),
        exit_code=2 if failed else 1 if unknown else 0,
    )


@contextmanager
def _copied(session: Session) -> Iterator[_Copy]:
    from usersync.backends.postgres import PostgresDoor

    definitions = session.backend.catalog.definitions(session.target.profiles)
    with (
        scratch.copy(definitions, session.target) as made,
        TemporaryDirectory(prefix="usersync-") as folder,
    ):
        door = PostgresDoor(made.target)
        try:
            inner = replace(
                session,
                target=made.target,
                backend=door,
                journal=session.journal.elsewhere(door, Path(folder) / "journal.jsonl"),
                ask=None,
            )
            yield _Copy(inner, made.left_out, Path(folder))
        finally:
            door.close()


def _apply(copy: _Copy, planned: Planned) -> tuple[tuple[Step, ...], UsersyncError | None]:
    """Apply, and sign up on the copy as the Auth server does."""
    if planned.todo:
        steps, error = run_all(
            copy.session, planned.todo, planned.ground.survey, digest=planned.digest
        )
    else:
        steps, error = (), None
    if error is None:
        steps = (*steps, *_canary(copy.session))
    return steps, error


def _canary(session: Session) -> tuple[Step, ...]:
    """Sign-ups on a copy; what would leave the copy is no more fired there than on the target."""
    try:
        return session.backend.catalog.canary(session.target.profiles, ())
    except Refused as refused:
        return (Step("canary", "unknown", f"nobody signed up: {refused.message}"),)


def _verdict(
    session: Session,
    copy: _Copy,
    steps: tuple[Step, ...],
    error: UsersyncError | None,
) -> Outcome:
    left_out = tuple(Step("not copied", "unknown", sentence) for sentence in copy.left_out)
    failed, unknown = _fails(steps), _cannot_tell((*left_out, *steps))
    codes = [error.exit_code if error else 0, 2 if failed else 0, 1 if unknown else 0]
    proven = not any(codes)
    return Outcome(
        steps=(*left_out, *steps),
        notes=(
            "Proven on a scratch copy; nothing was written to the target."
            if proven
            else "Not proven; nothing was written to the target.",
        ),
        next_steps=tuple(error.next_step.splitlines())
        if error
        else _next(session, ApplyOptions(), failed=failed),
        exit_code=worst(codes),
        error=error.message if error else "",
    )


def _without_file(step: Step) -> Step:
    """The same step, without the file that goes with the copy."""
    return replace(step, detail=re.sub(r" kept in \S+", " kept and read back", step.detail))


def _fails(steps: Sequence[Step]) -> bool:
    return any(step.status in ("failed", "finding") for step in steps)


def _cannot_tell(steps: Sequence[Step]) -> bool:
    return any(step.status == "unknown" for step in steps)


def _next(session: Session, options: ApplyOptions, *, failed: bool) -> tuple[str, ...]:
    if failed:
        return (session.command("doctor"),)
    return (session.command("migration.apply", "--dry-run", *options.words()),)
