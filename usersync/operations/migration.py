"""Operations on the schema: install, verify, prove, take out, pause; and the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from usersync import adoption, auth_canary, first_look, kill_switch, migration, person, sync
from usersync import doctor as diagnosis
from usersync.errors import Refused
from usersync.migration import ApplyOptions, ExportOptions, RollbackOptions
from usersync.model import Outcome, worst
from usersync.operations.profiles import run_sync
from usersync.operations.registry import operation
from usersync.session import Session


@operation("migration.plan", "read", tells=("pending",))
def plan_migration(session: Session, *, options: ApplyOptions, statements: bool = False) -> Outcome:
    """Say what apply would do, with the digest that approves it; writes nothing.

    Args:
        session: the run's surroundings.
        options: what was asked for.
        statements: the SQL and nothing else.
    """
    try:
        planned = migration.plan(session, options)
    except migration.Edited as edited:
        return _left_alone(edited)
    if statements:
        return Outcome(statements=planned.statements, exit_code=2 if planned.todo else 0)
    paused = session.backend.catalog.paused(session.target.profiles)
    if not planned.todo:
        return replace(migration.idle(session, planned), paused=paused)
    approve = ("--approve", planned.digest, *options.words())
    return Outcome(
        changes=planned.ground.states,
        paused=paused,
        notes=(*planned.notes, f"Digest: {planned.digest}", "Nothing was written."),
        next_steps=(
            session.command("migration.apply", "--rehearse", *options.words()),
            session.command("migration.apply", *approve),
        ),
        exit_code=2,
        digest=planned.digest,
    )


@operation(
    "migration.apply",
    "schema",
    tells=("pending",),
    plan="migration.plan",
    rehearsal="migration.rehearse",
    repeatable=True,
)
def apply_migration(session: Session, *, options: ApplyOptions, then_sync: bool = False) -> Outcome:
    """Install what is pending, each change its own short transaction; then say who is missing.

    Args:
        session: the run's surroundings.
        options: what was asked for.
        then_sync: also create the missing profiles.
    """
    try:
        outcome = migration.apply(session, options, Path.cwd())
    except migration.Edited as edited:
        return _left_alone(edited)
    if outcome.exit_code:
        return outcome
    paused = session.backend.catalog.paused(session.target.profiles)
    outcome = replace(outcome, paused=paused)
    notes, commands = migration.next_sync(session)
    if then_sync:
        # A trigger first, the backfill after it and in transactions of its own: nobody is missed.
        synced = run_sync(
            session, options=sync.SyncOptions(yes=options.yes or bool(options.approve))
        )
        return replace(
            outcome,
            tables=synced.tables,
            next_steps=synced.next_steps,
            error=synced.error,
            exit_code=worst([outcome.exit_code, synced.exit_code]),
        )
    next_steps = (*outcome.next_steps, *commands)
    return replace(outcome, notes=(*outcome.notes, *notes), next_steps=next_steps)


def _left_alone(edited: migration.Edited) -> Outcome:
    return Outcome(
        changes=edited.changes,
        error=edited.message,
        next_steps=(edited.next_step,),
        exit_code=edited.exit_code,
    )


@operation("migration.rehearse", "schema")
def rehearse_migration(
    session: Session, *, options: ApplyOptions, on_target: bool = False
) -> Outcome:
    """Apply on a scratch copy, or on the target and roll back, and sign up there.

    Args:
        session: the run's surroundings.
        options: what was asked for.
        on_target: in one transaction on the target, under the lock rules.
    """
    if on_target:
        return migration.rehearse_on_target(session, options)
    return migration.rehearse(session, options)


@operation("migration.prove", "read")
def prove_rollback(session: Session) -> Outcome:
    """Prove on a scratch copy that apply and rollback leave no trace."""
    return migration.prove(session)


@operation("migration.rollback.plan", "read")
def plan_rollback(
    session: Session, *, options: RollbackOptions, statements: bool = False
) -> Outcome:
    """Say what rollback would take out and what stays; writes nothing."""
    planned = migration.plan_rollback(session, options)
    if statements:
        return Outcome(statements=planned.statements, exit_code=2 if planned.todo else 0)
    paused = session.backend.catalog.paused(session.target.profiles)
    if not planned.todo:
        return Outcome(
            changes=planned.states,
            paused=paused,
            notes=("Nothing to do: nothing of ours acts on sign-ups.",),
        )
    return Outcome(
        changes=planned.states,
        paused=paused,
        notes=(*planned.notes, f"Digest: {planned.digest}", "Nothing was written."),
        next_steps=(
            session.command("migration.rollback", "--approve", planned.digest, *options.words()),
        ),
        exit_code=2,
        digest=planned.digest,
    )


@operation("migration.rollback.rehearse", "schema")
def rehearse_rollback(session: Session, *, options: RollbackOptions) -> Outcome:
    """Install and take out on a scratch copy, and compare it with what it was before.

    Of a target that has nothing to take out there is nothing to rehearse.
    """
    planned = migration.plan_rollback(session, options)
    if not planned.todo:
        return Outcome(changes=planned.states)
    return migration.prove(session)


@operation(
    "migration.rollback",
    "schema",
    tells=("pending",),
    plan="migration.rollback.plan",
    rehearsal="migration.rollback.rehearse",
    repeatable=True,
)
def roll_back(session: Session, *, options: RollbackOptions) -> Outcome:
    """Take out what acts on sign-ups; data stays, or is dumped to files first."""
    return migration.rollback(session, options, session.journal.folder / "dropped")


@operation("migration.export", "external")
def export_migration(session: Session, *, options: ExportOptions) -> Outcome:
    """Write the pending changes as files of the Supabase CLI."""
    return migration.export(session, options, Path.cwd())


@operation("migration.verify", "read", tells=("findings", "pending", "paused"))
def verify_migration(session: Session) -> Outcome:
    """Run every check: each row it answers is a finding."""
    return diagnosis.verify(session)


@operation("migration.test", "data", tells=("failed",), rehearsal="migration.test")
def run_canary(session: Session, *, allow: Sequence[str] = ()) -> Outcome:
    """Sign up, change and delete synthetic users as GoTrue does; everything is rolled back."""
    steps = session.backend.catalog.canary(session.target.profiles, tuple(allow))
    failed = any(step.status in ("failed", "finding") for step in steps)
    unknown = any(step.status == "unknown" for step in steps)
    return Outcome(
        steps=tuple(
            replace(step, next_step=diagnosis.exact(session, step.next_step)) for step in steps
        ),
        notes=("Rolled back: no row and no lock is left.",),
        next_steps=(session.command("doctor"),) if failed else (),
        exit_code=2 if failed else 1 if unknown else 0,
    )


@operation("migration.test.auth", "external")
def sign_up_for_real(session: Session, *, yes: bool = False) -> Outcome:
    """Sign one real user up through the Auth server, watch the profile come, delete both.

    Args:
        session: the run's surroundings.
        yes: the person agreed beforehand.
    """
    api = session.target.api
    if api is None:
        raise Refused(
            "--through-auth signs up through the Auth server, and there is no way to it",
            "set SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY of the same project",
        )
    from usersync.backends.api.accounts import Accounts

    with Accounts(api, session.target.settings) as accounts:
        return auth_canary.run(session, accounts, yes=yes)


@operation("migration.pause.rehearse", "schema")
def rehearse_pause(session: Session, *, function: str | None = None) -> Outcome:
    """Pause for real, which locks no table, and roll it back."""
    return kill_switch.pause(session, function, keep=False)


@operation(
    "migration.pause",
    "schema",
    tells=("paused",),
    rehearsal="migration.pause.rehearse",
    repeatable=True,
)
def pause(session: Session, *, function: str | None = None) -> Outcome:
    """The kill switch: a sign-up function does nothing until it is resumed."""
    return kill_switch.pause(session, function)


@operation("migration.resume.rehearse", "schema")
def rehearse_resume(
    session: Session, *, function: str | None = None, allow: Sequence[str] = ()
) -> Outcome:
    """Put a paused function back, sign up with it, and roll everything back."""
    return kill_switch.resume(session, function, tuple(allow), keep=False)


@operation(
    "migration.resume",
    "schema",
    tells=("failed",),
    rehearsal="migration.resume.rehearse",
    repeatable=True,
)
def resume(session: Session, *, function: str | None = None, allow: Sequence[str] = ()) -> Outcome:
    """Put a paused function back, byte for byte, when a canary passes with it."""
    return kill_switch.resume(session, function, tuple(allow))


@operation("doctor", "read", tells=("findings", "missing", "pending", "paused"))
def doctor(session: Session) -> Outcome:
    """Everything that is wrong, how bad, since when, and the exact next command."""
    return diagnosis.examine(session)


@operation("doctor.user", "read", tells=("findings",))
def doctor_user(session: Session, *, reference: str) -> Outcome:
    """Why one person cannot get in; what is tried for it is rolled back.

    Args:
        session: the run's surroundings.
        reference: the user's id, the short id that lists print, or the address.
    """
    return person.examine(session, reference)


@operation("doctor.from", "read", tells=("findings", "missing"))
def doctor_from(*, path: str, tasks: str = "invoke ") -> Outcome:
    """What the answer of ``docs/first-look.sql`` says, with the exit codes of doctor.

    Args:
        path: the saved answer, or ``-`` for standard input.
        tasks: what stands before the names of tasks in a next command.
    """
    return first_look.outcome(first_look.read(path), lambda task: f"{tasks}{task}")


@operation("init.look", "read")
def look_for_settings(session: Session) -> Outcome:
    """Propose a ``usersync.yaml`` for this database, with the reason for each choice."""
    return Outcome(statements=adoption.proposed_settings(session))
