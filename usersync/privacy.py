"""What of a user may be shown, and how: pure text, no exceptions."""

from __future__ import annotations

import unicodedata

#: Characters of an id that a list shows, and that are accepted where one user matches.
SHORT_ID_LENGTH = 8

#: No field of a user is shown at greater length.
MAX_SHOWN_LENGTH = 200


def masked_email(email: str | None) -> str:
    """All but the first letter and the domain hidden; empty for a user without an address."""
    if not email:
        return ""
    name, at, domain = email.rpartition("@")
    return f"{name[:1]}***{at}{domain}" if at else f"{email[:1]}***"


def short_id(user_id: str) -> str:
    """The start of an id, as lists show it."""
    return user_id[:SHORT_ID_LENGTH]


def visible(text: str) -> str:
    """Text of unknown origin as one harmless line.

    Control characters, line ends, direction overrides and other invisible characters are shown as
    escapes instead of being sent; ``::`` cannot become a GitHub workflow command; what is longer
    than 200 characters is cut with its length.
    """
    shown = "".join(_shown(character) for character in text[:MAX_SHOWN_LENGTH])
    shown = shown.replace("::", ":\\u003a")
    if len(text) > MAX_SHOWN_LENGTH:
        shown += f"… ({len(text):,} characters)"
    return shown


def _shown(character: str) -> str:
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return (
        character.encode("unicode_escape").decode("ascii")
        if character < "\x80"
        else (f"\\u{ord(character):04x}")
    )
