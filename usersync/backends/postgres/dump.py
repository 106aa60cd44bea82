"""What is about to go, in a file first: every row of a table, definitions that are overwritten."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from psycopg import sql

from usersync.backends.postgres.rows import RowCursor
from usersync.errors import Refused
from usersync.sql import compose, load

_ROWS_AT_ONCE = 1_000


def dump(cursor: RowCursor, table: str, path: Path) -> int:
    """Write every row of a table to a new file that only its user can read.

    Until the transaction ends nobody can write another row into it.

    Args:
        cursor: in the transaction that drops the table afterwards.
        table: as the catalog writes it: ``usersync.journal``.
        path: the file.

    Returns:
        How many rows there were; without any, or without the table, there is no file.

    Raises:
        Refused: the file cannot be written, or does not read back.
    """
    name = sql.SQL(table)
    there = sql.SQL("select to_regclass({}) is not null as there").format(sql.Literal(table))

    if not cursor.execute(there).fetchall()[0]["there"]:
        return 0
    cursor.execute(sql.SQL("lock table {} in exclusive mode").format(name))
    query = compose(load("queries/dump"), {"table": name})
    cursor.execute(sql.SQL("declare dumped no scroll cursor for {}").format(query))
    fetch = sql.SQL("fetch {} from dumped").format(sql.Literal(_ROWS_AT_ONCE))
    rows = cursor.execute(fetch).fetchall()

    def lines() -> Iterator[str]:
        found = rows
        while found:
            yield from (row["line"] for row in found)
            found = cursor.execute(fetch).fetchall()

    written = _write(lines(), path) if rows else 0
    cursor.execute("close dumped")
    return written


def keep(definitions: Mapping[str, str], path: Path) -> None:
    """Write definitions to a new file that only its user can read, an object of JSON a line.

    Args:
        definitions: what is overwritten or dropped afterwards, by identity.
        path: the file.

    Raises:
        Refused: the file cannot be written, or does not read back.
    """
    _write(
        (
            json.dumps({"object": identity, "definition": definition}, ensure_ascii=False)
            for identity, definition in definitions.items()
        ),
        path,
    )


def _write(lines: Iterable[str], path: Path) -> int:
    """Write lines, read them back, and answer how many there were."""
    written = 0
    given = hashlib.sha256()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for line in lines:
                data = f"{line}\n".encode()
                file.write(data)
                given.update(data)
                written += 1
            file.flush()
            os.fsync(file.fileno())
        with path.open("rb") as file:
            read_back = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}; nothing was dropped") from error
    if read_back.digest() != given.digest():
        raise Refused(f"{path} does not hold what was written to it; nothing was dropped")
    return written
