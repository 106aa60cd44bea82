"""The plan of a repair: which rows would change, what would stop it, and its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from usersync import __version__, sync
from usersync.backends import inspection
from usersync.backends.repairs import Ground, RowChange
from usersync.digest import Digest, fingerprint
from usersync.errors import Refused, Stopped
from usersync.model import LIST_LENGTH, Guard, Outcome, Repair, Step, TableResult
from usersync.repair import retention
from usersync.repair.job import Job, RepairOptions, not_installed
from usersync.session import Session
from usersync.sql.corrections import auth_sources

#: Stands for the newest user of a plan that is not about users.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_WOULD = {
    "profiles": "profiles would be rewritten from auth data",
    "emails": "profiles would get the e-mail that their user signs in with",
    "tokens": "users would get '' in place of null",
    "orphans": "profiles without a user would be parked",
    "parked": "parked profiles would be put back",
    "images": "rows would get their old values back",
}
_FIRES = {"orphans": "a delete", "parked": "an insert"}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what is needed to carry it out."""

    job: Job
    ground: Ground
    rows: tuple[RowChange, ...]
    """Those that can be changed."""
    others: tuple[RowChange, ...]
    """Those that it means and that stay."""
    digest: str
    guards: tuple[Guard, ...] = ()

    @property
    def table(self) -> str:
        """The name of the table."""
        return self.job.correction.name

    @property
    def row_is(self) -> str:
        """What a row of it is called: its table is no name for what anybody may read."""
        return "profile" if self.job.correction.table else "user"


def make_plan(session: Session, job: Job, options: RepairOptions, *, created: int = 0) -> Planned:
    """Work out what a repair would do; writes nothing.

    Args:
        session: the run's surroundings.
        job: what was asked for.
        options: what was said about it; with ``approve`` the plan is made for that digest.
        created: rows that the same run creates in the table, which count for its limit.

    Raises:
        Refused: the target cannot keep old values, rights are missing, or ``approve`` is no digest.
        Stopped: the approved plan is stale, or was carried out already.
    """
    approved = Digest.parse(options.approve) if options.approve else None
    repairs = session.backend.catalog.repairs
    ground = repairs.ground(job.correction)
    if not ground.keeps:
        raise not_installed(session, job.task)
    if not ground.may:
        raise Refused(
            f"{session.backend.user} may not change the rows of {job.correction.name}",
            "connect as postgres, or as the owner of the table",
        )
    found = repairs.rows(job.correction, ground)
    if approved:
        # Who signed up later is in another plan.
        found = tuple(
            row for row in found if row.created_at is None or row.created_at <= approved.newest_at
        )
    rows = tuple(row for row in found if row.is_possible)
    others = tuple(row for row in found if not row.is_possible)
    newest = approved.newest_at if approved else _newest(rows)
    digest = _digest(session, job, rows, newest)
    planned = Planned(job, ground, rows, others, str(digest) if rows or approved else "")
    if approved:
        _stop_if_stale(session, planned, approved, digest)
    return replace(planned, guards=_guards(session, planned, options, created))


def planned_result(planned: Planned) -> TableResult:
    """The plan as it is shown."""
    return TableResult(
        planned.table,
        repair=Repair(
            what=planned.job.correction.kind,
            state="planned",
            rows=len(planned.rows),
            blocked=len(planned.others),
            digest=planned.digest if planned.rows else "",
            triggers=planned.ground.triggers,
            guards=planned.guards,
        ),
    )


def would(planned: Planned) -> tuple[Step, ...]:
    """The first rows of a plan, those that stay first: they need somebody."""
    stay = [
        Step(planned.row_is, "finding", _why(row), user_id=row.id)
        for row in planned.others[:LIST_LENGTH]
    ]
    rows = [
        Step(planned.row_is, "would-change", row.detail, user_id=row.id)
        for row in planned.rows[:LIST_LENGTH]
    ]
    return (*stay, *rows)


def stop_at(session: Session, planned: Sequence[Planned], options: RepairOptions) -> None:
    """Stop where a guard stands, or where nobody agreed to a change of production.

    Raises:
        Refused: nobody is there to ask.
        Stopped: a guard stands, or the person said no.
    """
    for one in planned:
        sync.stop_at(one.guards)
    if options.approve:
        session.journal.approved()
    for one in planned:
        what = _WOULD[one.job.correction.kind]
        sync.consent(
            session,
            one.job.task,
            len(one.rows),
            Outcome(
                tables=(planned_result(one),),
                steps=would(one),
                notes=() if one.job.gives_back else retention.coming(session),
            ),
            would=what,
            question=f"{len(one.rows):,} {what} in {one.table}: do it?",
            agree=one.job.command(session, "--approve", one.digest),
            agreed=bool(options.approve) or options.yes,
        )


def _guards(
    session: Session, planned: Planned, options: RepairOptions, created: int
) -> tuple[Guard, ...]:
    job, rows = planned.job, len(planned.rows)
    found: list[Guard] = []
    if rows:
        again = job.command(session, "--dry-run")
        found += [
            Guard("read_only", one.message, f"{one.next_step}; then {again}")
            for one in inspection.read_only(planned.ground.read_only)
        ]
    given = [word for name in options.fire_triggers for word in ("--fire-trigger", name)]
    limit = sync.allowed_rows(session, options.max_rows, lambda: _users(session, job))
    if limit is not None and rows + created > limit:
        both = f"{created:,} profiles would be created and " if created else ""
        more = "together more" if created else "more"
        found.append(
            Guard(
                "max_rows",
                f"{both}{rows:,} {_WOULD[job.correction.kind]}, {more} than the {limit:,} allowed",
                job.command(session, "--max-rows", str(rows + created), *given),
            )
        )
    result = planned_result(planned).repair
    assert result is not None
    most = () if options.max_rows is None else ("--max-rows", str(options.max_rows))
    fired = sync.trigger_guards(
        session,
        result,
        options.fire_triggers,
        job.task,
        *job.words,
        *given,
        *most,
        event=_FIRES.get(job.correction.kind, "an update"),
    )
    return (*found, *fired)


def _users(session: Session, job: Job) -> int:
    """How many users there are, for the share that one run may change."""
    table = job.correction.table
    if table is None:
        return 0
    return session.backend.quick_status(table).total


def _newest(rows: Sequence[RowChange]) -> datetime:
    return max((row.created_at for row in rows if row.created_at), default=_NEVER)


def _digest(session: Session, job: Job, rows: Sequence[RowChange], newest: datetime) -> Digest:
    correction, settings = job.correction, session.target.settings
    table = correction.table
    sources = (
        sorted(f"{name}<-{one.describe()}" for name, one in auth_sources(table.settings).items())
        if table and correction.kind == "profiles"
        else ()
    )
    ids, values = hashlib.sha256(), hashlib.sha256()
    for row in sorted(rows, key=lambda one: one.id):
        ids.update(row.id.encode())
        values.update(row.hash.encode())
    return Digest(
        rows=len(rows),
        newest_at=newest,
        target=fingerprint(session.backend.identity, session.target.environment, correction.name),
        schema=fingerprint(table.definition if table else ""),
        settings=fingerprint(
            correction.kind,
            correction.run_id,
            settings.users,
            sources,
            retention.due_with(session, job),
        ),
        tool=fingerprint(__version__),
        users=ids.hexdigest(),
        values=values.hexdigest()[:8],
    )


def _stop_if_stale(session: Session, planned: Planned, approved: Digest, now: Digest) -> None:
    again = f"make a new one and read it: {planned.job.command(session, '--dry-run')}"
    used_by = session.journal.digest_used(str(approved))
    if used_by:
        raise Stopped(
            f"this plan was carried out already, by run {used_by}; a digest approves once", again
        )
    moved = approved.moved(now, "rows", "of them would change now")
    if moved:
        raise Stopped(f"the plan is stale: what moved since is {' and '.join(moved)}", again)


def _why(row: RowChange) -> str:
    if row.sqlstate:
        return f"stays: its value does not fit the column ({row.sqlstate})"
    return f"stays: {row.blocked}"
