"""Runbooks: what a file says, and everything that is wrong with it, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from usersync.config.document import Problem
from usersync.runbook.actions import Action, actions
from usersync.runbook.lint import Subject, lint
from usersync.runbook.load import Loaded, read, refuse
from usersync.runbook.own_sql import read_check
from usersync.runbook.starter import SCHEMA_FILE, starter
from usersync.shelf import (
    SUBCOMMANDS,
    Entry,
    entries,
    find,
    healing,
    is_name,
    shipped_folder,
)

__all__ = [
    "SCHEMA_FILE",
    "SUBCOMMANDS",
    "Action",
    "Entry",
    "Loaded",
    "actions",
    "entries",
    "examine",
    "find",
    "healing",
    "is_name",
    "load",
    "read_check",
    "shipped_folder",
    "starter",
]


def examine(
    path: Path, known: Mapping[str, Action], checks: Collection[str]
) -> tuple[Loaded | None, list[Problem]]:
    """Read and lint a file.

    Args:
        path: the file.
        known: what its steps may call.
        checks: the names of the checks.

    Returns:
        The runbook, unless its format is broken, and everything that is wrong with it.
    """
    loaded, problems = read(path)
    if loaded is not None:
        problems += lint(Subject(loaded, known, checks))
    return loaded, problems


def load(path: Path, known: Mapping[str, Action], checks: Collection[str]) -> Loaded:
    """Read a file that is in order.

    Raises:
        ConfigError: it is not; every problem is listed.
    """
    loaded, problems = examine(path, known, checks)
    refuse(path, problems)
    assert loaded is not None
    return loaded
