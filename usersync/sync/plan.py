"""The plan: whom a sync would give a profile, what it would fire, and what would stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from usersync import __version__
from usersync.backends import Cursor, Numbers, PlanCounts, Selection, Table
from usersync.digest import Digest, fingerprint
from usersync.errors import Refused, Stopped
from usersync.model import Plan
from usersync.session import Session
from usersync.sql import profiles
from usersync.sync import guards
from usersync.sync.latecomers import LOOKED_AT, latecomers
from usersync.sync.numbers import explained, numbers
from usersync.sync.work import PAGE_ROWS


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What a person may say about one sync.

    ``share`` is ``(number, of)``; ``rate`` is in rows a second; ``batch_size`` in rows, None to
    follow the latency; ``approve`` is a digest as the dry run printed it; ``wait_s`` is how long
    to wait for another approved run.
    """

    workers: int = 1
    share: tuple[int, int] | None = None
    limit: int | None = None
    max_rows: int | None = None
    rate: float | None = None
    batch_size: int | None = None
    approve: str | None = None
    yes: bool = False
    wait_s: float = 0.0
    first_fill: bool = False
    fire_triggers: tuple[str, ...] = ()

    def words(self) -> tuple[str, ...]:
        """These options as they are typed, apart from an agreement, which is given anew."""
        values = {
            "--workers": self.workers if self.workers > 1 else None,
            "--shard": f"{self.share[0]}/{self.share[1]}" if self.share else None,
            "--limit": self.limit,
            "--max-rows": self.max_rows,
            "--rate": f"{self.rate:g}" if self.rate else None,
            "--batch-size": self.batch_size,
        }
        given = [(flag, str(value)) for flag, value in values.items() if value is not None]
        given += [("--fire-trigger", name) for name in self.fire_triggers]
        words = [word for pair in given for word in pair]
        return (*words, *(["--first-fill"] if self.first_fill else []))


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what is needed to carry it out."""

    table: Table
    selection: Selection
    plan: Plan
    counts: PlanCounts
    numbers: Numbers | None = None
    """Those behind the values of columns with ``unique: suffix``."""


def make_plan(
    session: Session,
    table: Table,
    options: SyncOptions,
    *,
    list_users: int,
    carry_out: bool = False,
) -> Planned:
    """Work out what a sync would do; writes nothing.

    Args:
        session: the run's surroundings.
        table: the profile table.
        options: what was asked for; with ``approve`` the plan is made for the users of that digest.
        list_users: how many of the planned users to list.
        carry_out: whether it is there to be carried out, and must know whom it means.

    Raises:
        Refused: ``approve`` is no digest.
        Stopped: the approved plan is stale, or was carried out already.
    """
    guards.refuse_unrunnable(session, [table])
    approved = Digest.parse(options.approve) if options.approve else None
    selection = Selection(
        newest_at=approved.newest_at if approved else None,
        share=options.share,
        last=_last_of_limit(session, table, options, approved),
    )
    listed = PAGE_ROWS if carry_out else 0
    with explained(table):
        counts = session.backend.plan(table, selection, listed=listed)
    if approved and counts.planned > approved.rows:
        late = latecomers(
            session.backend.touched_users(table, selection, LOOKED_AT),
            counts.planned - approved.rows,
            int(approved.users, 16) ^ int(counts.users_digest, 16),
        )
        if late:
            selection = replace(selection, without=late)
            counts = session.backend.plan(table, selection, listed=listed)
    newest_at = approved.newest_at if approved else (counts.newest_at or counts.as_of)
    selection = replace(selection, newest_at=newest_at)
    given, numbered = numbers(session.backend, table, selection, list_users)
    digest = _digest(session, table, options, counts, selection, given)
    if approved:
        _stop_if_stale(session, options, approved, digest)
    triggers = session.backend.triggers(table)
    users = (
        session.backend.missing_users(table, selection, None, list_users)
        if counts.planned and list_users
        else ()
    )
    plan = Plan(
        as_of=counts.as_of,
        total=counts.total,
        existing=counts.existing,
        rows=counts.planned,
        digest=str(digest),
        columns=_columns(table),
        users=users,
        triggers=triggers,
        newer=counts.newer if approved else 0,
        numbered=numbered,
    )
    standing = guards.guards(session, plan, options)
    if plan.rows:
        standing = (*guards.read_only_guard(session, table), *standing)
    plan = replace(plan, guards=standing)
    return Planned(table, selection, plan, counts, given)


def refuse_impossible(options: SyncOptions, tables: Sequence[Table]) -> None:
    """Refuse options that contradict each other or the tables.

    Raises:
        Refused: one digest cannot approve the plans of several tables.
    """
    if options.approve and len(tables) > 1:
        raise Refused(
            "one digest approves the plan of one profile table, and there are several",
            "give each table a target of its own in usersync.yaml",
        )


def _last_of_limit(
    session: Session, table: Table, options: SyncOptions, approved: Digest | None
) -> Cursor | None:
    """The user with whom a limited plan ends; None when the limit does not bite."""
    if options.limit is None:
        return None
    within = Selection(newest_at=approved.newest_at if approved else None, share=options.share)
    last = session.backend.missing_users(table, within, None, 1, skip=options.limit - 1)
    return Cursor(last[0].created_at, last[0].id) if last else None


def _digest(
    session: Session,
    table: Table,
    options: SyncOptions,
    counts: PlanCounts,
    selection: Selection,
    given: Numbers | None,
) -> Digest:
    settings = session.target.settings
    assert selection.newest_at is not None
    return Digest(
        rows=counts.planned,
        newest_at=selection.newest_at,
        target=fingerprint(
            session.backend.identity, session.target.environment, table.settings.name
        ),
        schema=fingerprint(table.definition, table.own_function and table.own_function.definition),
        settings=fingerprint(settings.users, sorted(_columns(table)), options.share, options.limit),
        tool=fingerprint(__version__),
        users=counts.users_digest,
        values=fingerprint(counts.values_digest, *([] if given is None else [given]), length=8),
    )


def _stop_if_stale(session: Session, options: SyncOptions, approved: Digest, now: Digest) -> None:
    used_by = session.journal.digest_used(str(approved))
    if used_by:
        raise Stopped(
            f"this plan was carried out already, by run {used_by}; a digest approves once",
            f"make a new one: {session.command('sync', '--dry-run', *options.words())}",
        )
    moved = approved.moved(now)
    if moved:
        raise Stopped(
            f"the plan is stale: what moved since is {' and '.join(moved)}",
            f"make a new one and read it: {session.command('sync', '--dry-run', *options.words())}",
        )


def _columns(table: Table) -> tuple[str, ...]:
    key = f"{table.settings.key} <- id"
    own = table.own_function
    if own is not None:
        made = f"every column <- {', '.join(own.functions)}, as at a sign-up"
        others = (f"it also writes {', '.join(own.also_writes)}",) if own.also_writes else ()
        beside = (f"not run: {', '.join(own.left_out)}",) if own.left_out else ()
        return (made, *others, *beside)
    return (
        key,
        *(
            f"{column} <- {source.describe()}"
            for column, source in profiles.sources(table.settings).items()
        ),
    )
