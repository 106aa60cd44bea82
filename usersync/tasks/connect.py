"""``connect.check``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from invoke.context import Context

from usersync.tasks.command import command, finish, request


@command(writes=False, called="connect.check")
def check(_context: Context, **flags: Any) -> int:
    """Say which settings are there, who we are in the target and what is missing."""
    asked = replace(request("connect.check", "connect.check", flags), show_settings=True)
    return finish(asked, json=flags["json"])
