"""The demo: the main job on an embedded Postgres, from nothing, each line with its command."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from usersync import config, local, report, runner
from usersync.migration import ApplyOptions, UninstallOptions
from usersync.model import Outcome, Run, Step
from usersync.operations import operation
from usersync.sync import SyncOptions

USERS = 150
MISSING = 5

#: Where the report of the demo goes, in the folder that it was started in.
FOLDER = Path("usersync-demo")
_FILES: Mapping[str, report.Format] = {"report.md": "md", "report.html": "html"}


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


@dataclass(frozen=True, slots=True)
class _Look:
    """All that the database has is looked at; a later look says what an earlier one did not see."""

    title: str


_SYNC = _Scene("The sync catches up:", ("sync",), "sync", {"options": SyncOptions()}, 0)

_Act = _Scene | _Statement | _SignUp | _Look

_ACTS: tuple[_Act, ...] = (
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
    _Look("Until now nothing was installed. Everything that the database has is noted:"),
    _Scene(
        "The migration records what it installs, and leaves the app's own trigger as it is:",
        ("migration.apply",),
        "migration.apply",
        {"options": ApplyOptions()},
        0,
    ),
    _Scene("All that is there of it:", ("migration.footprint",), "migration.footprint", {}, 0),
    _Scene("And out with it:", ("uninstall",), "uninstall", {"options": UninstallOptions()}, 0),
    _Look("Is anything left of it?"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """How the demo is shown.

    Args:
        program: the name of the program in the commands that are shown.
        task_prefix: what stands before the names of its tasks.
        say: where the lines go.
        show_ids: whole user ids instead of their first eight characters.
    """

    program: str
    task_prefix: str = ""
    say: Callable[[str], None] = print
    show_ids: bool = False


@operation("demo", "external")
def run(*, shown: Shown) -> Outcome:
    """Boot the local stack in a temporary folder, break it, mend it, and take it down."""
    started = time.monotonic()
    shown.say(
        f"Starting an embedded Postgres that looks like a Supabase project, with {USERS} users ..."
    )
    steps: list[Step] = []
    runs: list[Run] = []
    looks: list[Mapping[str, str]] = []
    with local.temporary() as server:
        local.seed(server.url, users=USERS, missing=MISSING)
        local.run_script(server.url, "app_trigger")
        for act in _ACTS:
            shown.say(f"\n# {act.title}")
            step = _play(server, act, shown, runs, looks)
            steps.append(step)
            if step.status != "ok":
                return Outcome(
                    steps=tuple(steps),
                    exit_code=1,
                    error=f"the demo ended early: {step.detail}",
                )
    shown.say(f"\nThat was all, in {time.monotonic() - started:.1f} s; nothing is left running.")
    shown.say(_reported(runs))
    shown.say("\n# What to do next")
    following = _next(f"{shown.program} {shown.task_prefix}")
    for command, meaning in following:
        shown.say(f"  {command:<58} # {meaning}")
    return Outcome(steps=tuple(steps), next_steps=tuple(command for command, _ in following))


def _play(
    server: local.LocalServer,
    act: _Act,
    shown: Shown,
    runs: list[Run],
    looks: list[Mapping[str, str]],
) -> Step:
    """Play one act; its step is ``ok`` when it went as it should."""
    started = time.monotonic()
    if isinstance(act, _Statement):
        shown.say(f"sql> {act.statement}")
        local.run_statement(server.url, act.statement)
        detail, is_well = act.statement, True
    elif isinstance(act, _SignUp):
        detail, is_well = _sign_up(server, act)
        shown.say(detail)
    elif isinstance(act, _Look):
        detail, is_well = _look(server, looks)
        shown.say(detail)
    else:
        detail, is_well = _run(server, act, shown, runs)
    status: Literal["ok", "failed"] = "ok" if is_well else "failed"
    return Step(act.title, status, detail, duration_s=time.monotonic() - started)


def _run(
    server: local.LocalServer, scene: _Scene, shown: Shown, runs: list[Run]
) -> tuple[str, bool]:
    """Run one command and show what it prints; the run is kept for the report."""
    task, *options = scene.words
    words = (shown.program, f"{shown.task_prefix}{task}", *options, "--target", "local")
    shown.say(f"$ {shlex.join(words)}\n")
    result = runner.run(
        runner.Request(
            task=task,
            operation=scene.operation,
            inputs=scene.inputs,
            target="local",
            local_directory=server.directory,
            show_ids=shown.show_ids,
            program=shown.program,
            task_prefix=shown.task_prefix,
        )
    )
    runs.append(result)
    shown.say(report.terminal(result, show_ids=shown.show_ids).rstrip("\n"))
    ended = f"{shlex.join(words)}: exit {result.exit_code}"
    detail = f"{ended}: {result.error}" if result.error else ended
    return detail, result.exit_code == scene.exit_code


def _sign_up(server: local.LocalServer, act: _SignUp) -> tuple[str, bool]:
    """One person signs up."""
    refused = local.sign_up(server.url_of("supabase_auth_admin"), f"{act.email}@example.com")
    told = f"Database error saving new user ({refused})" if refused else "done"
    return f"{act.email} signs up: {told}", bool(refused) != act.works


def _look(server: local.LocalServer, looks: list[Mapping[str, str]]) -> tuple[str, bool]:
    """Take a fingerprint of the whole database, rows too, and compare it with the one before."""
    from usersync.backends.postgres import PostgresDoor

    target = config.with_url(config.load(target_name="local"), server.url)
    with contextlib.closing(PostgresDoor(target)) as door:
        looks.append(door.catalog.fingerprint())
        different = door.catalog.difference(looks[0])
    things = f"{len(looks[0])} things"
    if len(looks) == 1:
        return f"{things}: tables, columns, functions, triggers, rights, rows", True
    if different:
        return f"not as before: {'; '.join(different)}", False
    return f"nothing: all {things} are as before, and no other is there", True


def _reported(runs: list[Run]) -> str:
    """Write the report of everything that ran; it is the only thing that stays."""
    made = report.report(runs)
    try:
        FOLDER.mkdir(exist_ok=True)
        for name, format_ in _FILES.items():
            (FOLDER / name).write_text(report.render(made, format=format_), encoding="utf-8")
    except OSError as error:
        return f"Its report was not written: {FOLDER}: {error.strerror}"
    return f"Its report: {' and '.join(str(FOLDER / name) for name in _FILES)}"


def _next(tasks: str) -> tuple[tuple[str, str], ...]:
    return (
        ("export SUPABASE_DB_URL='postgresql://…'", "your own database (read the docs first)"),
        (f"{tasks}connect.check", "who you are there and what you may do"),
        (f"{tasks}status", "measure; writes nothing"),
        (f"{tasks}sync --dry-run", "the plan and its digest; writes nothing"),
        (f"{tasks}local.up && {tasks}local.seed", "or a database to play with that stays"),
    )
