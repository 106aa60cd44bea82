"""What of a user may be shown, and how: pure text, no exceptions."""

from __future__ import annotations

import re

#: Characters of an id that a list shows, and that are accepted where one user matches.
SHORT_ID_LENGTH = 8

#: An id as lists print it; and in any other spelling that Postgres takes (`usersync/reference.py`),
#: there only as a word of its own: what is longer is a hash, and what it is a part of is a name.
_ANY_DASHES = r"(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}"
_ID = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    rf"|\{{{_ANY_DASHES}\}}|(?<!\w){_ANY_DASHES}(?!\w)",
    re.IGNORECASE,
)

#: No field of a user is shown at greater length; and no message of ours.
LONGEST_FIELD = 200
LONGEST_MESSAGE = 4_000


def masked_email(email: str | None) -> str:
    """All but the first letter and the domain hidden; empty for a user without an address."""
    if not email:
        return ""
    name, at, domain = email.rpartition("@")
    return f"{name[:1]}***{at}{domain}" if at else f"{email[:1]}***"


def masked_value(value: str) -> str:
    """All but the first letter and the number behind it hidden."""
    return f"{value[:1]}***{value[value.rfind('_') :]}"


def short_id(user_id: str) -> str:
    """The start of an id, as lists show it."""
    return user_id[:SHORT_ID_LENGTH]


def short_ids(text: str) -> str:
    """A text in which every id of a user is short."""
    return _ID.sub(_short, text)


def _short(found: re.Match[str]) -> str:
    user_id = found.group().strip("{}").lower()
    # Nobody's: it stands in statements.
    return found.group() if set(user_id) <= {"0", "-"} else short_id(user_id)


def visible(text: str, longest: int = LONGEST_FIELD) -> str:
    """Text of unknown origin as one harmless line.

    Control characters, line ends, direction overrides and other invisible characters are shown as
    escapes instead of being sent; ``::`` and ``##[`` cannot become a GitHub workflow command.

    Args:
        text: anything.
        longest: what is longer is cut, with its length.
    """
    shown = "".join(map(_shown, text[:longest]))
    shown = shown.replace("::", ":\\u003a").replace("##[", "#\\u0023[")
    return shown if len(text) <= longest else f"{shown}… ({len(text):,} characters)"


def plain_line(text: str) -> str:
    """A message as one harmless line that holds no whole id of a user."""
    # Ids come first: what is left of one that is cut in the middle is known for none.
    return visible(short_ids(text), LONGEST_MESSAGE)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


#: What a log file of somebody else may hold that nobody else may read, and what is shown instead.
_SECRETS = (
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"), "[a key]"),
    (re.compile(r"\b(?:sb_(?:secret|publishable)_|sbp_|gh[opsu]_|github_pat_)\w{4,}"), "[a key]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 [hidden]"),
    (re.compile(r"(?<=://)[^\s/@]*:[^\s/]*@"), "[hidden]@"),
    (
        re.compile(
            r"(?i)((?<![\w-])[\w-]*(?:password|passwd|pwd|secret|token|api_?key|apikey|authorization)[\"']?"
            r"\s*[=:]\s*)(?!bearer|basic|\[)(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&}]+)"
        ),
        r"\1[hidden]",
    ),
)
#: Each begins only where a word does, or a line of megabytes would take hours.
_EMAIL = re.compile(r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.:-])\+\d[\d ().-]{6,18}\d\b")


def masked(text: str) -> str:
    """A line of a log without secrets, whole addresses and phone numbers; ids stay.

    Args:
        text: one line of unknown origin.
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    text = _EMAIL.sub(lambda found: masked_email(found.group()), text)
    return _PHONE.sub(lambda found: f"{found.group()[:3]}***", text)
