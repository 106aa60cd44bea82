"""The limits that stop a sync before its first write, and who may let it pass in production."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from usersync.backends import Table, inspection
from usersync.errors import Refused, Stopped, UsersyncError
from usersync.model import Guard, Outcome, Plan, Repair, TableResult
from usersync.privacy import LONGEST_MESSAGE, visible
from usersync.session import NOBODY_TO_ASK, Session

if TYPE_CHECKING:
    from usersync.sync.plan import SyncOptions

#: An empty profile table beside more users than this is a question, not a repair.
FIRST_FILL_ABOVE = 100


def guards(session: Session, plan: Plan, options: SyncOptions) -> tuple[Guard, ...]:
    """Everything that would stop this plan, each with the command that lifts it."""
    found: list[Guard] = []
    allowed = max_rows(session, plan, options)
    if allowed is not None and plan.rows > allowed:
        found.append(
            Guard(
                "max_rows",
                f"{plan.rows:,} profiles would be created, more than the {allowed:,} allowed",
                session.command("sync", *replace(options, max_rows=plan.rows).words()),
            )
        )
    if plan.rows and not plan.existing and plan.total > FIRST_FILL_ABOVE and not options.first_fill:
        found.append(
            Guard(
                "first_fill",
                f"the profile table has no profile for any of {plan.total:,} users: is it the"
                " right table?",
                session.command("sync", *replace(options, first_fill=True).words()),
            )
        )
    given = options.words()
    return (*found, *trigger_guards(session, plan, options.fire_triggers, "sync", *given))


def trigger_guards(
    session: Session,
    plan: Plan | Repair,
    fire_triggers: tuple[str, ...],
    task: str = "sync",
    *options: str,
    event: str = "an insert",
) -> tuple[Guard, ...]:
    """A guard for each trigger that may reach outside and was not named; one command for all."""
    named = {*fire_triggers, *session.target.settings.allow_triggers}
    unnamed = [
        trigger
        for trigger in plan.triggers
        if plan.rows and trigger.reach != "contained" and trigger.name not in named
    ]
    flags = [word for trigger in unnamed for word in ("--fire-trigger", trigger.name)]
    return tuple(
        Guard(
            "trigger",
            visible(
                f"{event} fires {trigger.name}"
                + (f" ({trigger.function})" if trigger.function else "")
                + (", which reaches outside: " if trigger.reach == "outside" else ", undecided: ")
                + trigger.why,
                LONGEST_MESSAGE,
            ),
            session.command(task, *options, *flags),
        )
        for trigger in unnamed
    )


def max_rows(session: Session, plan: Plan, options: SyncOptions) -> int | None:
    """The most rows that one run may create; None for no limit."""
    return allowed_rows(session, options.max_rows, lambda: plan.total)


def allowed_rows(session: Session, given: int | None, total: Callable[[], int]) -> int | None:
    """The most rows that one run may write; None for no limit.

    Args:
        session: the run's surroundings.
        given: what was given on the command line.
        total: counts the users, where their number matters.
    """
    if given is not None:
        return given
    settings = session.target.settings
    if settings.max_rows is not None:
        return settings.max_rows
    if session.target.is_local:
        return None
    return max(1_000, total() // 100)


def approval(plan: Plan, options: SyncOptions) -> tuple[str, ...]:
    """The options of the ``sync`` that does exactly this plan.

    Limits in number are lifted; a trigger that may mail people is named by a person or not at all.
    """
    standing = {guard.name for guard in plan.guards}
    if "max_rows" in standing:
        options = replace(options, max_rows=plan.rows)
    if "first_fill" in standing:
        options = replace(options, first_fill=True)
    return ("--approve", plan.digest, *options.words())


def read_only_guard(session: Session, table: Table) -> tuple[Guard, ...]:
    """A guard for a server that takes no writes, which no option lifts."""
    again = session.command("sync", "--dry-run")
    return tuple(
        Guard("read_only", problem.message, f"{problem.next_step}; then {again}")
        for problem in inspection.read_only(table.read_only)
    )


def refuse_unrunnable(session: Session, tables: Sequence[Table]) -> None:
    """Refuse to let a function of the app make profiles where it would not do what it does.

    Raises:
        Refused: with the reason.
    """
    for table in tables:
        own = table.own_function
        if own and own.refusal:
            raise Refused(
                f"the profiles of {table.settings.name} are made by the app's own function, which"
                f" cannot be run for this: {own.refusal}",
                (f"{session.command('migration.resume')}\nor " if own.is_paused else "")
                + "say create: columns for this table in usersync.yaml",
            )


def can_make(session: Session) -> bool:
    """Whether `sync` could make profiles now, as far as these are made by a function."""
    try:
        tables = [session.backend.table(one, writing=True) for one in session.target.profiles]
        refuse_unrunnable(session, tables)
    except UsersyncError:
        return False
    return True


def refuse_read_only(tables: Sequence[Table]) -> None:
    """Refuse to write where nobody can.

    Raises:
        Refused: the server is a standby, or read-only.
    """
    inspection.refuse(
        [one for table in tables for one in inspection.read_only(table.read_only)][:1]
    )


def stop_at(found: tuple[Guard, ...]) -> None:
    """Stop when a guard stands.

    Raises:
        Stopped: with all of them.
    """
    if found:
        raise Stopped(
            "\n".join(guard.message for guard in found),
            "\n".join(dict.fromkeys(f"to allow it: {guard.next_step}" for guard in found)),
        )


def authorize(
    session: Session,
    task: str,
    result: TableResult,
    *options: str,
    approve: str | None,
    yes: bool,
) -> None:
    """Let a change of production pass only when somebody said so.

    Args:
        session: the run's surroundings.
        task: what is about to change production.
        result: the plan of one table.
        options: what belongs on the next command beside the approval.
        approve: the digest that was approved.
        yes: the person agreed beforehand.

    Raises:
        Refused: nobody is there to ask, and nothing was said beforehand.
        Stopped: the person said no, or the plan exceeds what may happen unattended.
    """
    plan = result.plan
    assert plan is not None
    if approve:
        session.journal.approved()
    profiles = f"profile{'' if plan.rows == 1 else 's'}"
    agreed = ("--approve", plan.digest) if plan.digest else ("--yes",)
    consent(
        session,
        task,
        plan.rows,
        Outcome(tables=(result,)),
        would="profiles would be created",
        question=f"Create {plan.rows:,} {profiles} in {result.table}?",
        agree=session.command(task, *options, *agreed),
        agreed=bool(approve) or yes,
    )


def consent(
    session: Session,
    task: str,
    rows: int,
    about: Outcome,
    *,
    would: str,
    question: str,
    agree: str,
    agreed: bool,
) -> None:
    """Let rows of production be written only when somebody said so.

    Args:
        session: the run's surroundings.
        task: what is about to change production.
        rows: how many rows it writes.
        about: the plan, which the person is shown.
        would: what would happen, behind the number.
        question: what the person is asked.
        agree: the command that agrees beforehand.
        agreed: whether somebody did.

    Raises:
        Refused: nobody is there to ask, and nothing was said beforehand.
        Stopped: the person said no, or the plan exceeds what may happen unattended.
    """
    if not session.target.is_production or not rows or agreed:
        return
    unattended = session.target.settings.unattended
    if unattended is not None and task in unattended.tasks:
        if unattended.max_rows is not None and rows > unattended.max_rows:
            raise Stopped(
                f"{rows:,} {would}, more than the {unattended.max_rows:,} allowed unattended",
                agree,
            )
        return
    line = session.backend.line
    if session.ask is None:
        raise Refused(
            f"{line.name} is production: somebody must approve this, and {NOBODY_TO_ASK}",
            agree,
        )
    if not session.ask(f"{line.name} is production ({line.host}). {question}", about):
        raise Stopped("not confirmed; nothing was done")
