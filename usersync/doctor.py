"""What is wrong in a target, how bad it is and what to do: ``migration.verify`` and ``doctor``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from usersync import migration, repair, runbook, schedule, shelf
from usersync.backends.catalog import Survey
from usersync.errors import Refused, UsersyncError
from usersync.model import (
    ChangeState,
    CheckResult,
    Finding,
    Outcome,
    Paused,
    Step,
    TableResult,
    worst,
)
from usersync.session import Session
from usersync.sql.changes import Change

#: Findings that are no check's.
RIGHTS = "rights"
LONG = "long transaction"
TABLE = "profile table"
UNRECORDED = "unrecorded"

_PUSHED = "pushed since the first of them signed up: {}"

#: States of a change that are a finding by themselves.
_FAULTY = frozenset({"lost", "edited", "configured", "older", "unwanted"})

#: What helps at once against what a check finds.
_FIRST_AID = {
    "sign_up_function_broken": ("migration.pause",),
    "two_writers": ("migration.test",),
    "sign_up_trigger_missing": ("migration.apply", "--dry-run"),
}

#: What finds that nobody gives new users a profile.
_NO_TRIGGER = "sign_up_trigger_missing"

#: What a remedy says of triggers of ours, before what holds where the app's own is kept.
_OURS = {
    "email_drift": re.compile("^follow: .* from now on; "),
    _NO_TRIGGER: re.compile("^migration.apply, or "),
    "sign_up_trigger_disabled": re.compile("^migration.apply --repair for ours; for the .* own: "),
}

#: A task of ours in a remedy, with its flags.
_TASK = re.compile(r"(?<![\w.])(?:migration|repair)\.[a-z]+(?: --[a-z-]+)*")

_SEVERITY = {"error": 0, "warning": 1, "info": 2}


def verify(session: Session) -> Outcome:
    """Hold what is installed against the configuration, and run every check; writes nothing.

    Args:
        session: the run's surroundings.
    """
    survey, states, steps, applied = _installed(session)
    writer = migration.writer(survey, session.target.settings)
    catalog = session.backend.catalog
    own, unasked = _own_checks(session)
    steps = (*steps, *unasked)
    edited = {f"change_{one.name.partition('_')[2]}" for one in states if one.state == "edited"}
    checks = tuple(
        replace(
            one,
            remedy=exact(
                session,
                _theirs(one, writer) + (" --repair" if one.check in edited else ""),
            ),
            findings=tuple(_until(session, finding) for finding in one.findings),
        )
        for one in (
            *catalog.verify(applied),
            *catalog.checks(session.target.profiles),
            *own,
            *schedule.check(session),
        )
    )
    paused = catalog.paused(session.target.profiles)
    outcome = Outcome(
        changes=states,
        checks=_by_severity(checks),
        steps=steps,
        paused=paused,
        exit_code=worst([*_codes(states, checks, steps), 2 if paused else 0]),
    )
    return replace(outcome, next_steps=_next(session, survey, states, checks, paused, writer))


def exact(session: Session, text: str) -> str:
    """A remedy with the tasks in it as they are typed."""
    return _TASK.sub(lambda found: session.command(*found.group().split(" ")), text)


def advised(session: Session, checks: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """The same checks, with remedies that fit whoever gives new users the profile.

    Args:
        session: the run's surroundings.
        checks: as the catalog answers them.
    """
    if not any(one.count and one.check in _OURS for one in checks):
        return checks
    survey = session.backend.catalog.survey(session.target.profiles)
    writer = migration.writer(survey, session.target.settings)
    return tuple(replace(one, remedy=_theirs(one, writer)) for one in checks)


def _theirs(check: CheckResult, writer: str) -> str:
    """A remedy without the trigger of ours, where the app's own is kept."""
    ours = _OURS.get(check.check) if writer == "keep" else None
    return ours.sub("", check.remedy) if ours else check.remedy


def _until(session: Session, finding: Finding) -> Finding:
    """A finding that was accepted once, with the day until which that holds, or held."""
    for acceptance in session.target.settings.accept:
        if not finding.id.startswith(acceptance.id):
            continue
        if finding.accepted:
            return replace(finding, accepted=f"{acceptance.reason}; until {acceptance.until}")
        over = f"accepted until {acceptance.until}, which is over: {acceptance.reason}"
        return replace(finding, detail=f"{finding.detail}  ({over})")
    return finding


def examine(session: Session) -> Outcome:
    """Everything that can be told without a write: pauses, drift, what is installed, the checks.

    Args:
        session: the run's surroundings.
    """
    verified = verify(session)
    tables: list[TableResult] = []
    steps = list(verified.steps)
    codes = [verified.exit_code]
    for settings in session.target.profiles:
        try:
            table = session.backend.table(settings, writing=False)
            measured, _ = session.backend.status(table, list_users=0)
        except UsersyncError as error:
            steps.append(_could_not(settings.name, error))
            codes.append(2 if isinstance(error, Refused) else error.exit_code)
            continue
        tables.append(TableResult(settings.name, status=measured))
        codes.append(2 if measured.missing else 0)
    since = [
        result.status.missing_detail.oldest_at
        for result in tables
        if result.status and result.status.missing_detail
    ]
    for finding in _of_the_whole(session, steps):
        steps.append(finding)
        codes.append(2)
    oldest = min((moment for moment in since if moment), default=None)
    pushed = session.backend.catalog.pushed(oldest) if oldest else ()
    missing = any(result.status and result.status.missing for result in tables)
    books = shelf.healing()
    return replace(
        verified,
        tables=tuple(tables),
        checks=tuple(
            replace(check, runbook=books.get(check.check, "") if check.count else "")
            for check in verified.checks
        ),
        steps=tuple(steps),
        notes=(*map(_PUSHED.format, pushed), *repair.parked(session)),
        next_steps=(
            *verified.next_steps,
            *((session.command("sync", "--dry-run"),) if missing else ()),
            *_runbooks(session, verified, books, missing=missing, steps=steps),
        ),
        exit_code=worst(codes),
    )


def _of_the_whole(session: Session, told: Sequence[Step]) -> Iterator[Step]:
    """What no check asks: the rights of this role, and transactions that hold up changes."""
    known = {step.detail for step in told}
    try:
        problems = session.backend.access(session.target.profiles).problems
        for problem, remedy in problems:
            if not any(problem in detail for detail in known):
                yield Step(RIGHTS, "finding", problem, next_step=remedy)
        for holder in session.backend.catalog.holders():
            yield Step(LONG, "finding", holder.words())
    except Refused:
        # The API's door sees neither; connect.check says what it can.
        return


def _runbooks(
    session: Session,
    verified: Outcome,
    books: Mapping[str, str],
    *,
    missing: bool,
    steps: Sequence[Step],
) -> tuple[str, ...]:
    """The runbooks that help, the worst finding's first."""
    found = [check.check for check in verified.checks if check.exit_code == 2]
    found = ["paused"] * bool(verified.paused) + found
    found += ["missing_profile"] * missing
    names = {step.name for step in steps if step.status == "finding"}
    further = {"profile_table": TABLE, "rights": RIGHTS, "long_transaction": LONG}
    found += [key for key, name in further.items() if name in names]
    helping = dict.fromkeys(books[one] for one in found if one in books)
    return tuple(session.command(f"runbook.{name}", "--dry-run") for name in helping)


def _installed(
    session: Session,
) -> tuple[Survey, tuple[ChangeState, ...], tuple[Step, ...], tuple[Change, ...]]:
    """The changes and how the target stands to them, what kept us from telling, what is applied."""
    survey = session.backend.catalog.survey(session.target.profiles)
    try:
        found = migration.look(session)
    except UsersyncError as error:
        return survey, (), (_could_not(TABLE, error),), ()
    there = {state.name for state in found.states if state.state not in ("absent", "newer")}
    applied = tuple(change for change in found.changes if change.name in there)
    strangers = migration.unrecorded(found.survey) if found.survey.ledger else ()
    steps = tuple(
        Step(UNRECORDED, "finding", f"{one}: in no ledger entry of ours, so apply refuses")
        for one in strangers
    )
    return found.survey, found.states, steps, applied


def _own_checks(session: Session) -> tuple[tuple[CheckResult, ...], tuple[Step, ...]]:
    """What the checks of the team's own found, and those that could not be asked."""
    found: list[CheckResult] = []
    unasked: list[Step] = []
    for name in session.target.settings.checks:
        try:
            own = runbook.read_check(Path(name))
            found.append(session.backend.catalog.ask(own.name, own.header, own.text, {}))
        except UsersyncError as error:
            unasked.append(_could_not(name, error))
    return tuple(found), tuple(unasked)


def _could_not(name: str, error: UsersyncError) -> Step:
    status = "finding" if isinstance(error, Refused) else "unknown"
    return Step(name, status, error.message, next_step=error.next_step)  # type: ignore[arg-type]


def _codes(
    states: tuple[ChangeState, ...], checks: tuple[CheckResult, ...], steps: tuple[Step, ...]
) -> list[int]:
    installed = any(state.state not in ("absent", "newer") for state in states)
    faulty = any(
        state.state in _FAULTY or (installed and state.state == "absent") for state in states
    )
    told = [2 if step.status == "finding" else 1 for step in steps]
    return [*told, *(check.exit_code for check in checks), 2 if faulty else 0]


def _by_severity(checks: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """Those that found something first, the worst of them first of all."""
    return tuple(sorted(checks, key=lambda one: (not one.count, _SEVERITY[one.level])))


def _next(
    session: Session,
    survey: Survey,
    states: tuple[ChangeState, ...],
    checks: tuple[CheckResult, ...],
    paused: tuple[Paused, ...],
    writer: str,
) -> tuple[str, ...]:
    steps = [session.command("migration.resume", one.function) for one in paused]
    found = {check.check for check in checks if check.count > check.accepted}
    edited = any(state.state == "edited" for state in states)
    steps += [
        session.command(*task)
        for check, task in _FIRST_AID.items()
        if check in found
        and not (edited and "--dry-run" in task)
        and not (writer == "keep" and check == _NO_TRIGGER)
    ]
    installed = bool(survey.ledger)
    pending = any(state.state in migration.PENDING for state in states)
    if edited:
        steps.append(session.command("migration.apply", "--repair", "--dry-run"))
    elif installed and pending:
        # What an earlier configuration installed is nothing that apply would touch.
        bare = session.target.settings.install.what == "nothing"
        task = "uninstall" if bare else "migration.apply"
        steps.append(session.command(task, "--dry-run"))
    return tuple(dict.fromkeys(steps))
