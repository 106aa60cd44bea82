"""Changes carried out one after the other, each a transaction that is looked at under its lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from usersync.backends.catalog import Direction, LedgerEntry, Patience, Survey, Waited
from usersync.errors import Stopped, UsersyncError
from usersync.migration import ground, way_back
from usersync.model import JournalEvent, Step
from usersync.session import Session
from usersync.sql.changes import FOLLOW, JOURNAL, SIGN_UP, Change


def run_all(
    session: Session,
    todo: Sequence[tuple[Change, Direction]],
    survey: Survey,
    *,
    digest: str,
    dumps: Mapping[str, Mapping[str, Path]] = MappingProxyType({}),
    prove: Callable[[], tuple[Step, ...]] = tuple,
) -> tuple[tuple[Step, ...], UsersyncError | None]:
    """Run changes one after the other, each recorded in the journal with its commit.

    Args:
        session: the run's surroundings.
        todo: what to do, in its order.
        survey: what the plan was made from.
        digest: stands for the plan.
        dumps: per change that loses data, the files that take it first.
        prove: what is looked at when all is done, before that is told; raises what is wrong.

    Returns:
        A step for each that was done, and what ended it early.
    """
    journal = session.journal
    journal.started("", digest=digest, counts={"planned": len(todo)})
    steps: list[Step] = []
    proved: tuple[Step, ...] = ()
    error: UsersyncError | None = None
    patience = Patience(session.target.settings.install.max_blocked_s)
    try:
        for change, direction in todo:
            started = session.clock()
            event = replace(journal.unit("", digest=digest), counts={change.name: 1})
            waited = _run(
                session, change, direction, survey, event, dumps.get(change.name, {}), patience
            )
            took_s = (session.clock() - started).total_seconds()
            steps.append(
                Step(
                    change.name,
                    "changed",
                    _told(change, direction, waited, dumps.get(change.name, {})),
                    duration_s=took_s,
                )
            )
            if direction == "revert":
                survey = _without(survey, change)
            if change.name == JOURNAL:
                there = session.backend.keeps_journal
                session.backend.look_again()
                if session.backend.keeps_journal != there:
                    journal.moved()
            journal.committed(event, event.counts)
        proved = prove()
    except UsersyncError as raised:
        error = raised
    finally:
        done = not error and len(steps) == len(todo)
        exit_code = error.exit_code if error else (0 if done else 1)
        # What ended the run is told, also when there is no connection left for its last line.
        with contextlib.nullcontext() if done else contextlib.suppress(UsersyncError):
            journal.ended("", digest=digest, counts={"changed": len(steps)}, exit_code=exit_code)
    return (*steps, *proved), error


def _run(
    session: Session,
    change: Change,
    direction: Direction,
    survey: Survey,
    event: JournalEvent,
    dump: Mapping[str, Path],
    patience: Patience,
) -> Waited:
    return session.backend.catalog.run_change(
        change,
        direction,
        refuse=_refusal(session, change, direction, survey),
        tables=session.target.profiles,
        patience=patience,
        event=event,
        keep=_overwritten(survey, change),
        keep_in=session.journal.folder
        / "overwritten"
        / f"{session.clock():%Y%m%dT%H%M%S.%fZ}-{direction}-{change.name}.jsonl",
        dump=dump,
    )


def _overwritten(survey: Survey, change: Change) -> Mapping[str, str]:
    """What was edited by hand in a change, as it is now, and what it takes the place of.

    Taken out, it would be as lost as overwritten.
    """
    entry = _entry(survey, change)
    replaced = change.replaces.images if change.replaces else {}
    return replaced | {
        identity: survey.objects[identity]
        for identity, definition in (entry.objects if entry else {}).items()
        if survey.objects.get(identity, definition) != definition
    }


def refusals(
    session: Session, todo: Sequence[tuple[Change, Direction]], survey: Survey
) -> Callable[[Survey], None]:
    """What is looked at again under the lock, for several changes at once."""
    checks = [_refusal(session, change, direction, survey) for change, direction in todo]

    def refuse(now: Survey) -> None:
        for check in checks:
            check(now)

    return refuse


def _refusal(
    session: Session, change: Change, direction: Direction, before: Survey
) -> Callable[[Survey], None]:
    """What is looked at again under the lock: whose it is may have changed since the plan."""
    settings = session.target.settings

    def refuse(survey: Survey) -> None:
        planned, now = _entry(before, change), _entry(survey, change)
        known = planned.objects if planned else {}
        same_objects = all(
            survey.objects.get(identity) == before.objects.get(identity) for identity in known
        )
        same_entry = (now and now.applied_at) == (planned and planned.applied_at)
        # A rollback has just silenced the function itself.
        if not same_entry or not (same_objects or direction == "revert"):
            raise Stopped(
                f"somebody else has changed {change.name} just now; it was left alone",
                session.command("migration.apply", "--dry-run"),
            )
        if direction == "revert":
            ground.refuse_dependents(survey, [change.name])
            again = session.command("migration.rollback", "--dry-run")
            way_back.stop_if_returned(survey, before, change, again)
        else:
            ground.refuse_ground(survey, settings, on_users=change.name in (SIGN_UP, FOLLOW))
            ground.refuse_namesake(survey, change)
            if change.name == SIGN_UP:
                ground.refuse_other_writers(session, survey, change.replaces)

    return refuse


def _without(survey: Survey, change: Change) -> Survey:
    """What is there once a change was taken out."""
    return replace(
        survey, ledger=tuple(entry for entry in survey.ledger if entry.change != change.name)
    )


def _entry(survey: Survey, change: Change) -> LedgerEntry | None:
    return next((entry for entry in survey.ledger if entry.change == change.name), None)


def as_recorded(entry: LedgerEntry) -> Change:
    """A change of the ledger, with the statements that it was installed with."""
    return Change(
        name=entry.change,
        does="",
        locks_users=any(" on auth.users" in identity for identity in entry.objects)
        or "auth.users" in entry.apply.split("create", 1)[0],
        loses="",
        apply=entry.apply,
        verify="",
        revert=entry.revert,
        configuration=entry.configuration,
    )


def _told(change: Change, direction: Direction, waited: Waited, files: Mapping[str, Path]) -> str:
    verb = "applied" if direction == "apply" else "taken out"
    for table, rows in waited.dumped.items():
        if not rows:
            continue
        verb += f"; {rows:,} {'row' if rows == 1 else 'rows'}"
        verb += f" of {table.replace(chr(34), '')} kept in {files[table]}"
    if waited.kept_in:
        what = "it took the place of" if direction == "apply" else "was changed by hand"
        verb += f"; what {what} is kept in {waited.kept_in}"
    if not change.locks_users:
        return verb
    return (
        f"{verb}; waited {waited.blocked_s:.1f} s for auth.users"
        f" in {waited.tries} {'try' if waited.tries == 1 else 'tries'},"
        f" held it {waited.held_s:.1f} s"
    )
