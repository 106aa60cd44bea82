"""A team's own SQL: what a ``check`` or ``change`` file may hold, seen before it is ever sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from usersync.errors import Refused
from usersync.sql import header_of
from usersync.triggers.tokens import Token, tokens

LONGEST_BYTES = 256_000

#: What would end or reopen the transaction that the backend owns, or outlive it.
_CONTROL = frozenset(
    {
        "abort", "begin", "checkpoint", "close", "cluster", "commit", "copy", "declare", "discard",
        "end", "listen", "load", "notify", "prepare", "reindex", "release", "reset", "rollback",
        "savepoint", "start", "unlisten", "vacuum",
    }
)  # fmt: skip
_READS = frozenset({"select", "with", "values", "table"})
_LEVELS = ("info", "warning", "error")


@dataclass(frozen=True, slots=True)
class OwnSql:
    """One file.

    Args:
        path: where it is.
        text: what it holds.
        header: the ``-- key: text`` lines at its head.
    """

    path: Path
    text: str
    header: Mapping[str, str]

    @property
    def name(self) -> str:
        """What its findings are called by."""
        return self.path.stem

    @property
    def digest(self) -> str:
        """Stands for its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Unreadable(Exception):
    """The file cannot be used; says why."""


def read(path: Path) -> OwnSql:
    """Read a file.

    Raises:
        Unreadable: it is not there, too long, or no text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except OSError as error:
        raise Unreadable(f"it cannot be read: {error.strerror}") from None
    if len(data) > LONGEST_BYTES:
        raise Unreadable(f"it has {len(data):,} bytes, at most {LONGEST_BYTES:,} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    return OwnSql(path, text, header_of(text))


def read_check(path: Path) -> OwnSql:
    """Read a check that is in order.

    Raises:
        Refused: it is not; says everything that is wrong with it.
    """
    try:
        own = read(path)
    except Unreadable as error:
        raise Refused(f"checks: {path}: {error}") from None
    faults = list(faults_of_check(own))
    if faults:
        raise Refused("\n".join(f"checks: {path}: {fault}" for fault in faults))
    return own


def faults_of_check(own: OwnSql) -> Iterator[str]:
    """Why the file is no check: one query that reads, with a head that says what it asks."""
    statements = _statements(own.text)
    if len(statements) != 1:
        yield f"a check is one statement, found {len(statements)}"
    for statement in statements[:1]:
        if statement[0].text not in _READS:
            yield f"a check begins with select or with, found `{statement[0].text}`"
    yield from _head_faults(own, ("asks", "level", "remedy"))
    level = own.header.get("level", "warning")
    if level not in _LEVELS:
        yield f"`-- level:` is one of {', '.join(_LEVELS)}, found `{level}`"


def faults_of_change(own: OwnSql, *, has_arguments: bool) -> Iterator[str]:
    """Why the file is no change: statements of one transaction that touch no trigger of others.

    Args:
        own: the file.
        has_arguments: whether values are bound to it; then it is one statement.
    """
    statements = _statements(own.text)
    if not statements:
        yield "it holds no statement"
    if has_arguments and len(statements) > 1:
        yield f"with arguments it is one statement, found {len(statements)}"
    for statement in statements:
        yield from _statement_faults(statement)
    yield from _head_faults(own, ("does",))


def _statement_faults(statement: Sequence[Token]) -> Iterator[str]:
    words = [token.text for token in statement]
    first = words[0]
    if first in _CONTROL:
        yield f"the run owns the transaction, so `{first}` has no place here"
    if first == "set" and words[1:2] != ["local"]:
        yield "write `set local`: what is set must end with the transaction"
    if "concurrently" in words:
        yield "`concurrently` cannot run in a transaction"
    if words[:2] == ["drop", "trigger"] or words[:3] == ["comment", "on", "trigger"]:
        yield f"`{' '.join(words[:2])}` blocks sign-ins; replace the function instead"
    if words[:2] == ["alter", "table"] and "auth" in words[2:6]:
        yield "`alter table auth.…` is the platform's, and blocks sign-ins"


def _head_faults(own: OwnSql, wanted: Sequence[str]) -> Iterator[str]:
    missing = [key for key in wanted if key not in own.header]
    if missing:
        yield f"its head lacks {', '.join(f'`-- {key}:`' for key in missing)}"


def _statements(text: str) -> list[list[Token]]:
    """The code, cut where statements end."""
    statements: list[list[Token]] = [[]]
    for token in tokens(text):
        if token.kind == "symbol" and token.text == ";":
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]
