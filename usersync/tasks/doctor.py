"""``doctor``."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from usersync.tasks.command import command, finish, request


@command(writes=False, help={"verbose": "list more of what each check found"})
def doctor(_context: Context, verbose: bool = False, **flags: Any) -> int:
    """Everything that is wrong: how bad, since when, and the exact next command; read only."""
    return finish(request("doctor", "doctor", flags), json=flags["json"], verbose=verbose)
