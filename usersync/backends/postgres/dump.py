"""Every row of a table in a file, before the table goes."""

from __future__ import annotations

import hashlib
import os
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
    if not rows:
        cursor.execute("close dumped")
        return 0
    written = 0
    given = hashlib.sha256()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            while rows:
                lines = "".join(f"{row['line']}\n" for row in rows).encode()
                file.write(lines)
                given.update(lines)
                written += len(rows)
                rows = cursor.execute(fetch).fetchall()
            file.flush()
            os.fsync(file.fileno())
        with path.open("rb") as file:
            read_back = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}; nothing was dropped") from error
    cursor.execute("close dumped")
    if read_back.digest() != given.digest():
        raise Refused(f"{path} does not hold what was written to it; nothing was dropped")
    return written
