"""Starting: ``usersync --list`` against ``invoke --version``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measurement import Figure, in_turn, seconds

ROUNDS = 11


def startup() -> Iterator[Figure]:
    """Both programs of this environment, in an empty directory."""
    with tempfile.TemporaryDirectory() as empty:

        def start(program: str, option: str) -> float:
            command = Path(sys.executable).with_name(program)
            return seconds(
                lambda: subprocess.run(
                    [command, option], cwd=empty, stdout=subprocess.DEVNULL, check=True
                )
            )

        took = in_turn(
            ROUNDS,
            invoke=lambda: start("invoke", "--version"),
            usersync=lambda: start("usersync", "--list"),
        )
    yield Figure("", "`invoke --version`", took["invoke"])
    yield Figure(
        "",
        "`usersync --list`",
        took["usersync"],
        took["usersync"] / took["invoke"],
        "x invoke",
        1.3,
    )
