"""The list of users, made when somebody asks, once a run for each profile table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from usersync.backends.api.admin import Admin, Listed
from usersync.backends.api.unprepared import cost, predicate, values
from usersync.backends.api.unprepared.directory import Directory
from usersync.backends.api.unprepared.listing import PAGE_USERS, Listing, page_of
from usersync.backends.api.unprepared.planned import Planned
from usersync.backends.api.unprepared.roster import Clerk, Roster, missing_id
from usersync.backends.api.unprepared.tables import Tables
from usersync.backends.api.unprepared.ways import CONNECTION
from usersync.config import ProfileTable, Settings
from usersync.errors import Refused
from usersync.sql import profiles

#: So few are looked up once more at the end: their profile may have come meanwhile.
_LOOKED_UP = 100

#: Where a second look for one user cuts the pages.
_OTHER_CUT = 900


@dataclass
class Lists:
    """Makes lists and keeps them.

    Args:
        admin: the admin API.
        tables: the profile tables.
        settings: what holds in the target.
        say: tells whoever watches.
        attended: whether somebody is at a terminal.
    """

    admin: Admin
    tables: Tables
    settings: Settings
    say: Callable[[str], None]
    attended: bool
    took: str = ""
    """What the last list took, for the end of the output."""
    _made: dict[tuple[str, bool], Planned] = field(default_factory=dict)

    def of(self, table: ProfileTable, json_columns: frozenset[str] | None) -> Planned:
        """The list as it stands to one table.

        Args:
            table: the profile table.
            json_columns: those of type json or jsonb, for a list with the values of new profiles;
                None for one without values.
        """
        wanted = (table.name, json_columns is not None)
        if wanted not in self._made:
            self._made[wanted] = Planned(self._make(table, json_columns))
        return self._made[wanted]

    def made(self, table: ProfileTable, json_columns: frozenset[str]) -> Planned | None:
        """The list with values, when it was made already."""
        return self._made.get((table.name, json_columns is not None))

    def search(self, matches: Callable[[Listed], bool], most: int) -> list[Listed]:
        """The users that match, found page by page; at most so many."""
        self._announce(0)
        found: dict[str, Listed] = {}
        for per_page in (PAGE_USERS, _OTHER_CUT):
            for user in islice(self._all(per_page), None):
                if matches(user):
                    found[user["id"]] = user
                if len(found) == most:
                    break
            if found:
                break
        return list(found.values())

    def _all(self, per_page: int) -> Iterator[Listed]:
        number = 0
        while True:
            number += 1
            page = page_of(self.admin, number, per_page)
            yield from page.users
            if not page.users or number * per_page >= page.total:
                return

    def _announce(self, profiles_there: int) -> Listing:
        first = page_of(self.admin, 1, PAGE_USERS)
        cost.announce(
            cost.estimate(first, profiles_there),
            say=self.say,
            attended=self.attended,
            allowed=self.settings.allow_full_listing,
            ways=CONNECTION,
        )
        return Listing(self.admin, first)

    def _make(self, table: ProfileTable, json_columns: frozenset[str] | None) -> Roster:
        started = time.monotonic()
        before = self.admin.requests + self.tables.requests
        received = self.admin.received
        listing = self._announce(self.tables.count(table, [table.key]))
        seen = listing.ids()
        directory = self._directory(table)
        clerk = Clerk(
            predicate.skip_number(self.settings.users),
            predicate.provider,
            directory,
            None if json_columns is None else values.row_of(table, json_columns),
        )
        listed = Roster(listing.as_of, clerk.providers)
        listed.take(listing.records(seen, clerk.record))
        self._look_again(table, listed, directory)
        requests = self.admin.requests + self.tables.requests - before
        self.took = (
            f"{requests:,} requests, {(self.admin.received - received) / 1e6:,.1f} MB of users,"
            f" {time.monotonic() - started:,.1f} s"
        )
        return listed

    def _directory(self, table: ProfileTable) -> Directory:
        directory = Directory()
        try:
            for key, address in self.tables.keys(table, profiles.email_column(table)):
                directory.add(key, address)
        except (ValueError, AttributeError):
            raise Refused(
                f"{table.name} holds something else than user ids, which are uuids",
                "name the column that references auth.users(id) as key: in usersync.yaml",
            ) from None
        return directory

    def _look_again(self, table: ProfileTable, listed: Roster, directory: Directory) -> None:
        """A profile made, or deleted with its user, while the list was read is no finding."""
        if 0 < len(listed.missing) <= _LOOKED_UP:
            ids = [missing_id(one) for one in listed.missing]
            listed.correct(self.tables.present(table, ids))
        nobodys = list(islice(directory.nobodys(), _LOOKED_UP + 1))
        if len(nobodys) > _LOOKED_UP:
            listed.nobodys = sum(1 for _ in directory.nobodys())
        elif nobodys:
            listed.nobodys = len(self.tables.present(table, nobodys))
