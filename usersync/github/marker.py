"""The invisible first line by which we find what we wrote, and see what it said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usersync.report import Facts, packed, unpacked

_SHAPE = re.compile(
    r"<!-- usersync key=(?P<key>[\w./-]+) hash=(?P<hash>\w+) facts=(?P<facts>[\w=-]+) -->"
)
_TOLD = "told at"


@dataclass(frozen=True, slots=True)
class Ours:
    """Something that we wrote on GitHub before."""

    number: int
    """Of an issue; the id of a comment."""
    hash: str
    facts: Facts
    told_at: datetime | None
    """When the team's webhook was told last."""
    is_open: bool
    body: str


def marker(key: str, hash_: str, known: Facts, told_at: datetime | None = None) -> str:
    """The line for what is written now.

    Args:
        key: what it is about; one thing on GitHub for each.
        hash_: stands for what it says.
        known: what it says, for the next report.
        told_at: when the team's webhook was told last.
    """
    held = {**known, **({_TOLD: told_at.isoformat()} if told_at else {})}
    return f"<!-- usersync key={clean(key)} hash={hash_} facts={packed(held)} -->"


def clean(key: str) -> str:
    """A key as a marker can hold it."""
    return re.sub(r"[^\w./-]", "-", key, flags=re.ASCII) or "-"


def ours(items: Iterable[Mapping[str, Any]], key: str, login: str) -> list[Ours]:
    """Those that we wrote about this key, the oldest first.

    Somebody else's text with our marker is somebody else's: author and marker decide together.

    Args:
        items: comments or issues as GitHub's API lists them.
        key: what they are about.
        login: whose they must be.
    """
    found = []
    for item in items:
        body = str(item.get("body") or "")
        line = _SHAPE.match(body)
        author = item.get("user")
        if line is None or line["key"] != clean(key):
            continue
        if not isinstance(author, Mapping) or author.get("login") != login:
            continue
        facts = unpacked(line["facts"]) or {}
        told = facts.pop(_TOLD, "")
        number = item.get("number", item.get("id"))
        if isinstance(number, int):
            is_open = item.get("state", "open") == "open"
            found.append(Ours(number, line["hash"], facts, _moment(told), is_open, body))
    return sorted(found, key=lambda one: one.number)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
