"""``sync --no-preserve``: create what is missing, and rewrite what differs from auth data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from usersync import repair, sync
from usersync.errors import Refused, UsersyncError
from usersync.model import Guard, Outcome, Plan, TableResult, worst
from usersync.operations.profiles import plan_sync, rehearse_sync, run_sync
from usersync.operations.registry import operation
from usersync.operations.repairs import each, rehearsed, told, with_error, with_way_back
from usersync.repair import Job, RepairOptions
from usersync.session import Session

#: Between the digests of the two plans of one sync.
_AND = "+"


@operation("sync.overwrite.plan", "read", tells=("missing", "total", "existing"))
def plan_overwrite(session: Session, *, options: sync.SyncOptions) -> Outcome:
    """Say what a sync would create, and rewrite from auth data; writes nothing."""
    creation, jobs, rewriting = _both(session, options)
    created = plan_sync(session, options=creation)
    if created.error:
        return created
    planned = _beside(session, created, jobs, rewriting)
    return _together(session, options, created, told(session, planned))


@operation("sync.overwrite.rehearse", "data")
def rehearse_overwrite(session: Session, *, options: sync.SyncOptions) -> Outcome:
    """Create and rewrite profiles with the real statements, and roll both back."""
    creation, jobs, rewriting = _both(session, options)
    rewritten = rehearsed(session, jobs, rewriting)
    created = rehearse_sync(session, options=creation)
    if created.error or rewritten.error:
        return created if created.error else rewritten
    return _together(session, options, created, rewritten)


@operation("sync.overwrite", "data", tells=("created", "failed"), plan="sync.overwrite.plan")
def overwrite(session: Session, *, options: sync.SyncOptions) -> Outcome:
    """Create the missing profiles, and rewrite columns of auth data in those that are there."""
    creation, jobs, rewriting = _both(session, options)
    with session.backend.exclusively("sync --no-preserve", options.wait_s, for_all=True):
        created = plan_sync(session, options=creation)
        if created.error:
            return created
        planned = _beside(session, created, jobs, rewriting)
        try:
            repair.stop_at(session, planned, rewriting)
        except UsersyncError as error:
            return with_error(told(session, planned), error)
        created = run_sync(session, options=creation)
        if created.error:
            return created
        done = each(planned, lambda one: repair.carry_out(session, one))
        rewritten = with_way_back(session, done)
    return _together(session, options, created, rewritten)


def _beside(
    session: Session, created: Outcome, jobs: Sequence[Job], options: RepairOptions
) -> list[repair.Planned]:
    """The plans of what is rewritten beside what is created: one limit counts both."""
    rows = {one.table: one.plan.rows for one in created.tables if one.plan}
    return [
        repair.make_plan(session, job, options, created=rows.get(job.correction.name, 0))
        for job in jobs
    ]


def _both(
    session: Session, options: sync.SyncOptions
) -> tuple[sync.SyncOptions, tuple[Job, ...], RepairOptions]:
    """The two halves of a sync that overwrites: what is created, and what is rewritten.

    Raises:
        Refused: in production, and where a share or a limit of the users was asked for.
    """
    if session.target.is_production:
        raise Refused(
            "--no-preserve rewrites profiles, and never in production",
            f"what differs there: {session.command('doctor')}\n"
            f"e-mails alone, there too: {session.command('repair.emails', '--dry-run')}",
        )
    if options.share or options.limit:
        raise Refused(
            "--no-preserve rewrites every profile that differs; --shard and --limit are for"
            " profiles that are created",
            "leave them out",
        )
    first, _, second = (options.approve or "").partition(_AND)
    if options.approve and not second:
        raise Refused(
            "the digest given to --approve is none of a sync with --no-preserve",
            "copy it whole from the last lines of `sync --no-preserve --dry-run`",
        )
    rewriting = RepairOptions(
        max_rows=options.max_rows,
        approve=second or None,
        yes=options.yes,
        fire_triggers=options.fire_triggers,
    )
    words = [word for name in options.fire_triggers for word in ("--fire-trigger", name)]
    jobs = repair.jobs(session, "sync", "profiles", "--no-preserve", *words)
    return replace(options, approve=first or None), jobs, rewriting


def _together(
    session: Session, options: sync.SyncOptions, created: Outcome, rewritten: Outcome
) -> Outcome:
    """The outcome of both halves as one."""
    repairs = {result.table: result.repair for result in rewritten.tables}
    tables = [
        replace(one, repair=repairs.get(one.table), plan=_unlimited(one.plan))
        for one in created.tables
    ]
    plans = [one.plan.digest for one in tables if one.plan]
    digests = [one.digest for one in repairs.values() if one]
    pending = created.exit_code == 2 or rewritten.exit_code == 2
    digest, next_steps = "", created.next_steps
    if rewritten.digest and len(tables) == 1 and plans:
        digest = f"{plans[0]}{_AND}{rewritten.digest}"
        tables = [
            replace(
                one,
                plan=replace(one.plan, digest="") if one.plan else None,
                repair=replace(one.repair, digest=digest) if one.repair else None,
            )
            for one in tables
        ]
    if pending and any(one.plan and not one.summary for one in tables):
        flags = ("--approve", digest) if digest and digests else ()
        if flags and any(g.name == "max_rows" for one in tables for g in _guards(one)):
            rows = sum(one.rows for table in tables for one in (table.plan, table.repair) if one)
            options = replace(options, max_rows=rows)
        next_steps = (session.command("sync", "--no-preserve", *flags, *options.words()),)
    return replace(
        created,
        tables=tuple(tables),
        steps=(*created.steps, *rewritten.steps),
        notes=(*created.notes, *rewritten.notes),
        next_steps=next_steps or rewritten.next_steps,
        digest=digest,
        error=rewritten.error,
        exit_code=worst([created.exit_code, rewritten.exit_code]),
    )


def _guards(table: TableResult) -> tuple[Guard, ...]:
    return table.repair.guards if table.repair else ()


def _unlimited(plan: Plan | None) -> Plan | None:
    """Without the limit of what is created alone: the one of both stands."""
    if plan is None:
        return None
    return replace(plan, guards=tuple(one for one in plan.guards if one.name != "max_rows"))
