"""The first lines of a runbook, read without YAML: enough to list it and to make its task.

Listing the tasks must load no library. Lint holds what is read here against the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HeadInput:
    """One input, as far as its flag needs it."""

    name: str
    type: str
    help: str


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the steps."""

    id: str
    title: str
    severity: str
    symptoms: tuple[str, ...]
    heals: tuple[str, ...]
    inputs: tuple[HeadInput, ...]


def read(path: Path) -> Head | None:
    """The head of a file; None when it is no runbook."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return _head(stream)
    except (OSError, UnicodeDecodeError):
        return None


def _head(lines: Iterator[str]) -> Head | None:
    fields: dict[str, str] = {}
    lists: dict[str, list[str]] = {"symptoms": [], "heals": []}
    inputs: dict[str, dict[str, str]] = {}
    section = name = ""
    for raw in lines:
        line = raw.rstrip()
        text = line.lstrip()
        if not text or text.startswith("#"):
            continue
        key, _, value = text.partition(":")
        depth = len(line) - len(text)
        if depth == 0 and not text.startswith("-"):
            if key == "steps":
                break
            section = key
            fields[key] = _plain(value)
        elif text.startswith("- ") and section in lists:
            lists[section].append(_plain(text[2:]))
        elif section == "inputs" and depth == 2:
            name = key
            inputs[name] = {}
        elif section == "inputs" and depth == 4:
            inputs.setdefault(name, {})[key] = _plain(value)
    if fields.get("schema") != "1" or not fields.get("title"):
        return None
    return Head(
        id=fields.get("id", ""),
        title=fields["title"],
        severity=fields.get("severity", ""),
        symptoms=tuple(lists["symptoms"]),
        heals=tuple(lists["heals"]),
        inputs=tuple(
            HeadInput(name, told.get("type", ""), told.get("help", ""))
            for name, told in inputs.items()
        ),
    )


def _plain(text: str) -> str:
    text = text.strip()
    for quote in ('"', "'"):
        if len(text) > 1 and text.startswith(quote) and text.endswith(quote):
            return text[1:-1].replace(quote * 2, quote)
    return text
