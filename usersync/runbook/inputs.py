"""What a person says to a run, held against what the runbook asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from usersync import reference
from usersync.config import did_you_mean
from usersync.errors import Refused
from usersync.runbook.models import Input

_AN_OBJECT = 'write {"name": value, ...}, such as {"limit": 100}'
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def pairs(given: Sequence[str]) -> dict[str, str]:
    """``name=value``, repeated, as a mapping.

    Raises:
        Refused: one of them is none, or is given twice.
    """
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise Refused(f"--input takes NAME=VALUE, found {text!r}")
        if name in values:
            raise Refused(f"--input {name} is given twice")
        values[name] = value
    return values


def from_json(text: str, source: str) -> dict[str, Any]:
    """The inputs of a JSON object, such as ``{"limit": 100}``; none of empty text.

    Args:
        text: the object.
        source: what messages call it.

    Raises:
        Refused: it is none, a name stands in it twice, or a value is no text, number or flag.
    """
    try:
        values = json.loads(text or "{}", object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        # Of the text nothing is told: it may hold the address of a user.
        raise Refused(f"{source} is no JSON object: {_fault(error)}", _AN_OBJECT) from None
    if not isinstance(values, dict):
        raise Refused(f"{source} is JSON, and no object", _AN_OBJECT)
    wrong = sorted(name for name, one in values.items() if not isinstance(one, str | int))
    if wrong:
        raise Refused(
            f"{source}: {', '.join(wrong)}: text, a whole number, true or false belong here"
        )
    return values


def _once(found: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands in it twice")
    return dict(found)


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)


def read(asked: Mapping[str, Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all inputs.

    Args:
        asked: what the runbook asks for.
        given: what was said, as text from a command line or as values from a file.

    Raises:
        Refused: with everything that is wrong with them.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    for name in given.keys() - asked.keys():
        guess = did_you_mean(name, asked)
        known = f"; it has {', '.join(asked)}" if asked else "; it takes none"
        faults.append(f"there is no input {name}{'; ' + guess if guess else known}")
    for name, wanted in asked.items():
        if given.get(name) is None:
            if wanted.is_required:
                faults.append(f"--input {name}=... is missing: {wanted.help}")
            values[name] = wanted.default
            continue
        try:
            values[name] = value(wanted, given[name])
        except ValueError as error:
            faults.append(f"input {name}: {error}")
    if faults:
        raise Refused("\n".join(sorted(faults)))
    return values


def value(wanted: Input, given: Any) -> Any:
    """One value, of the type that is asked for.

    Raises:
        ValueError: it is not, in words for people.
    """
    if given == wanted.default and type(given) is type(wanted.default):
        return given
    if wanted.type == "flag":
        return _flag(given)
    if wanted.type == "int":
        return _number(wanted, given)
    text = given if isinstance(given, str) else str(given)
    if wanted.type == "choice":
        return _choice(wanted, text)
    if not text.isprintable():
        raise ValueError("it holds a character that cannot be printed")
    if wanted.type == "user":
        user = reference.user(text)
        if not user or re.search(r"\s", user):
            raise ValueError("a user is an id, its first 8 characters, or an address")
        return user
    least, most = wanted.min or 0, wanted.max or 500
    if not least <= len(text) <= most:
        raise ValueError(f"from {least} to {most} characters are allowed, found {len(text)}")
    if wanted.pattern and not re.fullmatch(wanted.pattern, text):
        raise ValueError(f"it does not match {wanted.pattern}")
    return text


def masked(asked: Mapping[str, Input], values: Mapping[str, Any]) -> dict[str, str]:
    """The values as they may stand in the journal: users' addresses are not told."""
    told = {}
    for name, one in values.items():
        text = str(one).lower() if isinstance(one, bool) else str(one)
        told[name] = re.sub(r"[^\s@]+@", "***@", text) if asked[name].type != "int" else text
    return told


def _flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if str(given).lower() not in _FLAGS:
        raise ValueError(f"true or false is wanted, found {given!r}")
    return _FLAGS[str(given).lower()]


def _number(wanted: Input, given: Any) -> int:
    text = str(given).replace(",", "").replace("_", "").strip()
    if isinstance(given, bool) or not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise ValueError(f"a whole number is wanted, found {given!r}")
    number = int(text)
    if wanted.min is not None and number < wanted.min:
        raise ValueError(f"{number:,} is less than the {wanted.min:,} allowed")
    if wanted.max is not None and number > wanted.max:
        raise ValueError(f"{number:,} is more than the {wanted.max:,} allowed")
    return number


def _choice(wanted: Input, text: str) -> str:
    choices = wanted.choices or ()
    if text not in choices:
        guess = did_you_mean(text, choices)
        raise ValueError(f"{text!r} is none of {', '.join(choices)}{'; ' + guess if guess else ''}")
    return text
