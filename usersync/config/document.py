"""What a configuration file holds, and in which line each of its values stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a file: where, and a sentence about it."""

    path: Path
    line: int
    sentence: str


@dataclass
class Document:
    """The values of a file, and the line of each."""

    name: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    keys: list[Path] = field(default_factory=list)
    scalars: list[tuple[Path, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a value, or of the nearest one around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: Path) -> str:
        """``usersync.yaml:12: profiles[0].table``."""
        return f"{self.name}:{self.line(path)}: {dotted(path)}" if path else f"{self.name}:1"


def dotted(path: Path) -> str:
    """``profiles[0].table``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in path)
    return text.removeprefix(".")


def shown(text: str) -> str:
    """Text of a file as a message may quote it: short, and harmless to a terminal."""
    text = printable(text)
    return text if len(text) <= 60 else f"{text[:57]}..."


def printable(text: str) -> str:
    """Text without characters that move a terminal's cursor or change its colours."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
