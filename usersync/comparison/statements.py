"""The statements of a migration file, told apart as psql does, each with its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from usersync.triggers.tokens import Token, tokens

#: What Postgres takes in no transaction, as the statement begins.
_ALONE = (
    ("vacuum",),
    ("alter", "system"),
    ("create", "database"),
    ("drop", "database"),
    ("create", "tablespace"),
    ("drop", "tablespace"),
)

#: What Postgres takes in no transaction when it is done concurrently.
_CONCURRENT = (
    ("create", "index"),
    ("create", "unique", "index"),
    ("drop", "index"),
    ("reindex",),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file.

    Args:
        text: without what stands around it.
        line: where it begins in the file.
        alone: whether Postgres takes it in no transaction.
        reads_input: whether it is a COPY that reads lines of the file, which only psql sends.
    """

    text: str
    line: int
    alone: bool = False
    reads_input: bool = False


def split(source: str) -> tuple[Statement, ...]:
    """Tell the statements of a file apart.

    Args:
        source: the whole file.
    """
    return tuple(_statements(source))


def _statements(source: str) -> Iterator[Statement]:
    line, counted = 1, 0
    for part in _parts(source):
        start = part[0].start
        line += source.count("\n", counted, start)
        counted = start
        words = [token.text if token.kind == "word" else "" for token in part]
        yield Statement(
            text=source[start : part[-1].end],
            line=line,
            alone=_alone(words),
            reads_input=words[0] == "copy" and "stdin" in words,
        )


def _parts(source: str) -> Iterator[list[Token]]:
    """The tokens of each statement, without the semicolon at its end.

    A semicolon ends none inside parentheses (a rule's actions), nor in a body that begins with
    BEGIN ATOMIC, where END closes CASE too.
    """
    part: list[Token] = []
    parentheses = blocks = 0
    for token in tokens(source):
        if token.text == ";" and token.kind == "symbol" and not blocks and parentheses <= 0:
            if part:
                yield part
            part, parentheses = [], 0
            continue
        if token.kind == "symbol":
            parentheses += (token.text == "(") - (token.text == ")")
        elif token.kind == "word":
            if token.text == "atomic" and part and part[-1].text == "begin":
                blocks += 1
            elif blocks:
                blocks += (token.text == "case") - (token.text == "end")
        part.append(token)
    if part:
        yield part


def _alone(words: Sequence[str]) -> bool:
    begins = any(tuple(words[: len(start)]) == start for start in _ALONE)
    concurrent = any(tuple(words[: len(start)]) == start for start in _CONCURRENT)
    return begins or (concurrent and "concurrently" in words[:8])
