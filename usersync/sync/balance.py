"""The balance of a run: what became of the planned users that it neither created nor failed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from usersync.backends import Backend, Ids, Selection
from usersync.sync.plan import Planned
from usersync.sync.work import PAGE_ROWS, Pages


@dataclass(frozen=True, slots=True)
class Balance:
    """What a run knows at its end beside what its batches did; see `usersync.model.Summary`."""

    already_there: int = 0
    gone: int = 0
    remaining: int = 0
    """Planned users who have no profile still, and did not fail."""
    newer: int = 0


def strike(
    backend: Backend,
    planned: Planned,
    *,
    created: int,
    already_there: int,
    failed_ids: Collection[str],
) -> Balance:
    """Look once who has no profile now, and account for every planned user.

    Args:
        backend: an open door.
        planned: the plan, all of whose work is done.
        created: profiles that the run made.
        already_there: users whom its batches by name found with a profile of somebody else's.
        failed_ids: users whose profile could not be made.
    """
    missing, newer = backend.remaining(planned.table, planned.selection)
    if planned.counts.user_ids is not None:
        # Each of them was in a batch, which left nobody out.
        remaining, beside = _by_name(backend, planned, failed_ids, missing)
        gone = planned.plan.rows - created - len(failed_ids) - already_there
        return Balance(already_there, gone, remaining, newer + beside)
    remaining = max(missing - len(failed_ids), 0)
    rest = max(planned.plan.rows - created - len(failed_ids) - remaining, 0)
    if rest > already_there:
        others = _made_by_others(backend, planned, created)
        already_there = min(max(others, already_there), rest)
    return Balance(already_there, rest - already_there, remaining, newer)


def _by_name(
    backend: Backend, planned: Planned, failed_ids: Collection[str], missing: int
) -> tuple[int, int]:
    """How many of the planned users have no profile, and how many others of their time."""
    if missing <= len(failed_ids):
        return 0, 0
    names = set(planned.counts.user_ids or ())
    pages = Pages(backend, planned.table, planned.selection, skip_ids=frozenset(failed_ids))
    remaining = beside = 0
    while batch := pages.claim(PAGE_ROWS):
        assert isinstance(batch, Ids)
        found = len(names.intersection(batch.user_ids))
        remaining, beside = remaining + found, beside + len(batch.user_ids) - found
    return remaining, beside


def _made_by_others(backend: Backend, planned: Planned, created: int) -> int:
    """How many more profiles there are now than this run made, of users of the plan's time."""
    of_its_time = Selection(newest_at=planned.plan.as_of, share=planned.selection.share)
    now = backend.profiles_there(planned.table, of_its_time)
    return now - planned.counts.existing_in_share - created
