"""What a new profile gets, worked out here: `usersync.sql.profiles`, said in Python.

Everything goes to Postgres as the text that it would print itself, or, for a column of type json or
jsonb, as JSON; only an SQL expression cannot be told here. Numbers in metadata come as the Auth
server reads them, as doubles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

from usersync.backends.api.unprepared.metadata import as_text, at_path
from usersync.config import (
    Expression,
    FirstOf,
    LiteralValue,
    Metadata,
    Suffixed,
    UserColumn,
)
from usersync.errors import Refused
from usersync.sql import profiles

if TYPE_CHECKING:
    from usersync.config import ProfileTable, Source

Listed = Mapping[str, Any]

_TIMES = frozenset(
    {
        "created_at",
        "updated_at",
        "email_confirmed_at",
        "phone_confirmed_at",
        "confirmed_at",
        "last_sign_in_at",
        "invited_at",
        "banned_until",
    }
)


def refuse_unseen(table: ProfileTable, ways: str) -> None:
    """Refuse a column whose value only the database can tell.

    Args:
        table: the profile table.
        ways: the ways that can.

    Raises:
        Refused: an SQL expression, or whether somebody is an SSO user.
    """
    for column, source in table.columns.items():
        if isinstance(source, Suffixed):
            raise Refused(
                f"{table.name} columns.{column} has unique: suffix, and which values are taken only"
                " the database can work out",
                ways,
            )
        candidates = source.sources if isinstance(source, FirstOf) else (source,)
        for one in candidates:
            if isinstance(one, Expression):
                what = "is an SQL expression, which only the database can work out"
            elif one == UserColumn("is_sso_user"):
                what = "is is_sso_user, which the API does not show"
            else:
                continue
            raise Refused(f"the value of {table.name} columns.{column} {what}", ways)


def row_of(
    table: ProfileTable, json_columns: Collection[str]
) -> Callable[[Listed], dict[str, Any]]:
    """What makes the values of a new profile from a listed user, the key left out.

    Args:
        table: the profile table.
        json_columns: those of type json or jsonb.
    """
    sources = profiles.sources(table)

    def row(user: Listed) -> dict[str, Any]:
        return {
            column: _as_json(source, user) if column in json_columns else _text(source, user)
            for column, source in sources.items()
        }

    return row


def _text(source: Source, user: Listed) -> str | None:
    """A source as Postgres would print it."""
    match source:
        case UserColumn(name=name):
            return _column(name, user)
        case Metadata(root=root, path=path):
            return as_text(at_path(user.get(root), path))
        case LiteralValue(value=value):
            return str(value).lower() if isinstance(value, bool) else _number_or_text(value)
        case FirstOf(sources=candidates):
            texts = ((_text(candidate, user) or "").strip(" ") for candidate in candidates)
            return next((text for text in texts if text), None)
        case Expression() | Suffixed():
            raise AssertionError("refused before")
        case _:
            assert_never(source)


def _as_json(source: Source, user: Listed) -> Any:
    """A source as ``to_jsonb`` would have it."""
    match source:
        case Metadata(root=root, path=path):
            return at_path(user.get(root), path)
        case LiteralValue(value=value):
            return value
        case UserColumn(name="is_anonymous"):
            return bool(user.get("is_anonymous"))
        case UserColumn(name=name) if name in _TIMES:
            text = _column(name, user)
            return None if text is None else text.replace(" ", "T").replace("+00", "+00:00")
        case _:
            return _text(source, user)


def _column(name: str, user: Listed) -> str | None:
    """A column of auth.users as text; the API has empty text where e-mail or phone is null."""
    if name == "is_anonymous":
        return json.dumps(bool(user.get("is_anonymous")))
    told = user.get(name)
    if not told:
        return None
    return _time(told) if name in _TIMES else str(told)


def _time(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}+00"


def _number_or_text(value: str | float | None) -> str | None:
    return None if value is None else str(value)
