"""Reads YAML into a document, without the surprises of YAML 1.1."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from usersync.config.document import Document, Path, Problem, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "timestamp", "str")}
#: `012` is ten and `12:30` is 750 to YAML 1.1; nobody who writes them means that.
_ODD_NUMBER = re.compile(r"[-+]?0[0-7_]+|.*:.*")
#: Aliases can make a small file endless; no configuration is anywhere near this long.
_MOST_VALUES = 20_000

#: libyaml recurses in C, where nothing stops it: what may be nested deeply is left to the parser in
#: Python, which ends with an error.
_LONGEST_FOR_C = 256_000
_MOST_BRACKETS_FOR_C = 1_000
_DEEP = re.compile(r"^ {100}|(?:[-?]\s+){20}", re.MULTILINE)

#: What the parser says, in words for people. Its own words may quote the file, so no other of them
#: are passed on.
_PLAIN_WORDS = (
    ("'\\t'", "a tab indents this line; YAML wants spaces"),
    ("found character", "a value begins with a character that must be quoted"),
    ("special characters are not allowed", "there is a control character"),
    ("while scanning an a", "`&` and `*` begin anchors and aliases; quote text that does"),
    (
        "undefined alias",
        "`*` begins an alias that nothing defines; quote text that begins with `*`",
    ),
    ("duplicate anchor", "the same anchor (`&name`) is given twice"),
    (
        "mapping values are not allowed",
        "a `:` where none can be: the indentation does not fit, or text with `: ` is not quoted",
    ),
    ("could not find expected ':'", "a `:` is missing after a key"),
    ("a single document", "a second document begins (`---`); one file holds one"),
    ("unexpected end of stream", "a quote is opened and not closed"),
    ("expected <block end>", "the indentation does not fit, or text after a quote is not quoted"),
    ("expected ',' or", "a `,`, `]` or `}` is missing"),
    ("escape", "a backslash in double quotes begins no known escape; use single quotes"),
)


def parse(text: str, name: str) -> Document:
    """Read YAML text.

    Args:
        text: the contents of the file; no contents are an empty mapping.
        name: how messages call the file.

    Returns:
        The document; what YAML itself finds wrong is in its ``problems``.
    """
    document = Document(name)
    try:
        node = _compose(text)
        document.value = _Walk(document).value(node, ()) if node else {}
    except yaml.MarkedYAMLError as error:
        document.problems.append(Problem((), _line(error, text), _in_plain_words(error)))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(Problem((), line, "there is a control character"))
    except RecursionError:
        document.problems.append(Problem((), 1, "it is nested too deeply"))
    if len(document.lines) >= _MOST_VALUES:
        document.value = None
    return document


def _compose(text: str) -> Node | None:
    """The nodes of the text: by libyaml, which is ten times as fast, where it finds no fault.

    Raises:
        yaml.YAMLError: in the words of the parser in Python, which say more.
    """
    brackets = text.count("[") + text.count("{")
    is_flat = len(text) <= _LONGEST_FOR_C and brackets <= _MOST_BRACKETS_FOR_C
    if yaml.__with_libyaml__ and is_flat and not _DEEP.search(text):
        with contextlib.suppress(yaml.YAMLError, UnicodeError):
            return yaml.compose(text, Loader=yaml.CSafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _in_plain_words(error: yaml.MarkedYAMLError) -> str:
    parser_words = f"{error.context} {error.problem}"
    for part, words in _PLAIN_WORDS:
        if part in parser_words:
            return words
    return "this is not YAML"


def _line(error: yaml.MarkedYAMLError, text: str) -> int:
    """Where the fault is; for what is never closed or goes on into the next line, its beginning."""
    mark = error.problem_mark or error.context_mark
    goes_on = bool(mark and mark.index >= len(text.rstrip())) or "':'" in (error.problem or "")
    if error.context_mark and goes_on:
        mark = error.context_mark
    return mark.line + 1 if mark else 1


class _Walk:
    """Turns nodes into values and writes down what it meets."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._constructor = SafeConstructor()
        self._open: list[Node] = []

    def value(self, node: Node, path: Path, *, line: int = 0) -> Any:
        """The value of a node; ``line`` is that of its key, if it has one."""
        self._document.lines[path] = line or node.start_mark.line + 1
        if len(self._document.lines) == _MOST_VALUES:
            self._problem((), "there are too many values, or aliases that repeat each other")
        if len(self._document.lines) >= _MOST_VALUES:
            return None
        if isinstance(node, ScalarNode):
            self._document.scalars.append((path, node.value))
            return self._scalar(node, path)
        if any(node is outer for outer in self._open):
            self._problem(path, "an alias stands inside of what it stands for")
            return None
        self._open.append(node)
        try:
            if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
            if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, path)
        finally:
            self._open.pop()
        self._problem(path, "a tag (`!`) has no meaning here; quote text that begins with `!`")
        return None

    def _problem(self, path: Path, sentence: str) -> None:
        self._document.problems.append(Problem(path, self._document.line(path), sentence))

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        if node.tag not in _SCALARS:
            self._problem(path, "a tag (`!`) has no meaning here; quote text that begins with `!`")
            return None
        raw = shown(node.value)
        if node.tag == f"{_TAG}null" and not raw and path:
            self._problem(
                path,
                "nothing is written here; write `null` if that is meant, and quote text that "
                "begins with `#`",
            )
        kind = node.tag.removeprefix(_TAG)
        try:
            value = self._constructor.construct_object(node)
        except (ValueError, OverflowError):
            what = {"timestamp": "day", "int": "number", "float": "number"}.get(kind, "value")
            self._problem(path, f"`{raw}` is no {what}; quote it if it is text")
            return None
        if kind == "bool" and node.value.lower() not in {"true", "false"}:
            written = str(value).lower()
            self._problem(
                path, f"YAML reads `{raw}` as {written}; write {written}, or quote it if it is text"
            )
        if kind in {"int", "float"} and _ODD_NUMBER.fullmatch(node.value):
            self._problem(
                path, f"YAML reads `{raw}` as {value}; write {value}, or quote it if it is text"
            )
        return value

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == f"{_TAG}merge":
                merged.append(value_node)
                continue
            key = self._key(key_node, path, line)
            if key is None:
                continue
            here = (*path, key)
            if key in values:
                first = self._document.lines[here]
                self._document.problems.append(
                    Problem(here, line, f"this key is in line {first} already")
                )
                # The second value is walked too, for the secrets it may hold.
                self._document.lines.pop(here)
                self.value(value_node, here, line=line)
                continue
            values[key] = self.value(value_node, here, line=line)
        for other in merged:
            for inherited in _mappings(other):
                for key, value in self._merged(inherited, path):
                    values.setdefault(key, value)
        return values

    def _merged(self, node: Node, path: Path) -> Iterator[tuple[str, Any]]:
        """What ``<<`` adds to the mapping at ``path``; its own keys keep their lines."""
        own = {place: line for place, line in self._document.lines.items() if place[:-1] == path}
        value = self.value(node, path, line=self._document.lines[path])
        self._document.lines.update(own)
        if isinstance(value, dict):
            yield from value.items()
        elif not self._document.problems:
            self._problem(path, "`<<` takes a mapping")

    def _key(self, node: Node, path: Path, line: int) -> str | None:
        raw = shown(node.value) if isinstance(node, ScalarNode) else ""
        if isinstance(node, ScalarNode):
            self._document.keys.append((*path, node.value))
        if node.tag == f"{_TAG}str" and isinstance(node, ScalarNode):
            return str(node.value)
        sentence = f"YAML does not read the key `{raw}` as text; quote it"
        if not raw:
            sentence = "a key must be text"
        self._document.problems.append(Problem(path, line, sentence))
        return None


def _mappings(node: Node) -> list[Node]:
    """The mappings that ``<<`` names, one or a list."""
    return list(node.value) if isinstance(node, SequenceNode) else [node]
