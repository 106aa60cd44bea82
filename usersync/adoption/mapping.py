"""Where the value of a column comes from: as the app's own function fills it, or by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usersync.backends.catalog import ActingTrigger, LikelyTable
from usersync.backends.likely import Column
from usersync.config import (
    Expression,
    FirstOf,
    LiteralValue,
    Metadata,
    ProfileTable,
    Source,
    UserColumn,
)
from usersync.config.sources import USER_COLUMNS
from usersync.triggers.inserts import arguments

#: What a column of such a name usually holds, where no function shows it.
_USUAL: tuple[tuple[str, str, str], ...] = (
    (r"e_?mail(_address)?", "email", ""),
    (r"phone(_number)?", "phone", ""),
    (r"full_?name|display_?name|name", "user_metadata.full_name", "user_metadata.name"),
    (r"first_?name|given_?name", "user_metadata.first_name", "user_metadata.given_name"),
    (r"last_?name|family_?name", "user_metadata.last_name", "user_metadata.family_name"),
    (r"(avatar|picture|photo)(_?url)?", "user_metadata.avatar_url", "user_metadata.picture"),
    (r"user_?name|handle", "user_metadata.user_name", "user_metadata.preferred_username"),
)
_ROLES = re.compile(r"(?i)(user|app|account)?_?role|account_type")
_TEXTS = re.compile(r"text|character varying.*|(extensions\.)?citext")

_COLUMN = re.compile(r'(?i)new\s*\.\s*"?([a-z_]+)"?(?:\s*::\s*\w+)?')
_METADATA = re.compile(
    r"(?i)new\s*\.\s*raw_(user|app)_meta_data\s*->>\s*'([A-Za-z0-9_-]+)'(?:\s*::\s*\w+)?"
)
_TEXT = re.compile(r"'((?:''|[^'])*)'(?:\s*::\s*[\w.\"]+)?")


@dataclass(frozen=True, slots=True)
class Mapped:
    """One column, where its value comes from, and why."""

    column: str
    source: Source | None
    """None where nothing says it."""
    why: str


@dataclass(frozen=True, slots=True)
class Role:
    """The column of the role, and why it has that default."""

    column: str
    default: str
    allowed: tuple[str, ...]
    why: str
    as_written: bool = True
    """Whether the app's function gives the same."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """As a file says it."""
        return {"column": self.column, "default": self.default, "allowed": self.allowed}


def described(table: LikelyTable, **more: Any) -> ProfileTable:
    """The settings of a table.

    Args:
        table: as the catalog has it.
        more: what its entry says beside schema, table and key.
    """
    entry = {"schema": table.schema_name, "table": table.table_name, "key": table.key}
    return ProfileTable.model_validate(entry | more)


def role_of(table: LikelyTable, values: Mapping[str, str]) -> Role | None:
    """The column that holds the role, where one is named so and has a default.

    Args:
        table: as the catalog has it.
        values: what the app's function writes, by column.
    """
    for column in table.columns:
        if not _ROLES.fullmatch(column.name):
            continue
        literal = _TEXT.fullmatch(values.get(column.name, "").strip())
        standard = _TEXT.fullmatch(column.default_text or "")
        allowed = column.allowed
        default = literal or standard
        if default is None:
            continue
        first = default[1].replace("''", "'")
        why = "as the function gives it" if literal else "the default of the column"
        if column.name in values and not literal:
            why += "; the function reads it from metadata, which users write themselves"
        roles = allowed if first in allowed else (first, *allowed)
        as_written = literal is not None or column.name not in values
        return Role(column.name, first, roles, why, as_written)
    return None


def mapped(
    column: Column, values: Mapping[str, str], writer: ActingTrigger | None
) -> Mapped | None:
    """Where a column's value comes from; None for one that is left to its default.

    Args:
        column: of the table.
        values: what the app's function writes, by column.
        writer: the trigger of that function.
    """
    if column.name in values and writer is not None:
        expression = values[column.name]
        return Mapped(column.name, _source(expression), f"as {writer.function} fills it")
    if values and not column.required:
        return None
    for pattern, *names in _USUAL:
        if re.fullmatch(pattern, column.name.lower()) and _TEXTS.fullmatch(column.type):
            return _usual(column, [name for name in names if name])
    if not column.required:
        return None
    source = UserColumn("created_at") if column.type.startswith("timestamp") else None
    return Mapped(column.name, source, "NOT NULL without a default")


def _usual(column: Column, names: list[str]) -> Mapped:
    sources: list[UserColumn | Metadata | Expression] = [_named(name) for name in names]
    why = "by its name"
    if column.required and names != ["email"]:
        sources.append(Expression("coalesce(split_part(u.email, '@', 1), u.id::text)"))
        why = "by its name; NOT NULL, so the address helps out"
    first = sources[0]
    return Mapped(column.name, first if len(sources) == 1 else FirstOf(tuple(sources)), why)


def _named(name: str) -> UserColumn | Metadata:
    root, _, key = name.partition(".")
    if not key:
        return UserColumn(root)
    return Metadata("user_metadata", (key,))


def _source(expression: str) -> Source:
    """An expression over NEW as a source."""
    parts = [_simple(part) for part in arguments(expression, "coalesce")]
    if parts and all(parts):
        return FirstOf(tuple(part for part in parts if part))
    return _simple(expression) or Expression(_over_user(expression))


def _simple(expression: str) -> UserColumn | Metadata | LiteralValue | None:
    text = expression.strip()
    while text.startswith("(") and text.endswith(")") and _encloses(text):
        text = text[1:-1].strip()
    if found := _METADATA.fullmatch(text):
        root = found[1].lower()
        return Metadata("user_metadata" if root == "user" else "app_metadata", (found[2],))
    if (found := _COLUMN.fullmatch(text)) and found[1].lower() in USER_COLUMNS:
        return UserColumn(found[1].lower())
    if found := _TEXT.fullmatch(text):
        return LiteralValue(found[1].replace("''", "'"))
    if text.lower() in ("true", "false"):
        return LiteralValue(text.lower() == "true")
    if re.fullmatch(r"-?\d{1,15}", text):
        return LiteralValue(int(text))
    return None


def _encloses(text: str) -> bool:
    """Whether the first bracket is closed by the last."""
    depth = 0
    for number, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return number == len(text) - 1
    return False


def _over_user(expression: str) -> str:
    return re.sub(r"(?i)\bnew\s*\.", "u.", " ".join(expression.split()))
