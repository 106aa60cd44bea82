"""Numbers and choices arrive from Invoke as text and are checked here, with a sentence each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from usersync.errors import Refused

Word = TypeVar("Word", bound=str)


def whole_number(flag: str, text: str | None, *, least: int = 0) -> int | None:
    """A whole number of at least ``least``; None when the flag was not given.

    Raises:
        Refused: it is none.
    """
    if text is None:
        return None
    plain = text.replace(",", "").replace("_", "").strip()
    if not re.fullmatch(r"[0-9]{1,18}", plain) or int(plain) < least:
        raise Refused(f"{flag} takes a whole number of at least {least}, found {text!r}")
    return int(plain)


def positive(flag: str, text: str | None) -> float | None:
    """A number above zero; None when the flag was not given.

    Raises:
        Refused: it is none.
    """
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text.strip()) or float(text) <= 0:
        raise Refused(f"{flag} takes a number above zero, found {text!r}")
    return float(text)


def share(flag: str, text: str | None) -> tuple[int, int] | None:
    """``I/N`` as two numbers, 1 <= I <= N; None when the flag was not given.

    Raises:
        Refused: it is none.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise Refused(f"{flag} takes I/N with I from 1 to N, such as 1/4, found {text!r}")
    return int(found[1]), int(found[2])


def at_most_one(flags: Mapping[str, bool]) -> None:
    """Of several ways to run a task, one.

    Raises:
        Refused: more than one was given.
    """
    given = [flag for flag, is_given in flags.items() if is_given]
    if len(given) > 1:
        raise Refused(f"{' and '.join(given)} exclude each other", "give one of them")


def choice(flag: str, text: str, allowed: Sequence[Word]) -> Word:
    """One of the allowed words.

    Raises:
        Refused: it is none of them.
    """
    for one in allowed:
        if one == text:
            return one
    near = difflib.get_close_matches(text, allowed, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise Refused(f"{flag} takes {' or '.join(allowed)}, found {text!r}{guess}")
