"""The missing users of a list, as the verbs of a door ask for them, and who got a profile since."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from usersync.backends import Cursor, PlanCounts, Selection
from usersync.backends.api.unprepared import roster
from usersync.backends.api.unprepared.roster import Roster
from usersync.backends.api.unprepared.uuid_hash import digest_share, in_share
from usersync.model import User

_AHEAD = timedelta(minutes=1)


class Planned:
    """What a list says of everybody whose profile is missing.

    Args:
        listed: the list.
    """

    def __init__(self, listed: Roster) -> None:
        self.listed = listed
        self._done = bytearray(len(listed.missing))
        self._handed_out: dict[str, int] = {}
        self._lock = threading.Lock()

    def counts(self, selection: Selection, *, digests: bool, listed: int = 0) -> PlanCounts:
        """The numbers of a plan, and what stands for its users and values.

        Args:
            selection: whom it means.
            digests: whether what stands for them is asked for.
            listed: name the users when there are no more than so many.
        """
        planned = newer = users_digest = digest = 0
        newest: datetime | None = None
        ahead = roster.instant(self.listed.as_of + _AHEAD).to_bytes(8, "big")
        chosen = _Chosen(selection, ahead)
        for number in self._selected(selection):
            record = self.listed.missing[number]
            if not chosen.holds(record):
                newer += 1
                continue
            planned += 1
            users_digest ^= digest_share(roster.raw_missing_id(record)) if digests else 0
            digest ^= roster.values_digest(record) if digests else 0
            if record[:8] <= ahead:
                newest = roster.created_at_of(record)
        existing = self.listed.total - len(self.listed.missing) + sum(self._done)
        named = self.page(selection, None, planned, 0) if 0 < planned <= listed else ()
        return PlanCounts(
            as_of=self.listed.as_of,
            total=self.listed.total,
            existing=existing,
            existing_in_share=existing,
            planned=planned,
            newer=newer,
            newest_at=newest,
            users_digest=f"{users_digest:064x}",
            values_digest=str(digest),
            user_ids=tuple(user.id for user in named) if planned <= listed else None,
        )

    def page(
        self, selection: Selection, after: Cursor | None, limit: int, skip: int
    ) -> tuple[User, ...]:
        """Some of the selected users, oldest first."""
        found: list[User] = []
        start = 0
        if after is not None:
            key = roster.position_key(after.created_at, after.user_id)
            start = bisect_right(self.listed.missing, key)
        for number in self._chosen(selection, start):
            if skip:
                skip -= 1
                continue
            user = self.listed.user(self.listed.missing[number])
            with self._lock:
                self._handed_out[user.id] = number
            found.append(user)
            if len(found) == limit:
                break
        return tuple(found)

    def newest(self, selection: Selection, limit: int) -> tuple[tuple[str, int], ...]:
        """The last to sign up of the selected, each with its share of the digest."""
        numbers = list(self._chosen(selection, 0))[-limit:]
        records = [self.listed.missing[number] for number in reversed(numbers)]
        return tuple(
            (roster.missing_id(one), digest_share(roster.raw_missing_id(one))) for one in records
        )

    def remaining(self, selection: Selection) -> tuple[int, int]:
        """How many of the selected have no profile still, and how many came after them."""
        counts = self.counts(selection, digests=False)
        return counts.planned, counts.newer

    def values(self, user_id: str) -> list[Any] | None:
        """The values of somebody's new profile; None for somebody who was not handed out."""
        number = self._handed_out.get(user_id)
        return None if number is None else roster.values_of(self.listed.missing[number])

    def settle(self, user_id: str, *, has_profile: bool) -> None:
        """Somebody who was handed out is done with."""
        with self._lock:
            number = self._handed_out.pop(user_id, None)
            if number is not None and has_profile:
                self._done[number] = 1

    def _selected(self, selection: Selection, start: int = 0) -> Iterator[int]:
        """Everybody of the share without a profile, whoever the plan means."""
        for number in range(start, len(self.listed.missing)):
            if not self._done[number] and (
                selection.share is None
                or in_share(roster.raw_missing_id(self.listed.missing[number]), selection.share)
            ):
                yield number

    def _chosen(self, selection: Selection, start: int) -> Iterator[int]:
        ahead = roster.instant(self.listed.as_of + _AHEAD).to_bytes(8, "big")
        chosen = _Chosen(selection, ahead)
        for number in self._selected(selection, start):
            if chosen.holds(self.listed.missing[number]):
                yield number


class _Chosen:
    """Whom a plan means, as `usersync.sql.users.in_plan` has it."""

    def __init__(self, selection: Selection, ahead: bytes) -> None:
        self._ahead = ahead
        self._newest = (
            None
            if selection.newest_at is None
            else roster.instant(selection.newest_at).to_bytes(8, "big")
        )
        last = selection.last
        self._last = roster.position_key(last.created_at, last.user_id) if last else None
        self._without = frozenset(selection.without)

    def holds(self, record: bytes) -> bool:
        """Whether somebody is meant."""
        if self._newest is not None and self._newest < record[:8] <= self._ahead:
            return False
        if self._last is not None and record > self._last:
            return False
        return not self._without or roster.missing_id(record) not in self._without
