"""The demo: the main job on an embedded Postgres, from nothing, each line with its command."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from usersync import local, report, runner
from usersync.interruption import terminable
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


@dataclass(frozen=True, slots=True)
class _Statement:
    """Something that the app's own people do to their database."""

    title: str
    statement: str


@dataclass(frozen=True, slots=True)
class _SignUp:
    """Somebody signs up, and it works or fails."""

    title: str
    email: str
    works: bool


_SYNC = _Scene("The sync catches up:", ("sync",), "sync", {"options": SyncOptions()}, 0)

_ACTS: tuple[_Scene | _Statement | _SignUp, ...] = (
    _Scene("How far apart are the two lists?", ("status",), "status", {}, 2),
    _Scene(
        "What exactly would a sync do? It writes nothing:",
        ("sync", "--dry-run"),
        "sync.plan",
        {"options": SyncOptions()},
        2,
    ),
    replace(_SYNC, title="Do it:"),
    _Scene("And now?", ("status",), "status", {}, 0),
    _SignUp("The app has a trigger of its own, so a new user gets a profile:", "ada", works=True),
    _Statement(
        "Then a release renames a column, and forgets that trigger:",
        "alter table public.user_profiles rename column is_active to active;",
    ),
    _SignUp("Nobody can sign up any more:", "grace", works=False),
    _Scene("Why?", ("doctor",), "doctor", {}, 2),
    _Scene(
        "First aid: the trigger does nothing for now; no lock, no release needed:",
        ("migration.pause",),
        "migration.pause",
        {},
        0,
    ),
    _SignUp("People can sign up again:", "grace", works=True),
    _Statement(
        "The release is corrected:",
        "alter table public.user_profiles rename column active to is_active;",
    ),
    _Scene(
        "The trigger comes back, byte for byte, once a canary has passed with it:",
        ("migration.resume",),
        "migration.resume",
        {},
        0,
    ),
    _SYNC,
    _Scene("In sync:", ("status", "--quick"), "status", {"quick": True}, 0),
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
    with terminable():
        return _show(program, task_prefix, say)


def _show(program: str, task_prefix: str, say: Callable[[str], None]) -> int:
    started = time.monotonic()
    say(f"Starting an embedded Postgres that looks like a Supabase project, with {USERS} users ...")
    with local.temporary() as server:
        local.seed(server.url, users=USERS, missing=MISSING)
        local.run_script(server.url, "app_trigger")
        for act in _ACTS:
            say(f"\n# {act.title}")
            if isinstance(act, _Statement):
                say(f"sql> {act.statement}")
                local.run_statement(server.url, act.statement)
                exit_code, wanted = 0, 0
            elif isinstance(act, _SignUp):
                exit_code, wanted = _sign_up(server, act, say), 0
            else:
                exit_code, wanted = _run(server, act, program, task_prefix, say), act.exit_code
            if exit_code != wanted:
                return exit_code or 1
    say(f"\nThat was all, in {time.monotonic() - started:.1f} s; nothing is left running.")
    say("\n# What to do next")
    for command, meaning in _next(f"{program} {task_prefix}"):
        say(f"  {command:<58} # {meaning}")
    return 0


def _run(
    server: local.LocalServer,
    scene: _Scene,
    program: str,
    task_prefix: str,
    say: Callable[[str], None],
) -> int:
    task, *options = scene.words
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
    return result.exit_code


def _sign_up(server: local.LocalServer, act: _SignUp, say: Callable[[str], None]) -> int:
    """One person signs up; the exit code is 0 when it went as it should."""
    refused = local.sign_up(server.url_of("supabase_auth_admin"), f"{act.email}@example.com")
    say(
        f"{act.email} signs up: "
        + (f"Database error saving new user ({refused})" if refused else "done")
    )
    return 0 if bool(refused) != act.works else 1


def _next(tasks: str) -> tuple[tuple[str, str], ...]:
    return (
        ("export SUPABASE_DB_URL='postgresql://…'", "your own database (read the docs first)"),
        (f"{tasks}connect.check", "who you are there and what you may do"),
        (f"{tasks}status", "measure; writes nothing"),
        (f"{tasks}sync --dry-run", "the plan and its digest; writes nothing"),
        (f"{tasks}local.up && {tasks}local.seed", "or a database to play with that stays"),
    )
