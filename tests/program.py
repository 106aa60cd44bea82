"""The real programs, as subprocesses or, where nothing but words matters, in this process."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from usersync.tasks.program import program

ROOT = Path(__file__).parents[1]

#: The console program, as an installation has it.
USERSYNC = str(Path(sys.executable).with_name("usersync"))

#: Nothing listens there: whoever tries to connect says so.
NOWHERE = "postgresql://postgres@127.0.0.1:1/postgres"
TRIED_TO_CONNECT = "nothing listens"

Done = subprocess.CompletedProcess[str]


def usersync(*words: str, stdin: str = "", **environment: str) -> Done:
    """Run ``usersync`` in this folder."""
    return _run([USERSYNC, *words], stdin, environment)


def invoke(*words: str, stdin: str = "", **environment: str) -> Done:
    """Run ``python -m invoke`` in this folder."""
    return _run([sys.executable, "-m", "invoke", *words], stdin, environment)


def called(*words: str, stdin: str = "") -> Done:
    """Run ``usersync`` in this process, which takes milliseconds."""
    command = ["usersync", *words]
    stdout, stderr = io.StringIO(), io.StringIO()
    code: int | str | None = 0
    with (
        mock.patch("sys.argv", command),
        mock.patch("sys.stdin", io.StringIO(stdin)),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            program.run(command)
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    return Done(command, code, stdout.getvalue(), stderr.getvalue())


def _run(command: list[str], stdin: str, environment: dict[str, str]) -> Done:
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done
