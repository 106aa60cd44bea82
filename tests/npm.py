"""Programs from npm, installed from a lock file when they are missing."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest


def installed(folder: Path, wanted: str) -> Path:
    """A file below ``node_modules`` of a folder; without npm the test is skipped, on CI it fails.

    Args:
        folder: holds ``package-lock.json``.
        wanted: the file, below ``node_modules``.
    """
    path = folder / "node_modules" / wanted
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _install(folder)
    return path


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _unavailable("there is no npm")
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        _unavailable(f"npm ci failed: {done.stderr}")


def _unavailable(reason: str) -> NoReturn:
    """Skip, and on CI fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
