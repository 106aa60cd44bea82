"""Whose a temporary stack is: a lock beside it, which ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from usersync.errors import CouldNotTell
from usersync.local import programs

_TRIES = 10

_NAME = re.compile(r"usersync-[0-9a-f]{16}\.lock")


@contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Own a directory while the block lasts; the lock is taken before it is there.

    Args:
        directory: the temporary directory of a stack.

    Raises:
        CouldNotTell: the lock cannot be made.
    """
    path = directory.with_suffix(".lock")
    descriptor: int | None = None
    try:
        with programs.interrupts_held():
            # Somebody who cleans up may look at it just then, and take it away.
            tries = (_locked(path) for _ in range(_TRIES))
            descriptor = next((one for one in tries if one is not None), None)
        if descriptor is None:
            raise CouldNotTell(f"{path} could not be made", "set TMPDIR to a folder that is yours")
        yield
    finally:
        with programs.interrupts_held():
            _let_go(path, descriptor)


@contextmanager
def abandoned(parent: Path) -> Iterator[list[Path]]:
    """The directories of processes that were killed; nobody else takes them in the meantime.

    Args:
        parent: where temporary directories are.
    """
    found: dict[Path, int] = {}
    for path in parent.glob("usersync-*.lock"):
        if not _NAME.fullmatch(path.name) or not _is_ours(path):
            continue
        descriptor = _locked(path)
        if descriptor is not None:
            found[path] = descriptor
    try:
        yield [path.with_suffix("") for path in found]
    finally:
        for path, descriptor in found.items():
            _let_go(path, descriptor)


def _let_go(path: Path, descriptor: int | None) -> None:
    if descriptor is not None:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def _is_ours(path: Path) -> bool:
    """Whether it is a file of this account; anybody may write where temporary files are."""
    try:
        return path.lstat().st_uid == os.geteuid() and path.is_file() and not path.is_symlink()
    except FileNotFoundError:
        return False


def _locked(path: Path) -> int | None:
    """The lock, when nobody else has it and it is still the file of this name."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
