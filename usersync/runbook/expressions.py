"""Expressions: what ``when``, ``expect``, ``require``, ``verify`` and ``${...}`` may say.

A handful of Python's own words, read by Python's own parser and evaluated here, node by node:
nothing is ever handed to ``eval``, and there is nothing in it that could loop or grow.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_SUMS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"len": len, "min": min, "max": max, "abs": abs}

_SLOT = re.compile(r"\$\{([^{}]*)\}")
#: Deeper than this no condition means anything to a reader.
_DEEPEST = 20


class NotAnExpression(Exception):
    """The text is none of ours; says why."""


class NotKnown(Exception):
    """A value that this run has not, such as of a step that was not done.

    Args:
        step: whose.
    """

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


@dataclass(frozen=True, slots=True)
class Reference:
    """``inputs.limit``, ``steps.orphans.rows``, or ``rows`` alone: of the step itself."""

    inputs: str = ""
    step: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions can see.

    Args:
        inputs: the values of the inputs.
        read: the value of a field of a step; the step without a name is the one itself.

    ``read`` raises `NotKnown` for a step that this run knows nothing of.
    """

    inputs: Mapping[str, Any]
    read: Callable[[str, str], Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """A text that was found to be an expression."""

    text: str
    body: ast.expr
    references: tuple[Reference, ...]

    def value(self, scope: Scope) -> Any:
        """What it is now.

        Raises:
            NotKnown: it names a step that this run knows nothing of.
            NotAnExpression: its values do not go together, such as a text and a number.
        """
        try:
            return _value(self.body, scope)
        except TypeError as error:
            raise NotAnExpression(f"`{self.text}`: {error}") from error


@cache
def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        NotAnExpression: it is none, or reaches for more than inputs and steps.
    """
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotAnExpression(f"`{text}` is no expression, such as `steps.a.rows > 0`") from None
    references = tuple(dict.fromkeys(_references(body, 0)))
    return Expression(text, body, references)


def expressions_in(value: Any) -> Iterator[Expression]:
    """Every ``${...}`` in a value of the file, however deep it stands.

    Raises:
        NotAnExpression: one of them is none.
    """
    if isinstance(value, str):
        for found in _SLOT.finditer(value):
            yield parse(found[1])
        if "${" in _SLOT.sub("", value):
            raise NotAnExpression("`${` is opened and not closed, or holds a brace")
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from expressions_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from expressions_in(part)


def fill(value: Any, scope: Scope) -> Any:
    """A value of the file with every ``${...}`` filled in; one that is all of a text stays what it
    is, a number or a list.
    """
    if isinstance(value, str):
        whole = _SLOT.fullmatch(value)
        if whole:
            return parse(whole[1]).value(scope)
        return _SLOT.sub(lambda found: _shown(parse(found[1]).value(scope)), value)
    if isinstance(value, Mapping):
        return {key: fill(part, scope) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return tuple(fill(part, scope) for part in value)
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)


def _references(node: ast.AST, depth: int) -> Iterator[Reference]:
    """What an expression names; every node is one that `_value` knows.

    Raises:
        NotAnExpression: one of them is not.
    """
    if depth > _DEEPEST:
        raise NotAnExpression("the expression is nested too deeply")
    if isinstance(node, ast.Attribute | ast.Name):
        yield _reference(node)
        return
    inner: list[ast.expr] = []
    match node:
        case ast.BoolOp():
            inner = node.values
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            inner = [node.operand]
        case ast.BinOp() if type(node.op) in _SUMS:
            inner = [node.left, node.right]
        case ast.Compare() if all(type(one) in _COMPARISONS for one in node.ops):
            inner = [node.left, *node.comparators]
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            inner = node.args
        case ast.List() | ast.Tuple():
            inner = node.elts
        case ast.Constant() if isinstance(node.value, bool | int | float | str):
            pass
        case _:
            raise NotAnExpression(
                f"`{ast.unparse(node)}` is not allowed; expressions compare inputs and steps with"
                f" and, or, not, in, + and -, {', '.join(_FUNCTIONS)}"
            )
    for part in inner:
        yield from _references(part, depth + 1)


def _reference(node: ast.Attribute | ast.Name) -> Reference:
    parts = ast.unparse(node).split(".")
    if len(parts) == 1 and parts[0] not in ("inputs", "steps"):
        return Reference(field=parts[0])
    if parts[0] == "inputs" and len(parts) == 2:
        return Reference(inputs=parts[1])
    if parts[0] == "steps" and len(parts) == 3:
        return Reference(step=parts[1], field=parts[2])
    raise NotAnExpression(
        f"`{ast.unparse(node)}` names nothing: write `inputs.NAME`, `steps.ID.FIELD`, or a field of"
        " the step itself"
    )


def _value(node: ast.AST, scope: Scope) -> Any:
    return _NODES[type(node)](node, scope)


def _named(node: ast.Attribute | ast.Name, scope: Scope) -> Any:
    reference = _reference(node)
    if reference.inputs:
        return scope.inputs[reference.inputs]
    return scope.read(reference.step, reference.field)


def _joined(node: ast.BoolOp, scope: Scope) -> Any:
    is_and = isinstance(node.op, ast.And)
    for part in node.values:
        value = _value(part, scope)
        if bool(value) is not is_and:
            break
    return value


def _turned(node: ast.UnaryOp, scope: Scope) -> Any:
    value = _value(node.operand, scope)
    return not value if isinstance(node.op, ast.Not) else -value


def _sum(node: ast.BinOp, scope: Scope) -> Any:
    return _SUMS[type(node.op)](_value(node.left, scope), _value(node.right, scope))


def _called(node: ast.Call, scope: Scope) -> Any:
    assert isinstance(node.func, ast.Name)
    return _FUNCTIONS[node.func.id](*_listed(node.args, scope))


def _listed(nodes: Iterable[ast.expr], scope: Scope) -> tuple[Any, ...]:
    return tuple(_value(one, scope) for one in nodes)


def _compared(node: ast.Compare, scope: Scope) -> bool:
    left = _value(node.left, scope)
    for comparison, other in zip(node.ops, node.comparators, strict=True):
        right = _value(other, scope)
        if not _COMPARISONS[type(comparison)](left, right):
            return False
        left = right
    return True


_NODES: Mapping[type[ast.AST], Callable[[Any, Scope], Any]] = {
    ast.Constant: lambda node, _: node.value,
    ast.Attribute: _named,
    ast.Name: _named,
    ast.BoolOp: _joined,
    ast.UnaryOp: _turned,
    ast.BinOp: _sum,
    ast.Compare: _compared,
    ast.Call: _called,
    ast.List: lambda node, scope: _listed(node.elts, scope),
    ast.Tuple: lambda node, scope: _listed(node.elts, scope),
}
