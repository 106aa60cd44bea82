"""Operations on the rows of the profile tables: measure, sync, create one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from usersync import connect, profile, shelf, sync
from usersync.backends import Ids, Selection, Table
from usersync.errors import Refused, UsersyncError
from usersync.model import LIST_LENGTH, Outcome, TableResult, worst
from usersync.operations.registry import operation
from usersync.session import Session


@operation("status", "read", tells=("missing", "total", "existing", "orphans", "paused"))
def status(
    session: Session,
    *,
    quick: bool = False,
    verbose: bool = False,
    history: int = 0,
    ids_to: str | None = None,
) -> Outcome:
    """Measure the drift of every profile table.

    Args:
        quick: the two counts alone.
        verbose: list the first missing users.
        history: how many lines of the journal to show.
        ids_to: a file for the whole ids of all missing users, one a line.
    """
    results = []
    books = shelf.healing()
    listed: tuple[str, ...] = ()
    for settings in session.target.profiles:
        table = session.backend.table(settings, writing=False)
        if quick:
            result = TableResult(settings.name, status=session.backend.quick_status(table))
        else:
            measured, checks = session.backend.status(
                table, list_users=LIST_LENGTH if verbose else 0
            )
            named = tuple(
                replace(check, runbook=books.get(check.check, "") if check.count else "")
                for check in checks
            )
            result = TableResult(settings.name, status=measured, checks=named)
        results.append(result)
        if ids_to:
            listed = (*listed, _write_ids(session, table, ids_to))
    missing = any(result.status and result.status.missing for result in results)
    codes = [2 if missing else 0, *(c.exit_code for r in results for c in r.checks)]
    return Outcome(
        tables=tuple(results),
        paused=() if quick else session.backend.catalog.paused(session.target.profiles),
        history=session.journal.history(history) if history else (),
        notes=listed,
        next_steps=(session.command("sync", "--dry-run"),) if missing else (),
        exit_code=worst(codes),
    )


@operation("sync.plan", "read", tells=("missing", "total", "existing"))
def plan_sync(session: Session, *, options: sync.SyncOptions) -> Outcome:
    """Say exactly what a sync would do, with the digest that approves it; writes nothing."""
    planned = _plans(session, options)
    if isinstance(planned, Outcome):
        return planned
    pending = [one.plan for one in planned if one.plan.rows]
    return Outcome(
        tables=tuple(TableResult(one.table.settings.name, plan=one.plan) for one in planned),
        next_steps=_after_plan(session, planned, options),
        exit_code=2 if pending else 0,
        digest=pending[0].digest if len(planned) == 1 and pending else "",
    )


@operation("sync.rehearse", "data")
def rehearse_sync(session: Session, *, options: sync.SyncOptions) -> Outcome:
    """Run the real statements of a sync and roll them back: exact counts, exact failures."""
    if session.backend.most_rehearsed == 0:
        raise Refused(
            "nothing can be rehearsed this way: every statement over the API is kept",
            "over a database connection: set SUPABASE_DB_URL\n"
            f"or with usersync's functions installed there: {session.installing('full')}\n"
            f"or read the plan: {session.command('sync', '--dry-run')}",
        )
    planned = _plans(session, options, carry_out=True)
    if isinstance(planned, Outcome):
        return planned

    def rehearse(one: sync.Planned) -> tuple[Any, UsersyncError | None]:
        sync.stop_at(tuple(guard for guard in one.plan.guards if guard.name == "trigger"))
        return sync.rehearse(session, one, options)

    outcome = _each(planned, rehearse)
    pending = any(one.plan.rows for one in planned)
    return replace(
        outcome,
        next_steps=(
            *outcome.next_steps,
            *(() if outcome.error else _after_plan(session, planned, options)),
        ),
        exit_code=worst([outcome.exit_code, 2 if pending else 0]),
    )


@operation(
    "sync",
    "data",
    tells=("created", "failed"),
    plan="sync.plan",
    rehearsal="sync.rehearse",
    repeatable=True,
)
def run_sync(session: Session, *, options: sync.SyncOptions) -> Outcome:
    """Create the missing profiles, exactly those of the plan; existing ones are never touched.

    An approved plan is carried out once: such runs take turns on a target. Others run side by side.
    """
    turn = session.backend.exclusively("sync --approve", options.wait_s)
    with turn if options.approve else contextlib.nullcontext():
        return _sync(session, options)


def _sync(session: Session, options: sync.SyncOptions) -> Outcome:
    # Listing users costs a scan of both tables: only for a person who is asked.
    planned = _plans(
        session,
        options,
        list_users=LIST_LENGTH if session.target.is_production else 0,
        carry_out=True,
    )
    if isinstance(planned, Outcome):
        return planned
    try:
        for one in planned:
            sync.stop_at(one.plan.guards)
        for one in planned:
            sync.authorize(
                session,
                "sync",
                TableResult(one.table.settings.name, plan=one.plan),
                *options.words(),
                approve=options.approve,
                yes=options.yes,
            )
    except UsersyncError as error:
        return _stopped(planned, error)
    outcome = _each(planned, lambda one: sync.execute(session, one, options))
    expected = session.target.settings.health.schedule
    if expected and expected.task == "sync" and not any(one.plan.rows for one in planned):
        # Nothing was to do; where a schedule is watched, that it ran is told all the same.
        session.journal.ended("", counts={}, exit_code=outcome.exit_code)
    failed = any(result.summary and result.summary.failed for result in outcome.tables)
    steps = (session.command("status"),) if failed or outcome.error else ()
    return replace(outcome, next_steps=(*outcome.next_steps, *steps))


@operation("create-profile.rehearse", "data")
def rehearse_profile(
    session: Session,
    *,
    reference: str,
    role: str | None = None,
    fire_triggers: Sequence[str] = (),
) -> Outcome:
    """Create the missing profile of one user, and roll it back."""
    return profile.create(
        session, reference, role=role, yes=False, fire_triggers=tuple(fire_triggers), keep=False
    )


@operation("create-profile", "data", rehearsal="create-profile.rehearse", repeatable=True)
def create_profile(
    session: Session,
    *,
    reference: str,
    role: str | None = None,
    yes: bool = False,
    fire_triggers: Sequence[str] = (),
) -> Outcome:
    """Create the missing profile of one user, found by id, short id or address."""
    return profile.create(
        session, reference, role=role, yes=yes, fire_triggers=tuple(fire_triggers)
    )


@operation("connect.check", "read", each_door=True, tells=("findings",))
def check_connection(session: Session) -> Outcome:
    """Say what each open door sees and may do, with the remedy for what it may not."""
    return connect.check(session)


def _write_ids(session: Session, table: Table, path: str) -> str:
    """Stream the ids of all missing users to a file that only its user can read."""
    if len(session.target.profiles) > 1:
        raise Refused(
            "--ids-to writes the ids of one profile table, and there are several",
            "give each table a target of its own in usersync.yaml",
        )
    pages = sync.Pages(session.backend, table, Selection())
    count = 0
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            while batch := pages.claim(sync.PAGE_ROWS):
                assert isinstance(batch, Ids)
                file.writelines(f"{user_id}\n" for user_id in batch.user_ids)
                count += len(batch.user_ids)
    except OSError as error:
        raise Refused(f"--ids-to: {path} cannot be written: {error.strerror}") from error
    return f"{count:,} ids written to {path}"


def _plans(
    session: Session,
    options: sync.SyncOptions,
    *,
    list_users: int = LIST_LENGTH,
    carry_out: bool = False,
) -> list[sync.Planned] | Outcome:
    """The plan of every table; what stops one of them, told with those that were made."""
    planned: list[sync.Planned] = []
    tables = [session.backend.table(settings, writing=True) for settings in session.target.profiles]
    sync.refuse_impossible(options, tables)
    if carry_out:
        sync.refuse_read_only(tables)
    for table in tables:
        try:
            planned.append(
                sync.make_plan(session, table, options, list_users=list_users, carry_out=carry_out)
            )
        except UsersyncError as error:
            return _stopped(planned, error)
    return planned


def _each(
    planned: Sequence[sync.Planned],
    do: Callable[[sync.Planned], tuple[Any, UsersyncError | None]],
) -> Outcome:
    """Do one table after the other; an error ends it and keeps what was done."""
    results: list[TableResult] = []
    error: UsersyncError | None = None
    for one in planned:
        summary = None
        try:
            summary, error = do(one)
        except UsersyncError as raised:
            error = raised
        results.append(TableResult(one.table.settings.name, plan=one.plan, summary=summary))
        if error is not None:
            break
    failed = any(result.summary and result.summary.failed for result in results)
    return Outcome(
        tables=tuple(results),
        exit_code=worst([error.exit_code if error else 0, 2 if failed else 0]),
        error=error.message if error else "",
        next_steps=_lines(error),
    )


def _stopped(planned: Sequence[sync.Planned], error: UsersyncError) -> Outcome:
    return Outcome(
        tables=tuple(TableResult(one.table.settings.name, plan=one.plan) for one in planned),
        exit_code=error.exit_code,
        error=error.message,
        next_steps=_lines(error),
    )


def _lines(error: UsersyncError | None) -> tuple[str, ...]:
    return tuple(error.next_step.splitlines()) if error else ()


def _after_plan(
    session: Session, planned: Sequence[sync.Planned], options: sync.SyncOptions
) -> tuple[str, ...]:
    pending = [one.plan for one in planned if one.plan.rows]
    if not pending:
        return ()
    if len(planned) > 1:
        return (session.command("sync", *options.words()),)
    return (session.command("sync", *sync.approval(planned[0].plan, options)),)
