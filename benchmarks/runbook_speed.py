"""Runbooks: reading and linting fifty of them, and what the runner adds to each step."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measurement import Figure, in_turn, seconds
from usersync import config, local, runbook, runner
from usersync.operations import runbooks
from usersync.operations.checks import check_names
from usersync.procedure import RunbookOptions
from usersync.shelf import shipped_folder

BOOKS = 50
STEPS = 50
ROUNDS = 5

_HEAD = "schema: 1\nid: {name}\ntitle: A runbook\nseverity: low\nsymptoms:\n  - none\nsteps:\n"
_PLAY = "- hosts: localhost\n  gather_facts: false\n  connection: local\n  tasks:\n"
_OPERATION = '''
from usersync.model import Outcome
from usersync.operations import operation

@operation("nothing", "data")
def nothing(session):
    """Do nothing."""
    return Outcome()
'''


def runbook_speed() -> Iterator[Figure]:
    """Both, in a folder of their own; beside Ansible where that is installed."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, local.temporary() as server:
        os.chdir(folder)
        try:
            yield _reading(Path(folder))
            yield from _running(Path(folder), server)
        finally:
            os.chdir(before)


def _reading(folder: Path) -> Figure:
    shutil.copytree(shipped_folder(), folder / "runbooks")
    shipped = sorted((folder / "runbooks").glob("*.yaml"))
    paths = [shipped[number % len(shipped)] for number in range(BOOKS)]
    known, checks = runbooks.actions(config.settings()), check_names()
    took = in_turn(
        ROUNDS, all=lambda: seconds(lambda: [runbook.examine(one, known, checks) for one in paths])
    )
    return Figure("", f"read and lint {BOOKS} runbooks", took["all"], took["all"], "s", 0.3)


def _running(folder: Path, server: local.LocalServer) -> Iterator[Figure]:
    (folder / "ops.py").write_text(_OPERATION)
    (folder / "usersync.yaml").write_text("operations: [ops.py]\n")
    for name, steps in (("one", 1), ("many", STEPS + 1)):
        lines = "".join(f"  - id: step_{n}\n    change: nothing\n" for n in range(steps))
        (folder / "runbooks" / f"{name}.yaml").write_text(_HEAD.format(name=name) + lines)

    def run(name: str) -> float:
        request = runner.Request(
            task=f"runbook.{name}",
            operation="runbook.run",
            inputs={"options": RunbookOptions(name)},
            target="local",
            local_directory=server.directory,
        )
        return seconds(lambda: runner.run(request))

    took = in_turn(ROUNDS, one=lambda: run("one"), many=lambda: run("many"))
    added = (took["many"] - took["one"]) / STEPS * 1000
    yield Figure("18", f"a runbook of {STEPS} steps more that do nothing", took["many"])
    yield Figure("18", "what each of them adds", None, added, "ms", 5)
    yield from _beside(folder, server)


def _beside(folder: Path, server: local.LocalServer) -> Iterator[Figure]:
    """The whole program, and Ansible playbooks of as many local tasks, where that is installed.

    Like the steps here `debug` does nothing, within Ansible itself; `command` starts a program.
    """

    def program() -> float:
        command = [str(Path(sys.executable).with_name("usersync")), "runbook.many"]
        return seconds(lambda: _done(command, SUPABASE_DB_URL=server.url))

    took = in_turn(3, program=program)["program"]
    yield Figure("18", f"`usersync runbook.many`, {STEPS + 1} steps, the whole program", took)
    ansible = shutil.which("ansible-playbook")
    if ansible is None:
        return

    def play(task: str) -> float:
        path = folder / "play.yaml"
        path.write_text(_PLAY + f"    - {task}\n" * STEPS)
        return seconds(lambda: _done([ansible, str(path)]))

    played = in_turn(
        3, debug=lambda: play("debug: {msg: nothing}"), command=lambda: play("command: 'true'")
    )
    for name, took in played.items():
        yield Figure("", f"an Ansible playbook of {STEPS} local tasks, `{name}`", took)


def _done(command: list[str], **environment: str) -> None:
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
