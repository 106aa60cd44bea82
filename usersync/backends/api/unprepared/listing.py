"""The whole list of users, read twice, so that what it comes to can be believed.

Pages are cut by sign-up time alone and by offset: while people sign up and go, and among users who
share one time, rows repeat and vanish between pages (supabase/auth, internal/api/admin.go). So
users are told apart by id; the passes are held against each other and against the total that each
page names; who was in one of them only is asked for by id; and while users are still lacking,
another pass cuts the pages elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from usersync.backends.api.admin import Admin, Listed, Page, PageUnreadable
from usersync.backends.api.unprepared import roster
from usersync.backends.api.unprepared.unreadable import explain
from usersync.errors import CouldNotTell

#: Users a page; GoTrue has no maximum, and ends a request after ten seconds.
PAGE_USERS = 1_000

#: Where further passes cut the pages, so that ties fall apart in another way.
_OTHER_CUTS = (900, 1_100, 700)

#: So many are asked for one by one.
_ASKED_FOR = 100

#: The server's clock is told by the second; users dated further ahead did not sign up later.
_A_SECOND = timedelta(seconds=1)
_AHEAD = timedelta(minutes=1)


@dataclass(slots=True)
class _Pass:
    """One pass over all pages."""

    records: list[bytes] = field(default_factory=list)
    newer: set[bytes] = field(default_factory=set)
    """Ids of users who signed up since the listing began."""
    first_total: int = 0
    last_total: int = 0

    @property
    def is_steady(self) -> bool:
        """Whether nobody came or went that the totals could tell."""
        return self.first_total == self.last_total

    def lacks(self, known: int) -> bool:
        """Whether the totals know of more users than are known."""
        return known + len(self.newer) < min(self.first_total, self.last_total)


class Listing:
    """Reads the list of one project.

    Args:
        admin: the admin API.
        first: the first page, of `PAGE_USERS`; the listing began before it.
    """

    def __init__(self, admin: Admin, first: Page) -> None:
        self._admin = admin
        self._first: Page | None = first
        self.as_of = first.at + _A_SECOND

    def ids(self) -> bytes:
        """The first pass: the heads of the records of everybody, packed."""
        heads = self._pass(PAGE_USERS, roster.head).records
        roster.distinct(heads)
        return b"".join(heads)

    def records(self, seen: bytes, record: Callable[[Listed], bytes]) -> list[bytes]:
        """The second pass and whatever more it takes: one record for everybody of the first.

        Args:
            seen: what `ids` answered.
            record: makes the record of a user.

        Raises:
            CouldNotTell: the list does not hold still, or is not whole.
        """
        known: Iterable[bytes] = _unpacked(seen)
        lacking = 0
        for per_page in (PAGE_USERS, *_OTHER_CUTS):
            latest = self._pass(per_page, record)
            roster.distinct(latest.records)
            together: list[bytes] = []
            lost: list[bytes] = []
            for one, is_in_latest in roster.merged(known, latest.records):
                (together if is_in_latest else lost).append(one)
            latest.records = []
            asked = len(lost) <= _ASKED_FOR
            together += [*self._asked(lost, record)] if asked else lost
            together.sort()
            whole = asked or not any(map(roster.is_bare, lost))
            if whole and (asked or latest.is_steady) and not latest.lacks(len(together)):
                return together
            lacking = latest.last_total - len(together) - len(latest.newer)
            known = together
        raise CouldNotTell(
            f"the API's list of users does not hold still: after {2 + len(_OTHER_CUTS)} passes"
            f" {max(lacking, 0):,} users that its total counts were on no page; many share one"
            " sign-up time, or are being added and deleted right now",
            "over a database connection it is one statement: set SUPABASE_DB_URL\n"
            "or try again when less happens",
        )

    def _asked(self, lost: Iterable[bytes], record: Callable[[Listed], bytes]) -> Iterator[bytes]:
        """Those who are still there, asked for by id."""
        for one in lost:
            user = self._admin.user(roster.id_of(one))
            if user is not None:
                yield record(user)

    def _pass(self, per_page: int, record: Callable[[Listed], bytes]) -> _Pass:
        done = _Pass()
        number = 0
        while True:
            number += 1
            page = self._page(number, per_page)
            if number == 1:
                done.first_total = page.total
            done.last_total = page.total
            for user in page.users:
                one = record(user)
                if self._is_newer(user):
                    done.newer.add(one[: roster.ID_BYTES])
                else:
                    done.records.append(one)
            if not page.users or number * per_page >= page.total:
                return done

    def _page(self, number: int, per_page: int) -> Page:
        if self._first is not None and number == 1:
            page, self._first = self._first, None
            return page
        return page_of(self._admin, number, per_page)

    def _is_newer(self, user: Listed) -> bool:
        created_at = datetime.fromisoformat(user["created_at"])
        return self.as_of < created_at <= self.as_of + _AHEAD


def page_of(admin: Admin, number: int, per_page: int) -> Page:
    """One page; where the Auth server cannot read it, the error says which row and why.

    Raises:
        CouldNotTell: as above.
    """
    try:
        return admin.page(number, per_page)
    except PageUnreadable as error:
        raise explain(admin, number, per_page, error) from error


def _unpacked(heads: bytes) -> Iterator[bytes]:
    for start in range(0, len(heads), roster.HEAD_BYTES):
        yield heads[start : start + roster.HEAD_BYTES]
