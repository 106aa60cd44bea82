"""``uninstall``: everything of ours out; profiles stay, records go into files, and it is proved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from usersync.backends.catalog import Footprint, LedgerEntry, Survey
from usersync.backends.footprint import PARTS
from usersync.backends.rights import RIGHTS, Right
from usersync.errors import Refused, Remains, UsersyncError
from usersync.migration import consent, rights, way_back
from usersync.migration.rollback import in_order, refuse_other_owner, take_out, written
from usersync.model import ChangeState, Outcome, Step
from usersync.session import Session
from usersync.sql.names import quoted

_TASK = "uninstall"


@dataclass(frozen=True, slots=True)
class UninstallOptions:
    """What a person may say about leaving."""

    approve: str | None = None
    wait_s: float = 0.0
    keep_grants: bool = False

    def words(self) -> tuple[str, ...]:
        """These options as they are typed, apart from an agreement."""
        return ("--keep-grants",) if self.keep_grants else ()


@dataclass(frozen=True, slots=True)
class Planned:
    """What would go, in its order, and what stays for the app."""

    survey: Survey
    footprint: Footprint
    todo: tuple[LedgerEntry, ...]
    stays: tuple[LedgerEntry, ...]
    statements: str
    digest: str
    options: UninstallOptions

    @property
    def kept(self) -> tuple[Right, ...]:
        """What ``rights.grant`` gave and stays, because somebody said so."""
        return self.footprint.granted if self.options.keep_grants else ()

    @property
    def staying(self) -> tuple[str, ...]:
        """What ``rights.grant`` gave and stays, for whatever reason."""
        return (*map(str, self.kept), *(f"what it gave on {one}" for one in self.footprint.untold))

    @property
    def states(self) -> tuple[ChangeState, ...]:
        """Every change in the ledger, and what becomes of it and of its rows."""
        return tuple(
            ChangeState(
                name=entry.change,
                does=_fate(entry, self.survey, self.footprint)
                if entry in self.todo
                else _stays(entry),
                state="unwanted" if entry in self.todo else "applied",
                applied_at=entry.applied_at,
                tool_version=entry.tool_version,
            )
            for entry in (*self.todo, *self.stays)
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know before it is approved, or behind it."""
        return (
            *way_back.returning(self.survey, self.todo),
            *(
                f"{function} names ours in its text, and Postgres does not track that: it may fail"
                " once ours is gone"
                for function in self.footprint.naming
            ),
            *rights.left(self.footprint, self.kept),
        )


def plan(session: Session, options: UninstallOptions) -> Planned:
    """Work out what would go, from ledger, journal and catalog alone; writes nothing.

    The ledger of any other version will do: it keeps the statements that undo each change.

    Args:
        session: the run's surroundings.
        options: what was asked for.

    Raises:
        Refused: something is not ours to take out, or would be lost.
    """
    survey = session.backend.catalog.survey(session.target.profiles)
    refuse_other_owner(session, survey)
    found = session.backend.catalog.footprint(session.journal.in_file())
    _refuse(session, found)
    if not options.keep_grants:
        rights.refuse_others(session, found, session.command(_TASK, "--dry-run", "--keep-grants"))
    schema = session.target.settings.install.schema_name
    acting, api, data = in_order(survey.ledger)
    stays = tuple(entry for entry in data if _outside(entry, schema))
    # Rights go when nothing acts on sign-ups any more, and while the journal still tells of them.
    given = () if options.keep_grants else rights.entries(found)
    todo = (*acting, *api, *given, *(entry for entry in data if entry not in stays))
    way_back.refuse_no_return(survey, todo, session.command(_TASK, "--dry-run"))
    statements = written(session, todo)
    return Planned(
        survey=survey,
        footprint=found,
        todo=todo,
        stays=stays,
        statements=statements,
        digest=consent.digest(session, _TASK, survey, statements) if todo else "",
        options=options,
    )


def uninstall(session: Session, options: UninstallOptions, folder: Path) -> Outcome:
    """Take everything of ours out, put back what it replaced, and prove that nothing is left.

    Args:
        session: the run's surroundings.
        options: what was asked for.
        folder: where the rows of our tables go before these are dropped.

    Raises:
        Refused: it is not ours to do, or nobody agreed; nothing was touched.
        Stopped: the approved plan is stale; nothing was touched.
        Busy: another run holds the lock of the target.
        Remains: the catalog still has something of ours, although nothing was left to do.
    """
    with session.backend.exclusively(_TASK, options.wait_s):
        planned = plan(session, options)
        again = session.command(_TASK, "--dry-run", *options.words())
        consent.stop_if_stale(session, _TASK, options.approve, planned.digest, again)
        if not planned.todo:
            return nothing(session, planned)
        consent.authorize(
            session,
            f"Take out {len(planned.todo)} changes, and all records of usersync?",
            planned.states,
            session.command(_TASK, "--approve", planned.digest, *options.words()),
            approve=options.approve,
            yes=False,
            only_by_digest=True,
        )
        return _carry_out(session, planned, folder)


def nothing(session: Session, planned: Planned) -> Outcome:
    """There is nothing to take out: the proof says so."""
    said = "Nothing to do: nothing of usersync is installed here."
    return Outcome(steps=(proof(session, planned),), notes=(said, *planned.notes))


def proof(session: Session, planned: Planned) -> Step:
    """Ask the catalog, whatever the ledger said, whether anything of ours is left.

    Args:
        session: the run's surroundings.
        planned: what was to go; what the journal told of rights, which is gone by now.

    Raises:
        Remains: with each thing that is.
    """
    found = session.backend.catalog.footprint(planned.footprint.lines)
    kept = {str(one) for one in planned.kept}
    left = [one for one in found.traces if one.change != RIGHTS or one.name not in kept]
    if left:
        whole = [one for one in left if one.kind not in PARTS] or left
        contact = session.target.settings.contact
        raise Remains(
            "still in the catalog: " + ", ".join(f"{one.kind} {one.name}" for one in whole),
            f"look at each: {session.command('migration.footprint')}"
            + (f"\ncontact: {contact}" if contact else ""),
        )
    uncertain = planned.footprint.uncertain
    return Step(
        "proof",
        "ok",
        "the catalog has no schema, table, function, trigger, policy, type or right of usersync"
        + (f"; by rights.grant stays {', '.join(planned.staying)}" if planned.staying else "")
        + (f"; not known to be by rights.grant, stays {', '.join(uncertain)}" if uncertain else ""),
    )


def _carry_out(session: Session, planned: Planned, folder: Path) -> Outcome:
    silenced, steps, error = take_out(
        session,
        planned.survey,
        planned.todo,
        folder,
        digest=planned.digest,
        prove=lambda: (proof(session, planned),),
    )
    notes = (
        *(f"{table} {_STAYS}" for entry in planned.stays for table in _plain(entry.drops)),
        *planned.notes,
    )
    steps = rights.named(steps, planned.footprint)
    outcome = Outcome(steps=(*silenced, *steps), notes=notes)
    if error is None:
        return outcome
    if isinstance(error, Remains):
        outcome = replace(outcome, steps=(*outcome.steps, Step("proof", "failed", error.message)))
    return _failed(session, planned, outcome, error)


def _failed(session: Session, planned: Planned, outcome: Outcome, error: UsersyncError) -> Outcome:
    """What was done stands; the same command does the rest."""
    done = {step.name for step in outcome.steps}
    left = tuple(entry for entry in planned.todo if entry.change not in done)
    next_steps = tuple(error.next_step.splitlines())
    notes = outcome.notes
    if left:
        next_steps += (
            f"then the rest: {session.command(_TASK, '--dry-run', *planned.options.words())}",
        )
    if any(entry.trigger_functions for entry in left) and outcome.steps:
        notes = ("Who signs up now gets no profile: the functions do nothing any more.", *notes)
        next_steps += ("or put them back: " + session.installing("trigger", "--repair"),)
    return replace(
        outcome,
        changes=replace(planned, todo=left).states if left else (),
        notes=notes,
        next_steps=next_steps,
        error=error.message,
        exit_code=error.exit_code,
    )


def _refuse(session: Session, found: Footprint) -> None:
    """Refuse to leave where something would be lost, or others stand on ours.

    Raises:
        Refused: with each of them.
    """
    schema = session.target.settings.install.schema_name
    paused = [one.name for one in found.traces if one.kind == "paused function"]
    if paused:
        raise Refused(
            f"paused, and nobody could resume it once usersync is gone: {', '.join(paused)}",
            "\n".join(session.command("migration.resume", name) for name in paused),
        )
    elsewhere = [one.name for one in found.traces if one.kind == "ledger elsewhere"]
    if elsewhere:
        raise Refused(
            f"usersync is installed in another schema than {schema}: {', '.join(elsewhere)}",
            "name that schema under install: schema: in usersync.yaml",
        )
    if found.strangers:
        raise Refused(
            f"in no ledger of ours, and not touched: {', '.join(found.strangers)}",
            "move or drop what is yours there, then run the same command again",
        )
    if found.standing:
        raise Refused(
            f"stands on ours, and is not ours: {', '.join(found.standing)}",
            "let it do without, or drop it, then run the same command again",
        )


_STAYS = "stays with its rows, policies and rights: it is the app's own from now on"


def _stays(entry: LedgerEntry) -> str:
    return f"{', '.join(_plain(entry.drops))} {_STAYS}"


def _fate(entry: LedgerEntry, survey: Survey, found: Footprint) -> str:
    """What becomes of a change, with the rows of its tables."""
    if entry.change == RIGHTS:
        return rights.fate(found)
    rows = {one.name: one.rows for one in found.traces if one.rows is not None}
    told = "is taken out"
    if entry.tables:
        counted = (
            f"{table} ({rows[table]:,} {'row' if rows[table] == 1 else 'rows'} now)"
            for table in _plain(entry.tables)
            if table in rows
        )
        told += f", and with it {', '.join(counted)}; every row goes into a file first"
    if way_back.comes_back(survey, entry):
        told += "; the app's own trigger comes back, as it was"
    return told


def _outside(entry: LedgerEntry, schema: str) -> bool:
    """Whether it made tables for the app, which stand in a schema of the app."""
    ours = (f"{quoted(schema)}.", f"{schema}.")
    return any(not table.startswith(ours) for table in entry.drops)


def _plain(tables: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(table.replace('"', "") for table in tables)
