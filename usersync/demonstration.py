"""The demo: the main job on an embedded Postgres, from nothing, each line with its command."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from usersync import local, report, runner
from usersync.sync import SyncOptions

USERS = 150
MISSING = 5


@dataclass(frozen=True, slots=True)
class _Scene:
    """One command of the demo, and the exit code it has when all is well."""

    title: str
    words: tuple[str, ...]
    operation: str
    inputs: dict[str, Any]
    exit_code: int


_SCENES = (
    _Scene("How far apart are the two lists?", ("status",), "status", {}, 2),
    _Scene(
        "What exactly would a sync do? It writes nothing:",
        ("sync", "--dry-run"),
        "sync.plan",
        {"options": SyncOptions()},
        2,
    ),
    _Scene("Do it:", ("sync",), "sync", {"options": SyncOptions()}, 0),
    _Scene("And now?", ("status",), "status", {}, 0),
)


def run(program: str, task_prefix: str = "", say: Callable[[str], None] = print) -> int:
    """Boot the local stack in a temporary folder, break it, mend it, and take it down.

    Args:
        program: the name of the program in the commands that are shown.
        task_prefix: what stands before the names of its tasks.
        say: where the lines go.

    Returns:
        The exit code: 0 when every command ended as it should.
    """
    with runner.terminable():
        return _show(program, task_prefix, say)


def _show(program: str, task_prefix: str, say: Callable[[str], None]) -> int:
    started = time.monotonic()
    say(f"Starting an embedded Postgres that looks like a Supabase project, with {USERS} users ...")
    with local.temporary() as server:
        local.seed(server.url, users=USERS, missing=MISSING)
        for scene in _SCENES:
            task, *options = scene.words
            say(f"\n# {scene.title}")
            words = (program, f"{task_prefix}{task}", *options, "--target", "local")
            say(f"$ {shlex.join(words)}\n")
            result = runner.run(
                runner.Request(
                    task=task,
                    operation=scene.operation,
                    inputs=scene.inputs,
                    target="local",
                    local_directory=server.directory,
                    program=program,
                    task_prefix=task_prefix,
                )
            )
            say(report.terminal(result).rstrip("\n"))
            if result.exit_code != scene.exit_code:
                return result.exit_code or 1
    say(f"\nThat was all, in {time.monotonic() - started:.1f} s; nothing is left running.")
    say("\n# What to do next")
    for command, meaning in _next(f"{program} {task_prefix}"):
        say(f"  {command:<58} # {meaning}")
    return 0


def _next(tasks: str) -> tuple[tuple[str, str], ...]:
    return (
        ("export SUPABASE_DB_URL='postgresql://…'", "your own database (read the docs first)"),
        (f"{tasks}connect.check", "who you are there and what you may do"),
        (f"{tasks}status", "measure; writes nothing"),
        (f"{tasks}sync --dry-run", "the plan and its digest; writes nothing"),
        (f"{tasks}local.up && {tasks}local.seed", "or a database to play with that stays"),
    )
