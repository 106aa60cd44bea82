"""What somebody types who means one user or one run, in the one spelling that is known inside."""

from __future__ import annotations

import re
from uuid import UUID

from usersync.privacy import SHORT_ID_LENGTH

#: As Postgres takes a uuid: a dash may stand behind any four digits, and braces around them all.
_DIGITS = r"(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}"
_WHOLE_ID = re.compile(rf"\{{{_DIGITS}\}}|{_DIGITS}")
_SHORT_ID = re.compile(rf"[0-9a-f]{{{SHORT_ID_LENGTH}}}[0-9a-f-]{{0,28}}")


def whole_id(text: str) -> str:
    """A whole id as lists print it; empty for what is none.

    Args:
        text: an id in capitals, in braces, with any of its dashes or none.
    """
    typed = text.strip().lower()
    return str(UUID(typed)) if _WHOLE_ID.fullmatch(typed) else ""


def any_id(text: str) -> str:
    """A whole id, or the start of one, as lists print it; empty for what is neither."""
    typed = text.strip().lower()
    return whole_id(typed) or (typed if _SHORT_ID.fullmatch(typed) else "")


def user(text: str) -> str:
    """An id, the start of one, or an address in small letters; empty for what means nobody."""
    typed = text.strip().lower()
    return typed if "@" in typed else any_id(typed)
