"""Values inside a user's metadata, and their text as Postgres prints it from jsonb."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_INDEX = re.compile(r"-?[0-9]+")


def at_path(value: Any, path: Sequence[str]) -> Any:
    """What ``value #> path`` finds; None for nothing, as for null."""
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and _INDEX.fullmatch(key):
            number = int(key)
            value = value[number] if -len(value) <= number < len(value) else None
        else:
            return None
    return value


def as_text(value: Any) -> str | None:
    """What ``#>>`` makes of a value."""
    if value is None or isinstance(value, str):
        return value
    return _printed(value)


def _printed(value: Any) -> str:
    """A value as jsonb prints it: numbers in full, keys by length and then by bytes."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return "{" + ", ".join(f"{_quoted(key)}: {_printed(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_printed, value)) + "]"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
