"""``journal.*``: what is kept of whom."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from usersync.tasks.command import command, finish, request


@command(
    writes=True,
    called="journal.forget",
    positional=["user_id"],
    help={"user_id": "the whole id; --show-ids of the lists prints it"},
)
def forget(_context: Context, user_id: str, **flags: Any) -> int:
    """Take a user's id out of the journal; what was done stays told (exit 0, 1, 3 or 7)."""
    asked = request("journal.forget", "journal.forget", flags, user_id=user_id)
    return finish(asked, json=flags["json"])
