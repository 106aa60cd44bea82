"""Sync: create the missing profiles, exactly those of a plan, and nothing else."""

from usersync.sync.engine import execute, rehearse
from usersync.sync.guards import (
    allowed_rows,
    approval,
    authorize,
    can_make,
    consent,
    refuse_read_only,
    refuse_unrunnable,
    stop_at,
    trigger_guards,
)
from usersync.sync.plan import Planned, SyncOptions, make_plan, refuse_impossible
from usersync.sync.work import PAGE_ROWS, Pages

__all__ = [
    "PAGE_ROWS",
    "Pages",
    "Planned",
    "SyncOptions",
    "allowed_rows",
    "approval",
    "authorize",
    "can_make",
    "consent",
    "execute",
    "make_plan",
    "refuse_impossible",
    "refuse_read_only",
    "refuse_unrunnable",
    "rehearse",
    "stop_at",
    "trigger_guards",
]
