"""What pydantic finds wrong, as one sentence per fault for the person who wrote the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from usersync.config.document import Document, Path, Problem, shown
from usersync.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

_REQUIRED = {
    "string_type": "text is required",
    "bool_type": "true or false is required",
    "int_type": "a whole number is required",
    "int_from_float": "a whole number is required",
    "float_type": "a number is required",
    "finite_number": "a finite number is required",
    "tuple_type": "a list is required",
    "dict_type": "a mapping is required",
    "mapping_type": "a mapping is required",
    "model_type": "a mapping is required",
}

_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


_PLAIN = {
    "missing": "required, but missing",
    "too_short": "may not be empty",
    "string_too_short": "may not be empty",
}

#: How a value that is no text is called; the first that fits.
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "{}"),
    ((int, float), "the number {}"),
    (date, "the date {}"),
    ((list, tuple), "a list"),
    (dict, "a mapping"),
)


def in_sentences(
    error: ValidationError, document: Document, root: type[BaseModel] = Settings
) -> list[Problem]:
    """Every fault, with its place in the file.

    Args:
        error: what the validation of the document's value raised.
        document: the file.
        root: the model of the whole file.
    """
    problems = []
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and detail["input"]:
            # Pydantic counts what is left after the wrong ones, which are told of anyway.
            continue
        path: Path = tuple(part for part in detail["loc"] if part != "[key]")
        path += tuple(detail.get("ctx", {}).get("at", ()))
        problems.append(Problem(path, document.line(path), _sentence(detail, path, root)))
    return problems


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean `x`?``, or nothing when no known name is near."""
    names = list(known)
    near = [full for full in names if len(name) > 2 and full.startswith(name)]
    near += difflib.get_close_matches(name, names, n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def _sentence(detail: ErrorDetails, path: Path, root: type[BaseModel]) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "usersync":
        sentence = str(context["sentence"])
    elif kind == "extra_forbidden":
        allowed = _keys_at(path[:-1], root)
        guess = did_you_mean(str(path[-1]), allowed)
        sentence = f"unknown key; {guess or 'allowed are ' + ', '.join(allowed)}"
    elif kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"])
        guess = did_you_mean(value, allowed) if isinstance(value, str) else ""
        guess = guess and f"; {guess}"
        sentence = f"found {_found(value)}; allowed are {', '.join(allowed)}{guess}"
    elif kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        sentence = f"must be {words} {context[name]:g}, found {value}"
    elif kind in _REQUIRED:
        sentence = f"{_REQUIRED[kind]}, found {_found(value)}{_remedy(kind, value)}"
    else:
        sentence = _PLAIN.get(kind) or detail["msg"]
    return sentence


def _found(value: object) -> str:
    if value is None:
        return "nothing"
    for kinds, words in _KINDS:
        if isinstance(value, kinds):
            return words.format(str(value).lower() if isinstance(value, bool) else value)
    return f"`{shown(str(value))}`"


def _remedy(kind: str, value: object) -> str:
    if kind in {"int_type", "float_type"} and isinstance(value, str) and value.isdecimal():
        return "; take the quotes away"
    if kind == "string_type" and not isinstance(value, list | tuple | dict):
        return "; quote it"
    if kind == "tuple_type" and isinstance(value, str):
        return f"; write `[{shown(value)}]`"
    return ""


def _keys_at(path: Path, root: type[BaseModel]) -> list[str]:
    """The keys that the section at this place may have."""
    section = root
    within_mapping = False
    for part in path:
        if isinstance(part, int) or within_mapping:
            within_mapping = False
            continue
        field = next(
            field for name, field in section.model_fields.items() if part == (field.alias or name)
        )
        section = next(_sections(field.annotation), section)
        within_mapping = _is_mapping(field.annotation)
    return [field.alias or name for name, field in section.model_fields.items()]


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is Mapping or any(
        get_origin(argument) is Mapping for argument in get_args(annotation)
    )
