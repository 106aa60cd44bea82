"""The text of a function as tokens, read as Postgres reads it.

Where text and comments begin and end decides what is a call: an apostrophe in a comment, ``--`` in
a text, a nested comment or a dollar quote would each hide the rest from a plainer reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Kind = Literal["word", "name", "hidden", "text", "doubtful", "operator", "symbol"]

_LETTER = "A-Za-z_\x80-\U0010ffff"
_SPACE = re.compile(r"(?:[ \t\n\r\f\v]+|--[^\r\n]*)+")
_COMMENT_MARK = re.compile(r"/\*|\*/")
_ESCAPED_TEXT = re.compile(r"[eE]'(?:\\.|''|[^'\\])*'?", re.DOTALL)
_TEXT = re.compile(r"(?:[nNbBxX]|[uU]&)?'(?:''|[^'])*'?")
_DOLLAR = re.compile(rf"\$(?:[{_LETTER}][0-9{_LETTER}]*)?\$")
_NAME = re.compile(r'([uU]&)?"((?:""|[^"])*)"?')
_WORD = re.compile(rf"[{_LETTER}][0-9${_LETTER}]*")
_NUMBER = re.compile(r"\d+|\$\d+")
_OPERATOR = re.compile(r"(?:(?!--|/\*)[-+*/<>=~!@#%^&|`?])+")
_CAPITALS = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}

#: Postgres cuts longer names before it looks them up.
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of code.

    A ``word`` is a name or keyword without quotes, a ``name`` one in quotes; both as the catalog
    spells them. ``hidden`` is a name written in escapes, ``doubtful`` a text whose end depends on a
    setting.
    """

    kind: Kind
    text: str
    quoted: str = ""
    """What stands inside a text, as it is written."""
    start: int = field(default=0, compare=False)
    """Where it begins in the source."""
    end: int = field(default=0, compare=False)

    @property
    def is_name(self) -> bool:
        """Whether it can name something."""
        return self.kind in ("word", "name")

    @property
    def is_operator(self) -> bool:
        """Whether it can be an operator, somebody's own among them."""
        return self.kind == "operator"


@lru_cache(maxsize=256)
def tokens(source: str) -> tuple[Token, ...]:
    """The code without comments; what stands inside a text is not code, and kept apart.

    Remembered: one look at a target reads the same functions for several questions.
    """
    return tuple(_tokens(source))


def _tokens(source: str) -> Iterator[Token]:
    at = 0
    while at < len(source):
        if found := _SPACE.match(source, at):
            at = found.end()
        elif source.startswith("/*", at):
            at = _end_of_comment(source, at)
        else:
            token = _token(source, at)
            yield token
            at = token.end


def _token(source: str, at: int) -> Token:
    """The token that begins here."""
    kind: Kind = "symbol"
    text = quoted = ""
    if found := _ESCAPED_TEXT.match(source, at):
        kind, quoted = "text", found.group()
    elif found := _TEXT.match(source, at):
        kind, quoted = "doubtful" if r"\'" in found.group() else "text", found.group()
    elif found := _DOLLAR.match(source, at):
        return _dollar_quoted(source, at, found)
    elif found := _NAME.match(source, at):
        kind = "hidden" if found.group(1) else "name"
        text = "" if found.group(1) else _cut(found.group(2).replace('""', '"'))
    elif found := _WORD.match(source, at):
        kind, text = "word", _cut(found.group().translate(_CAPITALS))
    elif found := _OPERATOR.match(source, at):
        kind, text = "operator", found.group()
    else:
        found = _NUMBER.match(source, at)
        text = found.group() if found else source[at]
    return Token(kind, text, quoted, at, found.end() if found else at + 1)


def _dollar_quoted(source: str, at: int, mark: re.Match[str]) -> Token:
    end = source.find(mark.group(), mark.end())
    if end < 0:
        return Token("text", "", source[mark.end() :], at, len(source))
    return Token("text", "", source[mark.end() : end], at, end + len(mark.group()))


def _end_of_comment(source: str, at: int) -> int:
    """Where the comment that begins here ends: comments nest."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(source, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(source)


def _cut(name: str) -> str:
    return name.encode(errors="replace")[:_LONGEST_NAME].decode(errors="ignore")
