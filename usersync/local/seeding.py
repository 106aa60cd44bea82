"""Made-up users for the local stack: of every kind that a real project has, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from usersync.backends.postgres import connection
from usersync.errors import Refused

MOST_USERS = 5_000_000


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """How many users a seed made.

    Args:
        users: those who need a profile.
        missing: those of them who have none.
        anonymous: further ones, who need none.
        soft_deleted: further ones, who need none.
    """

    users: int
    missing: int
    anonymous: int
    soft_deleted: int


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def seed(
    url: str, *, users: int, missing: int, seed: int = 0, clock: Callable[[], datetime] = now
) -> SeedSummary:
    """Fill an empty local stack with users and profiles, as an import would: no trigger fires.

    The same arguments on the same day (UTC) give the same rows, down to the byte. From 20 users
    on, 4 % more are anonymous and 3 % more soft-deleted; neither has a profile. The missing are the
    newest, since the trigger "broke" three days ago, but for every twentieth: these are the oldest,
    from before there was a trigger. Statistics are left to autovacuum: postgres may not analyze
    auth.users. There are no identities and no sessions.

    Args:
        url: the local stack.
        users: how many need a profile by the default predicate.
        missing: how many of them have none.
        seed: another number gives other ids, names and times.
        clock: tells which day it is.

    Raises:
        Refused: the numbers make no sense, or the local stack is not empty.
    """
    if users < 0 or missing < 0:
        raise Refused("the numbers of users and of missing profiles cannot be negative")
    if missing > users:
        raise Refused(f"{missing:,} profiles cannot be missing when there are {users:,} users")
    if users > MOST_USERS:
        raise Refused(f"{users:,} users are too many; the local stack takes up to {MOST_USERS:,}")
    [(held,)] = connection.fetch(url, "select count(*) from auth.users")
    if held:
        message = f"the local stack already holds {held:,} users"
        raise Refused(message, "local.down --delete, then local.up")
    statement = (files("usersync") / "sql" / "local" / "seed.sql").read_text()
    today = clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    numbers = {"users": users, "missing": missing, "seed": seed, "today": today}
    [counts] = connection.fetch(url, statement, numbers)
    return SeedSummary(*counts)


def sign_up(url: str, email: str) -> str:
    """Sign a person up as the Auth server does; returns why it failed, empty when it did not.

    Args:
        url: the local stack.
        email: the person's address.
    """
    statement = (files("usersync") / "sql" / "local" / "sign_up.sql").read_text()
    return connection.refusal(url, statement, {"email": email})
