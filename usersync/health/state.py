"""How a target is, in a few numbers and without anything about one person."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from usersync import schedule
from usersync.backends import Backend, Selection
from usersync.backends.survey import Survey
from usersync.config import ProfileTable, Target
from usersync.errors import UsersyncError
from usersync.ways import ways


@dataclass(frozen=True, slots=True)
class TableState:
    """One profile table, and the trigger that should fill it."""

    table: str
    users: int
    profiles: int
    missing: int
    missing_since: datetime | None
    """When the oldest user without a profile signed up."""
    trigger: Literal["on", "off", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class State:
    """What a monitor is told about a target."""

    target: str
    as_of: datetime
    status: Literal["healthy", "degraded", "unknown"]
    reasons: tuple[str, ...] = ()
    """Why it is degraded: ``paused``, ``overdue``, ``schedule``."""
    tables: tuple[TableState, ...] = ()
    paused_since: datetime | None = None
    last_sync_at: datetime | None = None
    """The end of the newest sync in the target's journal that had something to do and did it."""
    error: str = ""
    """Why it is unknown."""


def reachable(target: Target) -> bool:
    """Whether the database takes us in.

    Args:
        target: the one that is served.
    """
    try:
        _open(target).close()
    except UsersyncError:
        return False
    return True


def look(target: Target) -> State:
    """Measure a target; what keeps us from it is its state, and is not raised.

    Args:
        target: the one that is served.
    """
    try:
        with contextlib.closing(_open(target)) as door:
            return _measured(target, door)
    except UsersyncError as error:
        return unknown(target, error.message)


def unknown(target: Target, why: str) -> State:
    """The state of a target that could not be asked."""
    return State(target.name, datetime.now(UTC), "unknown", error=why)


def _open(target: Target) -> Backend:
    """The door to a target for somebody who does not wait: nothing is tried again."""
    timeout_s = target.settings.health.timeout_s
    hurried = target.settings.model_copy(
        update={
            "retry_s": 0.0,
            "connect_timeout_s": max(2, math.ceil(timeout_s)),
            "statement_timeout_s": timeout_s,
            "lock_timeout_s": timeout_s,
        }
    )
    read_only = True
    best = ways(replace(target, settings=hurried), say=lambda _: None, attended=False)[0]
    return best.open(read_only)


def _measured(target: Target, door: Backend) -> State:
    survey = _survey(target, door)
    measured = [_table(door, settings, survey) for settings in target.profiles]
    tables = tuple(state for state, _ in measured)
    as_of = min(moment for _, moment in measured)
    paused = door.catalog.paused(target.profiles) if survey else ()
    grace = timedelta(seconds=target.settings.health.overdue_s)
    overdue = survey is not None and any(
        # Whoever has no date of sign-up has waited for longer than anybody can say.
        one.missing and (one.missing_since is None or as_of - one.missing_since > grace)
        for one in tables
    )
    expected = target.settings.health.schedule
    is_late = expected is not None and schedule.is_overdue(
        expected, _last(door, expected.task), as_of
    )
    told = {"paused": bool(paused), "overdue": overdue, "schedule": is_late}
    reasons = tuple(reason for reason, holds in told.items() if holds)
    return State(
        target=target.name,
        as_of=as_of,
        status="degraded" if reasons else "healthy",
        reasons=reasons,
        tables=tables,
        paused_since=min((one.since for one in paused), default=None),
        last_sync_at=_last(door, "sync"),
    )


def _survey(target: Target, door: Backend) -> Survey | None:
    """What the catalog says; None where this door does not see it."""
    try:
        return door.catalog.survey(target.profiles)
    except UsersyncError:
        return None


def _table(
    door: Backend, settings: ProfileTable, survey: Survey | None
) -> tuple[TableState, datetime]:
    table = door.table(settings, writing=False)
    status = door.quick_status(table)
    # Where nothing tells of the catalog, every user would be listed for this.
    is_cheap = status.missing and survey is not None
    oldest = door.missing_users(table, Selection(), None, 1) if is_cheap else ()
    state = TableState(
        table=settings.name,
        users=status.total,
        profiles=status.existing,
        missing=status.missing,
        missing_since=oldest[0].created_at if oldest else None,
        trigger=_trigger(settings, survey),
    )
    return state, status.as_of


def _trigger(
    settings: ProfileTable, survey: Survey | None
) -> Literal["on", "off", "none", "unknown"]:
    if survey is None:
        return "unknown"
    name = f"{settings.schema_name}.{settings.table}"
    enabled = [
        one.enabled for one in survey.user_triggers if one.on_insert and name in one.inserts_into
    ]
    if not enabled:
        return "none"
    return "on" if {"O", "A"} & set(enabled) else "off"


def _last(door: Backend, task: str) -> datetime | None:
    return schedule.last_success(task, door.read_journal) if door.keeps_journal else None
