"""``migration.apply``: each pending change, one short transaction after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from usersync import sync
from usersync.backends.catalog import Direction, LedgerEntry
from usersync.config import Settings
from usersync.errors import Refused, Stopped, UsersyncError
from usersync.migration import consent, ground, takeover, way_back
from usersync.migration.execution import as_recorded, run_all
from usersync.migration.export import MIGRATIONS
from usersync.migration.states import PENDING, broken
from usersync.model import ChangeState, Outcome
from usersync.session import Session
from usersync.sql.changes import Change
from usersync.sql.replaced import read as what_it_replaced


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What a person may say about one apply."""

    create_table: bool = False
    repair: bool = False
    approve: str | None = None
    yes: bool = False
    direct: bool = False
    wait_s: float = 0.0
    replace: str | None = None

    def words(self) -> tuple[str, ...]:
        """These options as they are typed, apart from an agreement."""
        flags = {
            "--create-table": self.create_table,
            "--repair": self.repair,
            "--direct": self.direct,
        }
        replaced = ("--replace", self.replace) if self.replace else ()
        return (*replaced, *(flag for flag, given in flags.items() if given))


class Edited(Stopped):
    """Something of ours was changed by hand, and ``--repair`` was not given.

    Args:
        message: what was changed.
        next_step: the command that puts ours back.
        changes: how the target stands to every change, with the differences.
    """

    def __init__(self, message: str, next_step: str, changes: tuple[ChangeState, ...]) -> None:
        super().__init__(message, next_step)
        self.changes = changes


@dataclass(frozen=True, slots=True)
class Planned:
    """What an apply would do, in its order."""

    ground: ground.Ground
    todo: tuple[tuple[Change, Direction], ...]
    statements: str
    digest: str
    notes: tuple[str, ...] = ()
    """What there is to know before it is approved."""


def plan(session: Session, options: ApplyOptions) -> Planned:
    """Work out what an apply would do; writes nothing.

    Raises:
        Refused: it cannot be done here, or is not ours to do.
        Edited: something was edited by hand, and ``--repair`` was not given.
    """
    settings = session.target.settings
    _refuse_unasked(settings, options)
    found = ground.look(session, create_table=options.create_table, replace=options.replace)
    if settings.install.what == "nothing":
        return Planned(found, (), "", "")
    applied = {state.name for state in found.states if state.state == "applied"}
    verified = session.backend.catalog.verify(
        [change for change in found.changes if change.name in applied]
    )
    found = replace(found, states=broken(found.states, verified))
    ground.refuse_ground(found.survey, settings, on_users=found.writer == "own")
    ground.refuse_newer(found.states)
    replaced = next((change.replaces for change in found.changes if change.replaces), None)
    if found.writer == "own":
        ground.refuse_other_writers(session, found.survey, replaced)
    edited = [state for state in found.states if state.state == "edited"]
    if edited and not options.repair:
        raise Edited(
            "\n".join(f"{state.name} was {state.detail}; it was left alone" for state in edited),
            "to put ours back, and keep what is there: "
            + session.command("migration.apply", *replace(options, repair=True).words()),
            found.states,
        )
    wanted = PENDING | ({"edited"} if options.repair else set())
    pending = {state.name: state for state in found.states if state.state in wanted}
    rendered = {change.name: change for change in found.changes}
    going = [
        entry
        for entry in reversed(found.survey.ledger)
        if entry.change in pending and _goes(entry, rendered.get(entry.change))
    ]
    way_back.refuse_no_return(
        found.survey, going, session.command("migration.apply", "--dry-run", *options.words())
    )
    todo: list[tuple[Change, Direction]] = [(as_recorded(entry), "revert") for entry in going]
    ground.refuse_dependents(found.survey, [change.name for change, _ in todo])
    for change in found.changes:
        if change.name in pending:
            ground.refuse_namesake(found.survey, change)
            todo.append((change, "apply"))
    statements = "\n".join(
        f"-- {direction} {change.name}\n{session.backend.catalog.statements(change, direction)}"
        for change, direction in todo
    )
    digest = consent.digest(session, "apply", found.survey, statements) if todo else ""
    notes = way_back.returning(found.survey, going)
    if replaced:
        new = next(change for change in found.changes if change.replaces)
        notes = (*notes, *takeover.told(session, found.survey, replaced, new))
    return Planned(found, tuple(todo), statements, digest, notes)


def _refuse_unasked(settings: Settings, options: ApplyOptions) -> None:
    """Refuse to make what ``install:`` leaves out, though it was asked for."""
    lacks = settings.install.lacks("trigger")
    for flag, given in {
        "--create-table": options.create_table,
        "--replace": options.replace,
    }.items():
        if given and lacks:
            raise Refused(
                f"{flag} installs something, and install: nothing asks for nothing", lacks
            )


def idle(session: Session, planned: Planned) -> Outcome:
    """What is told when there is nothing to do, and why there is not.

    Args:
        session: the run's surroundings.
        planned: nothing.
    """
    found = planned.ground
    why = ground.unasked(found, session.target.settings)
    told = f"Nothing to install: {why}." if why else ""
    notes: tuple[str, ...] = (told or "Nothing to do: everything is installed as configured.",)
    next_steps: tuple[str, ...] = ()
    if why and found.survey.ledger:
        left = ", ".join(entry.change for entry in found.survey.ledger)
        notes = (*notes, f"Installed before, and left as it is: {left}")
        next_steps = (session.command("uninstall", "--dry-run"),)
    return Outcome(changes=found.states, notes=notes, next_steps=next_steps)


def _goes(entry: LedgerEntry, change: Change | None) -> bool:
    """Whether what is installed must go first: asked for no more, or made under other names."""
    if what_it_replaced(entry.revert) and change is not None:
        # It stands under the name of the app's trigger, which must not come back in between.
        return False
    return not entry.drops and (change is None or entry.revert != change.revert)


def apply(session: Session, options: ApplyOptions, repository: Path) -> Outcome:
    """Install what is pending; every change is one transaction and is verified in it.

    Args:
        session: the run's surroundings.
        options: what was asked for.
        repository: the app's; where it keeps migrations for the Supabase CLI, these are the way.

    Raises:
        Refused: it cannot be done here, or is not ours to do; nothing was touched.
        Stopped: at a guard; nothing was touched.
        Busy: another run holds the lock of the target.
    """
    by_files = (repository / MIGRATIONS).is_dir() and not session.target.settings.install.lacks(
        "trigger"
    )
    if by_files and not (session.target.is_local or options.direct):
        raise Refused(
            f"this repository keeps its migrations in {MIGRATIONS}: what is applied past them is"
            " lost with the next reset of the database",
            f"write them there: {session.command('migration.export')}\n"
            "or all the same: "
            + session.command("migration.apply", *replace(options, direct=True).words()),
        )
    with session.backend.exclusively("migration.apply", options.wait_s):
        planned = plan(session, options)
        again = session.command("migration.apply", "--dry-run", *options.words())
        consent.stop_if_stale(session, "apply", options.approve, planned.digest, again)
        if not planned.todo:
            return idle(session, planned)
        agree = session.command("migration.apply", "--approve", planned.digest, *options.words())
        consent.authorize(
            session,
            f"Install {len(planned.todo)} change{'' if len(planned.todo) == 1 else 's'}?",
            planned.ground.states,
            agree,
            approve=options.approve,
            yes=options.yes,
            only_by_digest=options.replace is not None,
        )
        return _carry_out(session, planned)


def _carry_out(session: Session, planned: Planned) -> Outcome:
    steps, error = run_all(session, planned.todo, planned.ground.survey, digest=planned.digest)
    create = any(change.name == "0005_profile_table" for change, _ in planned.todo)
    try:
        states = ground.look(session, create_table=create).states
    except UsersyncError:
        if error is None:
            raise
        # Nobody can look any more; what was done is told all the same.
        states = ()
    return Outcome(
        changes=states,
        steps=steps,
        exit_code=error.exit_code if error else 0,
        error=error.message if error else "",
        next_steps=tuple(error.next_step.splitlines()) if error else (),
    )


def next_sync(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How many profiles are missing, and the exact command that makes them.

    Returns:
        Lines to tell, and commands.
    """
    notes: list[str] = []
    commands: list[str] = []
    for settings in session.target.profiles:
        table = session.backend.table(settings, writing=True)
        options = sync.SyncOptions()
        planned = sync.make_plan(session, table, options, list_users=0)
        notes.append(f"Missing profiles in {settings.name}: {planned.plan.rows:,}")
        if planned.plan.rows:
            commands.append(session.command("sync", *sync.approval(planned.plan, options)))
    return tuple(notes), tuple(dict.fromkeys(commands))
