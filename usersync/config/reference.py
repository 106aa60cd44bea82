"""The reference of all settings, written out from the models."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from usersync.config.environment import VARIABLES
from usersync.config.health import PROTECTED_PATHS, PUBLIC_PATH
from usersync.config.settings import DEFAULT_PROFILE, Settings
from usersync.config.sources import USER_COLUMNS, AnySource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_NAMES: Mapping[object, str] = {
    str: "text",
    bool: "true, false",
    int: "whole number",
    float: "number",
    date: "day",
    UUID: "user id",
    AnySource: "source",
}


def reference_markdown() -> str:
    """All settings and environment variables, as two Markdown tables and the list of sources."""
    settings = "\n".join(_row(*row) for row in _rows(Settings, ""))
    variables = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items())
    columns = ", ".join(f"`{name}`" for name in USER_COLUMNS)
    endpoints = ", ".join(f"`{path}`" for path in (PUBLIC_PATH, *PROTECTED_PATHS))
    return f"""\
### Settings

| setting | allowed | default | meaning |
|---|---|---|---|
{settings}

Without `profiles:` there is one table, `{DEFAULT_PROFILE.name}`, with `columns: {{email: email}}`
and `role: {{column: role, default: user, allowed: [user, admin]}}`.

Without `health.endpoints` there are {endpoints},
each with `json: {{status: healthy}}`; all but the first are protected.

### Sources of a column

| source | meaning |
|---|---|
| `email` | a column of `auth.users`: {columns} |
| `user_metadata.KEY` | a key of the metadata that users may write themselves |
| `app_metadata.KEY` | a key of the metadata that only the app writes |
| `[SOURCE, SOURCE, ...]` | the first that is neither null nor empty |
| `{{literal: free}}` | the same text for everybody; a bare number, `true`, `false` or `null` too |
| `{{sql: "lower(u.email)"}}` | an SQL expression over `u`, the row of `auth.users` |
| `{{from: SOURCE, unique: suffix}}` | a text; one that is taken gets `_2`, `_3`, ... |

### Environment variables

| variable | meaning |
|---|---|
{variables}
"""


def _rows(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        setting = f"{prefix}{field.alias or name}"
        yield setting, field
        inner = _inner(field.annotation)
        # The tables of one target have the settings of those for all.
        if inner and not (prefix and name == "profiles"):
            yield from _rows(inner, f"{setting}{_step(field.annotation)}.")


def _row(setting: str, field: FieldInfo) -> str:
    allowed = _allowed(field.annotation, field.metadata)
    return f"| `{setting}` | {allowed} | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    default = field.get_default()
    if field.is_required():
        return "required"
    if isinstance(default, BaseModel) or default is None or default in ("", (), {}):
        return ""
    if isinstance(default, tuple):
        if all(isinstance(item, str) for item in default):
            return f"`[{', '.join(default)}]`"
        return "see below"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for part in get_args(annotation) if (inner := _inner(part))), None)


def _step(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Mapping:
        return ".NAME"
    if origin is tuple:
        return "[]"
    return next((step for part in get_args(annotation) if (step := _step(part))), "")


def _allowed(annotation: Any, metadata: list[Any]) -> str:
    """The type in words, with its bounds."""
    bounds = [
        f"{words} {getattr(bound, name):g}"
        for bound in metadata
        for name, words in (("gt", "more than"), ("ge", "at least"), ("le", "at most"))
        if hasattr(bound, name)
    ]
    return ", ".join([_words(annotation), *bounds])


def _words(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation in _NAMES:
        words = _NAMES[annotation]
    elif origin is Annotated:
        words = _allowed(parts[0], list(parts[1:]))
    elif origin is Literal:
        words = ", ".join(f"`{value}`" for value in parts)
    elif origin is tuple:
        words = f"list of {_words(parts[0])}"
    elif origin is Mapping:
        words = f"mapping to {_words(parts[1])}"
    elif origin in (Union, types.UnionType):
        # Optional settings are recognised by their default, so `null` is left out.
        words = ", ".join(_words(part) for part in parts if part is not types.NoneType)
    else:
        words = "mapping"
    return words
