"""Reads a runbook file, and the SQL files it names, or says everything that is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from usersync.config.document import Document, Problem, shown
from usersync.config.load import in_lines
from usersync.config.problems import in_sentences
from usersync.config.yaml_text import parse
from usersync.errors import ConfigError
from usersync.runbook import own_sql
from usersync.runbook.models import SCHEMA, Runbook
from usersync.runbook.own_sql import OwnSql, Unreadable

LONGEST_BYTES = 256_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A runbook and the files it is made of.

    Args:
        path: its file.
        document: in which line each of its values stands.
        runbook: what it says.
        digest: stands for it and for every SQL file that it names.
        sql: those that could be read, by the words that name them.
    """

    path: Path
    document: Document
    runbook: Runbook
    digest: str
    sql: Mapping[str, OwnSql] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its name."""
        return self.runbook.id


def read(path: Path) -> tuple[Loaded | None, list[Problem]]:
    """Read a file.

    Args:
        path: the file.

    Returns:
        The runbook, unless the format itself is broken, and what is wrong.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        return None, [Problem((), 1, f"cannot be read: {error.strerror}")]
    if len(data) > LONGEST_BYTES:
        sentence = f"{len(data):,} bytes are no runbook; at most {LONGEST_BYTES:,} are read"
        return None, [Problem((), 1, sentence)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return None, [Problem((), line, "this is not UTF-8 text")]
    document = parse(text, str(path))
    runbook, problems = _runbook(document)
    if runbook is None:
        return None, problems
    files, unreadable = _files(runbook, path.parent, document)
    digest = hashlib.sha256(data)
    for words, own in files.items():
        digest.update(f"{words}\0{own.digest}".encode())
    loaded = Loaded(path, document, runbook, digest.hexdigest()[:16], files)
    return loaded, [*problems, *unreadable]


def refuse(path: Path, problems: list[Problem]) -> None:
    """Refuse a runbook with problems.

    Raises:
        ConfigError: with all of them.
    """
    if problems:
        raise ConfigError(in_lines(str(path), problems), "correct it; nothing was done")


def _runbook(document: Document) -> tuple[Runbook | None, list[Problem]]:
    problems = list(document.problems)
    value = document.value
    if problems and not isinstance(value, dict):
        return None, problems
    if not isinstance(value, dict):
        return None, [Problem((), 1, "a mapping (`name: value`) belongs here")]
    if value.get("schema") != SCHEMA:
        found = shown(str(value.get("schema", "nothing")))
        sentence = f"this usersync reads runbooks of `schema: {SCHEMA}`, found {found}"
        return None, [*problems, Problem(("schema",), document.line(("schema",)), sentence)]
    try:
        return Runbook.model_validate(value), problems
    except ValidationError as error:
        return None, problems + in_sentences(error, document, Runbook)


def _files(
    runbook: Runbook, folder: Path, document: Document
) -> tuple[dict[str, OwnSql], list[Problem]]:
    """The SQL files that its steps name, and those that cannot be used."""
    named: dict[tuple[str | int, ...], str] = {
        ("steps", number, step.verb): step.does
        for number, step in enumerate(runbook.steps)
        if step.is_own_sql
    }
    if runbook.drill:
        named["drill", "fault"] = runbook.drill.fault
    if runbook.drill and runbook.drill.person:
        named["drill", "person"] = runbook.drill.person
    files: dict[str, OwnSql] = {}
    problems = []
    for place, words in named.items():
        try:
            files[words] = _file(folder.resolve(), words)
        except Unreadable as error:
            sentence = f"`{shown(words)}`: {error}"
            problems.append(Problem(place, document.line(place), sentence))
    return files, problems


def _file(folder: Path, words: str) -> OwnSql:
    path = (folder / words).resolve()
    if not path.is_relative_to(folder):
        raise Unreadable("a file below the folder of the runbook belongs here")
    return own_sql.read(path)
