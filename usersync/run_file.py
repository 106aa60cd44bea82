"""The file that ``--out`` names: the Run as JSON, whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from usersync.errors import Refused


def writable(out: str | None, flag: str = "--out") -> Path | None:
    """Where a file of ours goes, known to take one before anything starts."""
    if out is None:
        return None
    path = Path(out).absolute()
    if not path.parent.is_dir():
        raise Refused(f"{flag}: there is no folder {path.parent}", f"mkdir -p {path.parent}")
    if path.is_dir():
        raise Refused(f"{flag}: {out} is a folder", "name a file in it")
    if path.exists() and not path.is_file():
        raise Refused(f"{flag}: {out} is a device or a pipe", "name a file; --json prints it")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Refused(f"{flag}: {path.parent} takes no files of ours", "name another folder")
    return path


def write(path: Path, text: str, flag: str = "--out") -> None:
    """Write a file whole or not at all."""
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, delete=False
        ) as stream:
            temporary = Path(stream.name)
            stream.write(text + "\n")
        temporary.replace(path)
    except OSError as error:
        print(f"usersync: {flag} {path} was not written: {error.strerror}", file=sys.stderr)
        if temporary is not None:
            temporary.unlink(missing_ok=True)
