"""Pieces of SQL that are put together: files of ``functions``, and bodies in dollar quotes."""

from __future__ import annotations

import itertools
import textwrap
from typing import TYPE_CHECKING

from psycopg import sql

from usersync.sql import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from usersync.sql.names import Names


def dollar_quoted(body: sql.Composed) -> sql.Composed:
    """A text in dollar quotes that nothing in it can end."""
    tag = "$usersync$"
    while tag in body.as_string():
        tag = f"{tag[:-1]}_$"
    quote = sql.SQL(tag)
    return sql.SQL("\n").join([quote, body, quote])


def fragment(name: str, named: Names, indent: int = 0) -> sql.Composed:
    """A file of ``functions`` without its header, indented behind its first line.

    The file is indented before anything is put into it: a text of several lines in a setting stays
    what it is.
    """
    text_lines = load(f"functions/{name}").text.splitlines()
    code = itertools.dropwhile(lambda line: line.startswith("--"), text_lines)
    text = textwrap.indent("\n".join(code), " " * indent).strip()
    return sql.SQL(text).format(**named)


def block(name: str, named: Names) -> sql.Composable:
    """A file of ``functions`` as a statement that runs it once."""
    return sql.SQL("do {};").format(dollar_quoted(fragment(name, named)))


def lines(parts: Iterable[sql.Composable], indent: int = 0) -> sql.Composed:
    """Pieces one below the other."""
    return sql.SQL("\n" + " " * indent).join(list(parts))


def body(name: str, tables: Sequence[sql.Composable], **named: sql.Composable) -> sql.Composable:
    """The body of a trigger function.

    Args:
        name: a file of ``functions``.
        tables: its pieces about each profile table.
        named: what else the file may name.
    """
    return dollar_quoted(fragment(name, {**named, "tables": lines(tables, indent=4)}))
