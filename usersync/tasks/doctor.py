"""``doctor``."""

from __future__ import annotations

import sys
from typing import Any

from invoke.context import Context
from invoke.parser.argument import Argument
from invoke.tasks import Task

from usersync.errors import Refused
from usersync.tasks import inputs, traps
from usersync.tasks.command import command, finish, print_message, request, task_names


class _FromTask(Task[Any]):
    """A task with the flag ``--from``, whose name Python keeps for itself."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments of the task; see `Task.get_arguments`."""
        return [
            Argument(names=("from",), attr_name="from_", kind=str, help=argument.help)
            if argument.name == "from_"
            else argument
            for argument in super().get_arguments(ignore_unknown_help)
        ]


@command(
    writes=False,
    kind=_FromTask,
    help={
        "verbose": "list more of what each check found",
        "user": "why this person cannot get in: an id, a short one, an address, or `-`, which "
        "reads one of them from standard input",
        "from_": "render the answer of docs/first-look.sql: a file, CSV or JSON, or `-`",
    },
)
def doctor(
    _context: Context,
    verbose: bool = False,
    user: str | None = None,
    from_: str | None = None,
    **flags: Any,
) -> int:
    """Everything that is wrong: how bad, since when, and the exact next command; read only."""
    inputs.at_most_one({"--user": user is not None, "--from": from_ is not None})
    if from_ is not None:
        traps.refuse_targets(flags, "the answer of the statement is all that is read")
        asked = request(
            "doctor",
            "doctor.from",
            flags,
            opens_target=False,
            path=from_,
            tasks=task_names("doctor"),
        )
    elif user is not None:
        asked = request("doctor", "doctor.user", flags, reference=_reference(user))
    else:
        asked = request("doctor", "doctor", flags)
    return finish(asked, json=flags["json"], verbose=verbose)


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
