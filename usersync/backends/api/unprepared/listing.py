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
from usersync.backends.api.unprepared.pile import Pile
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

    records: Pile = field(default_factory=Pile)
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

    def ids(self) -> Pile:
        """The first pass: the heads of the records of everybody."""
        return self._pass(PAGE_USERS, roster.head).records

    def records(self, seen: Pile, record: Callable[[Listed], bytes]) -> Iterator[bytes]:
        """The second pass and whatever more it takes: one record for everybody of the first.

        Args:
            seen: what `ids` answered; nothing is left of it.
            record: makes the record of a user.

        Raises:
            CouldNotTell: the list does not hold still, or is not whole.
        """
        known, lacking = seen, 0
        for per_page in (PAGE_USERS, *_OTHER_CUTS):
            latest = self._pass(per_page, record)
            lost = _Lost()
            for one, is_in_latest in _together(known, latest.records):
                lost.count(one, is_in_latest=is_in_latest)
            found = self._asked(lost.first, record) if lost.is_few else None
            users = lost.seen + (lost.number if found is None else len(found))
            lacking = latest.last_total - users - len(latest.newer)
            whole = found is not None or (latest.is_steady and not lost.bare)
            known = _settled(known, latest.records, found)
            if whole and not latest.lacks(users):
                return known.drained()
        raise CouldNotTell(
            f"the API's list of users does not hold still: after {2 + len(_OTHER_CUTS)} passes"
            f" {max(lacking, 0):,} users that its total counts were on no page; many share one"
            " sign-up time, or are being added and deleted right now",
            "over a database connection it is one statement: set SUPABASE_DB_URL\n"
            "or try again when less happens",
        )

    def _asked(
        self, lost: Iterable[bytes], record: Callable[[Listed], bytes]
    ) -> dict[bytes, bytes]:
        """The records of those who are still there, asked for by id."""
        users = (self._admin.user(roster.id_of(one)) for one in lost)
        records = (record(user) for user in users if user is not None)
        return {one[: roster.ID_BYTES]: one for one in records}

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
                    done.records.add(one)
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


@dataclass(slots=True)
class _Lost:
    """Who was known and is not in the latest pass."""

    seen: int = 0
    """How many are in it."""
    number: int = 0
    bare: int = 0
    """Of whom no more than id and sign-up time are known."""
    first: list[bytes] = field(default_factory=list)

    def count(self, record: bytes, *, is_in_latest: bool) -> None:
        if is_in_latest:
            self.seen += 1
            return
        self.number += 1
        self.bare += roster.is_bare(record)
        if len(self.first) < _ASKED_FOR:
            self.first.append(record)

    @property
    def is_few(self) -> bool:
        """Whether each of them can be asked for."""
        return self.number <= _ASKED_FOR


def _together(known: Iterable[bytes], latest: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    return roster.merged(roster.distinct(known), roster.distinct(latest))


def _settled(known: Pile, latest: Pile, found: dict[bytes, bytes] | None) -> Pile:
    """Everybody of the latest pass, and of the others those who were found, or all of them."""
    settled = Pile()
    for one, is_in_latest in _together(known.drained(), latest.drained()):
        if is_in_latest or found is None:
            settled.add(one)
        elif one[: roster.ID_BYTES] in found:
            settled.add(found[one[: roster.ID_BYTES]])
    return settled
