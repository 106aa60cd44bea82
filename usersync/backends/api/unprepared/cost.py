"""What listing every user takes, said before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from usersync.backends.api.admin import Page
from usersync.backends.api.unprepared.listing import PAGE_USERS
from usersync.backends.api.unprepared.tables import PAGE_ROWS
from usersync.errors import Refused

#: More users than this are listed only when somebody watches, or the configuration allows it.
UNATTENDED_USERS = 50_000

#: One key, with an address, as JSON.
_KEY_BYTES = 90

_PASSES = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate from the first page."""

    users: int
    requests: int
    megabytes: float
    minutes: float

    def __str__(self) -> str:
        size = f"{self.megabytes:,.0f} MB" if self.megabytes >= 1 else "less than 1 MB"
        time = f"{self.minutes:,.0f} minutes" if self.minutes >= 2 else f"{self._seconds} s"
        return f"{self.users:,} users, about {self.requests:,} requests, {size}, {time} or more"

    @property
    def _seconds(self) -> int:
        return max(round(self.minutes * 60), 1)


def estimate(first: Page, profiles: int) -> Cost:
    """What two passes and the keys of the profiles take.

    Args:
        first: the first page, of `PAGE_USERS`.
        profiles: how many profiles there are.
    """
    pages = _PASSES * max(-(-first.total // PAGE_USERS), 1)
    key_pages = profiles // PAGE_ROWS + 1
    listed = max(len(first.users), 1)
    size = _PASSES * first.size * first.total / listed + profiles * _KEY_BYTES
    # The least: further pages take the server longer, and a short first page says little.
    seconds = first.took_s * (pages + key_pages)
    return Cost(first.total, pages + key_pages, size / 1e6, seconds / 60)


def announce(
    cost: Cost, *, say: Callable[[str], None], attended: bool, allowed: bool, ways: str
) -> None:
    """Say what it takes, and stop where nobody could say no.

    Args:
        cost: what it takes.
        say: tells whoever watches.
        attended: whether somebody is at a terminal.
        allowed: whether the configuration allows it.
        ways: the other ways.

    Raises:
        Refused: there are many users, and nobody is there.
    """
    say(f"listing over the API: {cost}")
    if cost.users > UNATTENDED_USERS and not attended and not allowed:
        raise Refused(
            f"the API lists every user one page at a time: {cost}; above"
            f" {UNATTENDED_USERS:,} users nobody lists them unasked",
            f"{ways}\nor set allow_full_listing: true in usersync.yaml\n"
            "or run it at a terminal; status --quick takes two requests",
        )
