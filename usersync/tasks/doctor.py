"""``doctor``."""

from __future__ import annotations

import sys
from typing import Any

from invoke.context import Context

from usersync.errors import Refused
from usersync.tasks.command import command, finish, print_message, request


@command(
    writes=False,
    help={
        "verbose": "list more of what each check found",
        "user": "why this person cannot get in: an id, a short one, an address, or `-`, which "
        "reads one of them from standard input",
    },
)
def doctor(_context: Context, verbose: bool = False, user: str | None = None, **flags: Any) -> int:
    """Everything that is wrong: how bad, since when, and the exact next command; read only."""
    if user is not None:
        asked = request("doctor", "doctor.user", flags, reference=_reference(user))
        return finish(asked, json=flags["json"])
    return finish(request("doctor", "doctor", flags), json=flags["json"], verbose=verbose)


def _reference(user: str) -> str:
    if user != "-":
        if "@" in user:
            print_message(
                "An address on the command line stays in the shell's history: `--user -` reads it"
                " from standard input."
            )
        return user
    typed = sys.stdin.readline().strip()
    if not typed:
        raise Refused("standard input holds no id and no address", "one, on its first line")
    return typed
