"""What a function inserts into a table: each column with the expression of its value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_PIECE = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:''|[^'])*'|"(?:""|[^"])*"|\$(\w*)\$.*?\$\1\$|[(),;]|[^\s'"(),;]+?(?=[-/$]|[\s'"(),;]|$)|\s+|.""",
    re.DOTALL,
)
_INTO = re.compile(r"(?i)\binsert\s+into\s+")
_VALUES = re.compile(r"(?i)\s*(?:overriding\s+\w+\s+value\s+)?values\s*\(|\s*select\s+")
_SELECT_END = re.compile(r"(?i)^(from|where|on|returning|limit|union|order)$")


def written(source: str, schema: str, table: str) -> Mapping[str, str]:
    """The values of the first insert into a table, by column; empty where the text does not tell.

    Args:
        source: the body of a function.
        schema: of the table.
        table: its name.
    """
    text = _without_comments(source)
    for found in _INTO.finditer(text):
        name, at = _name(text, found.end())
        if name[-1:] != [table] or (len(name) == 2 and name[0] != schema):
            continue
        columns, at = _columns(text, at)
        values = _values(text, at)
        if columns and len(columns) == len(values):
            return dict(zip(columns, values, strict=True))
    return {}


def arguments(expression: str, function: str) -> list[str]:
    """What a call of a function is given, when the expression is nothing else; else nothing.

    Args:
        expression: SQL.
        function: its name, in lower case.
    """
    head = re.match(rf"(?i)\s*{function}\s*\(", expression)
    if not head:
        return []
    parts, end = _list(expression, head.end())
    return parts if not expression[end:].strip() else []


def _without_comments(source: str) -> str:
    return "".join(" " if piece.startswith(("--", "/*")) else piece for piece in _pieces(source))


def _pieces(text: str) -> Iterator[str]:
    return (found.group() for found in _PIECE.finditer(text))


def _name(text: str, at: int) -> tuple[list[str], int]:
    """A name with its schema or without, as the catalog spells it."""
    found = re.compile(
        r'\s*(?:("(?:""|[^"])*"|[A-Za-z_][\w$]*)\s*\.\s*)?("(?:""|[^"])*"|[A-Za-z_][\w$]*)'
    ).match(text, at)
    if not found:
        return [], at
    return [_plain(part) for part in found.groups() if part], found.end()


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _columns(text: str, at: int) -> tuple[list[str], int]:
    head = re.compile(r"(?i)\s*(?:as\s+\w+\s*)?\(").match(text, at)
    if not head:
        return [], at
    parts, end = _list(text, head.end())
    return [_plain(part.strip()) for part in parts], end


def _values(text: str, at: int) -> list[str]:
    head = _VALUES.match(text, at)
    if not head:
        return []
    if head.group().rstrip().endswith("("):
        return _list(text, head.end())[0]
    return _list(text, head.end(), selects=True)[0]


def _list(text: str, at: int, *, selects: bool = False) -> tuple[list[str], int]:
    """Expressions with commas between them, up to the bracket, or the word, that ends them."""
    parts, depth, here = [""], 0, at
    for found in _PIECE.finditer(text, at):
        piece, here = found.group(), found.end()
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth -= 1
        if depth < 0 or (depth == 0 and (piece == ";" or (selects and _SELECT_END.match(piece)))):
            break
        if piece == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts], here
