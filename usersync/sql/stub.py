"""The body of a paused function: the mark, who and why, the saved definition, and code that passes.

-- usersync: paused
-- {"since": "2026-01-08T10:30:00Z", "by": "…", "reason": "…", "md5": "…", "code": "…"}
-- the definition in base64, in lines
begin … end
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from usersync.sql.fragments import dollar_quoted, fragment

#: How the body of a paused function begins.
MARK = "-- usersync: paused"


@dataclass(frozen=True, slots=True)
class Stub:
    """What stands in the body of a paused function."""

    since: datetime
    by: str
    reason: str
    definition: str | None
    """None when it is not what was saved."""


def body(stub: Stub, definition: str) -> sql.Composed:
    """A body that does nothing and holds a definition; JSON and base64 cannot end a comment line.

    Args:
        stub: since when, by whom and why.
        definition: what the function is otherwise, as ``pg_get_functiondef`` prints it.
    """
    told = json.dumps(
        {
            "since": stub.since.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "by": stub.by,
            "reason": stub.reason,
            "md5": _md5(definition),
            "code": _md5(_code()),
        }
    )
    wrapped = textwrap.wrap(base64.b64encode(definition.encode()).decode(), 96)
    lines = [MARK, f"-- {told}", *(f"-- {line}" for line in wrapped), _code()]
    return dollar_quoted(sql.Composed([sql.SQL("\n".join(lines))]))


def read(source: str) -> Stub | None:
    """What a paused function holds; None for one that is not paused, or no longer.

    Args:
        source: its body, as the catalog holds it.
    """
    lines = source.strip("\n").split("\n")
    if lines[0] != MARK:
        return None
    comments = [
        line.removeprefix("-- ")
        for line in itertools.takewhile(lambda line: line.startswith("-- "), lines[1:])
    ]
    code = "\n".join(lines[1 + len(comments) :]).strip()
    told: dict[str, Any] = {}
    definition = None
    since = datetime.fromtimestamp(0, UTC)
    with contextlib.suppress(ValueError, IndexError, TypeError, KeyError):
        told = dict(json.loads(comments[0]))
        since = datetime.fromisoformat(told["since"]).astimezone(UTC)
        definition = base64.b64decode("".join(comments[1:]), validate=True).decode()
    if code != _code() and _md5(code) != told.get("code"):
        return None  # somebody wrote another body below
    if definition is not None and _md5(definition) != told.get("md5"):
        definition = None
    return Stub(since, str(told.get("by", "")), str(told.get("reason", "")), definition)


def _code() -> str:
    return fragment("paused", {}).as_string()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
