"""All SQL of usersync: the files beside this one, and the only place that puts names into them.

A file starts with ``-- key: text`` header lines. Placeholders in braces are names and expressions
composed by psycopg's ``sql`` module; values travel as parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Script", "checks", "compose", "header_of", "load"]


@dataclass(frozen=True, slots=True)
class Script:
    """One SQL file: its name without the suffix, its header and its whole text."""

    name: str
    header: Mapping[str, str]
    text: str


@cache
def load(name: str) -> Script:
    """Read one file of this package.

    Args:
        name: path below ``usersync/sql`` without ``.sql``, such as ``queries/status``.
    """
    text = resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return Script(name, header_of(text), text)


def header_of(text: str) -> dict[str, str]:
    """The ``-- key: text`` lines that an SQL file begins with."""
    header: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        comment = line[2:]
        head, colon, rest = comment.strip().partition(": ")
        if colon and head.isidentifier() and not comment.startswith("   "):
            key = head
            header[key] = rest
        elif key:
            header[key] = f"{header[key]} {comment.strip()}"
    return header


def checks() -> tuple[Script, ...]:
    """Every check, in the order of its number."""
    folder = resources.files(__package__).joinpath("checks")
    names = sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir())
    return tuple(load(f"checks/{name}") for name in names)


def compose(script: Script, names: Mapping[str, sql.Composable]) -> sql.Composed:
    """Put identifiers and expressions into a script.

    Args:
        script: a file whose ``{placeholders}`` are all in ``names``.
        names: what stands for each placeholder.
    """
    keywords = cast("dict[str, Any]", dict(names))
    return sql.SQL(script.text).format(**keywords)
