"""Which door a project has: our functions where they are installed, otherwise its list of users."""

from __future__ import annotations

from collections.abc import Callable

from usersync.backends import Backend
from usersync.backends.api.client import NotInstalled
from usersync.backends.api.door import ApiDoor
from usersync.config import Target


def open_door(
    target: Target, *, say: Callable[[str], None], attended: bool, read_only: bool
) -> Backend:
    """Open the API of a target.

    Args:
        target: where to call and the settings that hold there.
        say: tells whoever watches what takes long.
        attended: whether somebody is at a terminal.
        read_only: whether anything that could write is refused before it leaves.
    """
    try:
        return ApiDoor(target, read_only=read_only)
    except NotInstalled as missing:
        from usersync.backends.api.unprepared import UnpreparedDoor

        return UnpreparedDoor(target, missing, say=say, attended=attended)
