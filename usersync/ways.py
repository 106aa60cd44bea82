"""The ways to a target: a database connection, and the API; a door each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from usersync.backends import Backend
from usersync.backends.unopened import unopened
from usersync.config import Target


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a target; ``open`` is told whether anything but reads is to be refused."""

    name: str
    open: Callable[[bool], Backend]


def ways(
    target: Target, *, say: Callable[[str], None], attended: bool, opened: bool = True
) -> list[Way]:
    """The doors of a target, the best first: a database connection, then the API.

    Args:
        target: where they lead.
        say: tells whoever watches what takes long.
        attended: whether somebody is at a terminal.
        opened: False for what needs no door: the only way leads nowhere.
    """
    if not opened:
        return [Way("no connection", lambda _: unopened(target))]

    def direct(_: bool) -> Backend:
        from usersync.backends.postgres import PostgresDoor

        return PostgresDoor(target)

    def api(read_only: bool) -> Backend:
        from usersync.backends.api import open_door

        return open_door(target, say=say, attended=attended, read_only=read_only)

    found = []
    if target.db_url is not None:
        found.append(Way(f"connection ({target.db_url_env or 'local'})", direct))
    if target.api is not None:
        found.append(Way(f"API ({target.api.url_env})", api))
    return found
