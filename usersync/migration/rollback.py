"""``migration.rollback``: takes out what acts on sign-ups; what holds data stays, or is dumped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from usersync.backends.catalog import Direction, LedgerEntry, Survey
from usersync.errors import Refused, UsersyncError
from usersync.migration import consent, ground, rights, way_back
from usersync.migration.execution import as_recorded, run_all
from usersync.model import ChangeState, Outcome, Step
from usersync.session import Session
from usersync.sql.changes import JOURNAL, LEDGER, Change


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """What a person may say about one rollback; ``to`` is the number of a change that stays."""

    to: int = 0
    drop_data: bool = False
    approve: str | None = None
    yes: bool = False
    wait_s: float = 0.0

    def words(self) -> tuple[str, ...]:
        """These options as they are typed, apart from an agreement."""
        to = ("--to", f"{self.to:04d}") if self.to else ()
        return (*to, *(("--drop-data",) if self.drop_data else ()))


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rollback would take out, in its order, and what stays."""

    survey: Survey
    todo: tuple[LedgerEntry, ...]
    stays: tuple[LedgerEntry, ...]
    statements: str
    digest: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know of the app's own before it is approved, or behind it."""
        return way_back.returning(self.survey, self.todo)

    @property
    def states(self) -> tuple[ChangeState, ...]:
        """Every change in the ledger, and whether it goes or stays."""
        return tuple(
            ChangeState(
                name=entry.change,
                does=_fate(entry) if entry in self.todo else "stays",
                state="unwanted" if entry in self.todo else "applied",
                applied_at=entry.applied_at,
                tool_version=entry.tool_version,
            )
            for entry in (*self.todo, *self.stays)
        )


def plan(session: Session, options: RollbackOptions) -> Planned:
    """Work out what a rollback would do, from the ledger alone; writes nothing.

    Any version of usersync can undo what any other installed: the ledger keeps the statements.
    """
    survey = session.backend.catalog.survey(session.target.profiles)
    refuse_other_owner(session, survey)
    beyond = [entry for entry in survey.ledger if _number(entry) > options.to]
    acting, api, data = in_order(beyond)
    todo = [*acting, *api, *(data if options.drop_data else ())]
    ground.refuse_dependents(survey, [entry.change for entry in todo])
    again = session.command("migration.rollback", "--dry-run", *options.words())
    way_back.refuse_no_return(survey, todo, again)
    statements = written(session, todo)
    return Planned(
        survey=survey,
        todo=tuple(todo),
        stays=tuple(entry for entry in survey.ledger if entry not in todo),
        statements=statements,
        digest=consent.digest(session, "rollback", survey, statements) if todo else "",
    )


def refuse_other_owner(session: Session, survey: Survey) -> None:
    """Refuse to take out what another role made.

    Raises:
        Refused: with the role.
    """
    if survey.schema_owner and not survey.owns_schema:
        raise Refused(
            f"the schema {session.target.settings.install.schema_name} belongs to"
            f" {survey.schema_owner}",
            f"connect as {survey.schema_owner}",
        )


def in_order(
    ledger: Sequence[LedgerEntry],
) -> tuple[tuple[LedgerEntry, ...], tuple[LedgerEntry, ...], tuple[LedgerEntry, ...]]:
    """What acts on sign-ups, what serves the API and what holds data, each with the newest first.

    Args:
        ledger: what was installed, in its order.
    """
    newest = tuple(reversed(ledger))
    acting = tuple(entry for entry in newest if entry.trigger_functions)
    api = tuple(entry for entry in newest if entry not in acting and _serves_the_api(entry))
    data = tuple(entry for entry in newest if entry not in acting and entry not in api)
    return acting, api, data


def written(session: Session, todo: Sequence[LedgerEntry]) -> str:
    """Exactly the statements that take changes out.

    Args:
        session: the run's surroundings.
        todo: what is to go, in its order.
    """
    catalog = session.backend.catalog
    return "\n".join(
        f"-- take out {entry.change}\n"
        + "".join(f"{catalog.silencing(function)}\n" for function in entry.trigger_functions)
        + catalog.statements(as_recorded(entry), "revert")
        for entry in todo
    )


def rollback(session: Session, options: RollbackOptions, folder: Path) -> Outcome:
    """Take out what acts on sign-ups, newest first, then the functions of the API.

    Args:
        session: the run's surroundings.
        options: what was asked for.
        folder: where dropped data is dumped first.

    Raises:
        Refused: it is not ours to do, or nobody agreed; nothing was touched.
        Stopped: the approved plan is stale; nothing was touched.
        Busy: another run holds the lock of the target.
    """
    with session.backend.exclusively("migration.rollback", options.wait_s):
        planned = plan(session, options)
        again = session.command("migration.rollback", "--dry-run", *options.words())
        consent.stop_if_stale(session, "rollback", options.approve, planned.digest, again)
        if not planned.todo:
            return Outcome(
                changes=planned.states, notes=("Nothing to do: nothing of ours acts on sign-ups.",)
            )
        consent.authorize(
            session,
            f"Take out {len(planned.todo)} changes?",
            planned.states,
            session.command("migration.rollback", "--approve", planned.digest, *options.words()),
            approve=options.approve,
            yes=options.yes,
            only_by_digest=True,
        )
        return carry_out(session, planned, folder)


def carry_out(session: Session, planned: Planned, folder: Path) -> Outcome:
    """Do what was planned and allowed; what lost data goes into files in the folder first."""
    if any(entry.change == JOURNAL for entry in planned.todo):
        rights.keep_told(session)
    silenced, steps, error = take_out(
        session, planned.survey, planned.todo, folder, digest=planned.digest
    )
    left = _left(session, planned, error)
    done = {step.name for step in steps}
    told = replace(
        planned,
        survey=left,
        stays=tuple(entry for entry in (*planned.todo, *planned.stays) if entry.change not in done),
        todo=(),
    )
    gone = tuple(entry for entry in planned.todo if entry.change in done)
    outcome = Outcome(
        changes=told.states,
        steps=(*silenced, *steps),
        notes=way_back.returning(planned.survey, gone),
    )
    if error is None:
        return replace(outcome, next_steps=(session.command("migration.verify"),))
    next_steps = tuple(error.next_step.splitlines())
    notes = outcome.notes
    if any(entry.trigger_functions for entry in planned.todo if entry.change not in done):
        notes = (*notes, "Who signs up now gets no profile: the functions do nothing any more.")
        next_steps += (
            session.command("migration.rollback", "--dry-run"),
            "or put them back: " + session.installing("trigger", "--repair"),
        )
    return replace(
        outcome,
        notes=notes if silenced else (),
        next_steps=next_steps,
        error=error.message,
        exit_code=error.exit_code,
    )


def take_out(
    session: Session,
    survey: Survey,
    todo: Sequence[LedgerEntry],
    folder: Path,
    *,
    digest: str,
    prove: Callable[[], tuple[Step, ...]] = tuple,
) -> tuple[tuple[Step, ...], tuple[Step, ...], UsersyncError | None]:
    """Undo changes as the ledger says, once what acts on sign-ups does nothing any more.

    Args:
        session: the run's surroundings.
        survey: what is there.
        todo: what is to go, in its order.
        folder: what has rows goes into files there first.
        digest: stands for the plan.
        prove: what is looked at when all is done.

    Returns:
        A step for each function that does nothing any more, one for each change and each proof,
        and what ended it early.
    """
    silenced, error = _silence(session, survey, todo)
    if error is not None:
        return silenced, (), error
    changes: list[tuple[Change, Direction]] = [(as_recorded(entry), "revert") for entry in todo]
    dumps = _dumps(session, todo, folder)
    steps, error = run_all(session, changes, survey, digest=digest, dumps=dumps, prove=prove)
    return silenced, steps, error


def _silence(
    session: Session, survey: Survey, todo: Sequence[LedgerEntry]
) -> tuple[tuple[Step, ...], UsersyncError | None]:
    """Let what acts on sign-ups do nothing; takes no lock on any table."""
    steps: list[Step] = []
    try:
        for function in (one for entry in todo for one in entry.trigger_functions):
            if f"function {function}" in survey.objects:
                session.backend.catalog.silence(function)
                steps.append(Step(function, "changed", "does nothing any more"))
    except UsersyncError as raised:
        return tuple(steps), raised
    return tuple(steps), None


def _left(session: Session, planned: Planned, error: UsersyncError | None) -> Survey:
    """What is there by now; what was there, when nobody can look after an error."""
    try:
        return session.backend.catalog.survey(session.target.profiles)
    except UsersyncError:
        if error is None:
            raise
        return planned.survey


def _fate(entry: LedgerEntry) -> str:
    if not entry.drops:
        return "is taken out"
    return f"is taken out, and with it {', '.join(entry.drops)}; every row goes into a file first"


def _dumps(
    session: Session, todo: Sequence[LedgerEntry], folder: Path
) -> dict[str, dict[str, Path]]:
    """Per change the tables that go with it, each with the file that takes its rows first."""
    found = {entry.change: _files(session, entry, folder) for entry in todo}
    # Each change takes its line out of the ledger: so the whole of it is kept first.
    if ledger := found.pop(LEDGER, {}):
        first = todo[0].change
        found[first] = ledger | found.get(first, {})
    return found


def _files(session: Session, entry: LedgerEntry, folder: Path) -> dict[str, Path]:
    # Of this run alone: one that goes on where another was cut off, in the same second, must not
    # write over its files.
    of_run = f"{session.clock():%Y%m%dT%H%M%SZ}-{session.journal.run_id[:8]}-{entry.change}"
    return {
        table: folder / f"{of_run}-{number}-{re.sub('[^A-Za-z0-9_.]', '', table)}.jsonl"
        for number, table in enumerate(entry.tables, start=1)
    }


def _number(entry: LedgerEntry) -> int:
    number = entry.change.partition("_")[0]
    return int(number) if number.isdigit() else 0


def _serves_the_api(entry: LedgerEntry) -> bool:
    return any(identity.startswith("function public.") for identity in entry.objects)
