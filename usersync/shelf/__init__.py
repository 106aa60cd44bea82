"""Where runbooks are: those of this folder, and those that usersync brings along.

Standard library only: listing the tasks reads the first lines of each file and nothing more.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from usersync.errors import Refused
from usersync.shelf.head import Head, HeadInput, read

__all__ = [
    "FLAGS",
    "FOLDER",
    "SUBCOMMANDS",
    "Entry",
    "Head",
    "HeadInput",
    "entries",
    "find",
    "healing",
    "is_name",
    "read",
    "shipped_folder",
]

#: In somebody's repository.
FOLDER = Path("runbooks")

#: Tasks of the same collection: a runbook of this name could not be called.
SUBCOMMANDS = frozenset({"list", "show", "run", "lint", "docs", "drill", "new"})


#: Flags of the task of every runbook: no input can be called so.
FLAGS = frozenset(
    {
        "approve", "config", "dry_run", "env_file", "help", "input", "json", "list", "name", "out",
        "rehearse", "resume", "show_ids", "target", "wait", "yes_to",
    }
)  # fmt: skip

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One runbook, as far as its first lines tell."""

    name: str
    path: Path
    head: Head
    is_own: bool
    """Whether it is of this folder; then it stands before one that we bring along."""


def shipped_folder() -> Path:
    """The folder of the runbooks that usersync brings along."""
    return Path(__file__).parents[1] / "runbooks"


def entries(folder: Path = FOLDER) -> dict[str, Entry]:
    """Every runbook by name, in the order of names."""
    found = dict(_shipped())
    if folder.is_dir() and folder.resolve() != shipped_folder().resolve():
        found |= _in(folder, is_own=True)
    return dict(sorted(found.items()))


def find(name: str, folder: Path = FOLDER) -> Entry:
    """The runbook of this name.

    Raises:
        Refused: there is none; says which there are.
    """
    known = entries(folder)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise Refused(f"there is no runbook {name!r}{guess}", f"there are: {', '.join(known)}")


def is_name(text: str) -> bool:
    """Whether a runbook can be called so."""
    return bool(_NAME.fullmatch(text)) and text not in SUBCOMMANDS


def healing(folder: Path = FOLDER) -> Mapping[str, str]:
    """Which runbook helps, by the name of the check that found something."""
    return {
        check: name
        for name, entry in reversed(entries(folder).items())
        for check in entry.head.heals
    }


@cache
def _shipped() -> Mapping[str, Entry]:
    return _in(shipped_folder(), is_own=False)


def _in(folder: Path, *, is_own: bool) -> dict[str, Entry]:
    heads = {path: read(path) for path in sorted(folder.glob("*.yaml"))}
    return {path.stem: Entry(path.stem, path, head, is_own) for path, head in heads.items() if head}
