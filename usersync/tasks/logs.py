"""``logs``."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from usersync.tasks import inputs
from usersync.tasks.command import command, finish, request


@command(writes=False, help={"lines": "how many errors of each file, at most (default 20)"})
def logs(_context: Context, lines: str | None = None, **flags: Any) -> int:
    """Show the recent errors of the app's log files, masked, and where the other logs are."""
    count = inputs.whole_number("--lines", lines, least=1) or 20
    return finish(request("logs", "logs", flags, lines=count), json=flags["json"])
