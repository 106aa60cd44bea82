"""Expressions: the few words that conditions may use, and everything that they may not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from usersync.runbook.expressions import (
    NotAnExpression,
    NotKnown,
    Reference,
    Scope,
    expressions_in,
    fill,
    parse,
)

FIELDS = {("drift", "missing"): 5, ("drift", "ok"): False, ("", "rows"): 0}


def read(step: str, field: str) -> Any:
    """What the steps of these tests have told."""
    if (step, field) not in FIELDS:
        raise NotKnown(step)
    return FIELDS[step, field]


SCOPE = Scope({"limit": 500, "role": "admin", "who": "x'; drop table t; --"}, read)

VALUES = {
    "steps.drift.missing > 0": True,
    "0 < steps.drift.missing <= inputs.limit": True,
    "0 < steps.drift.missing < 5": False,
    "steps.drift.ok or steps.drift.missing == 5": True,
    "not steps.drift.ok and rows == 0": True,
    "inputs.role in ['user', 'admin']": True,
    "inputs.role not in ('user', 'admin')": False,
    "steps.drift.missing + 1 - 2": 4,
    "-steps.drift.missing": -5,
    "min(inputs.limit, steps.drift.missing)": 5,
    "len(inputs.role) > 3": True,
    "steps.drift.missing == 5 or steps.later.rows > 0": True,
}


@pytest.mark.parametrize(("text", "value"), VALUES.items(), ids=list(VALUES))
def test_an_expression_has_its_value(text: str, value: object) -> None:
    """Comparisons, and, or, not, in, sums and a handful of functions mean what they say."""
    assert parse(text).value(SCOPE) == value


REFUSED = (
    "",
    "rows >",
    "rows = 0",
    "lambda: 1",
    "[one for one in inputs.limit]",
    "inputs",
    "inputs.limit.real",
    "steps.drift",
    "steps.drift.missing.real",
    "rows.__class__",
    "().__class__.__bases__",
    "'x'.join(['a'])",
    "open('/etc/passwd')",
    "__import__('os').system('id')",
    "len(inputs.role, key=1)",
    "len(*inputs.role)",
    "9 ** 9 ** 9",
    "'x' * 1000000000",
    "f'{inputs.role}'",
    "inputs['limit']",
    "{'a': 1}",
    "{1, 2}",
    "rows is None",
    "None",
    "b'x'",
    "(x := 1)",
    "1 if rows else 2",
    "await rows",
    "...",
    "rows; 1",
    "not " * 500 + "rows",
    "(" * 5_000,
    "rows\0",
)


@pytest.mark.parametrize("text", REFUSED)
def test_nothing_else_is_an_expression(text: str) -> None:
    """Attributes beyond a field, calls, imports, comprehensions and powers are no expressions."""
    with pytest.raises(NotAnExpression):
        parse(text)


def test_what_it_names_is_known_beforehand() -> None:
    """The inputs and steps that an expression names are known without a value of any."""
    assert set(parse("steps.a.rows > inputs.b and rows").references) == {
        Reference(step="a", field="rows"),
        Reference(inputs="b"),
        Reference(field="rows"),
    }


def test_what_is_not_known_is_said() -> None:
    """A step that this run knows nothing of is named, and never taken for zero."""
    with pytest.raises(NotKnown) as raised:
        parse("steps.later.rows == 0").value(SCOPE)
    assert raised.value.step == "later"


def test_what_does_not_go_together_is_said() -> None:
    """Comparing a text with a number is a fault of the file, not of the program."""
    with pytest.raises(NotAnExpression, match="not supported between"):
        parse("inputs.role > 3").value(SCOPE)


def test_a_slot_is_filled_with_the_value_itself() -> None:
    """One that is all of a text stays a number; a user's text is never read as an expression."""
    filled = fill(
        {"limit": "${inputs.limit}", "text": "for ${inputs.limit} of ${inputs.who}", "n": [1]},
        SCOPE,
    )
    assert filled == {"limit": 500, "text": "for 500 of x'; drop table t; --", "n": (1,)}
    assert fill("${inputs.who}", Scope({"who": "${inputs.who}"}, read)) == "${inputs.who}"


@pytest.mark.parametrize("text", ["${inputs.limit", "${ {} }", "a ${b", "${inputs.x} ${"])
def test_a_slot_that_is_none_is_said(text: str) -> None:
    """A slot that is opened and not closed is a fault, not text."""
    with pytest.raises(NotAnExpression):
        list(expressions_in(text))


def test_no_expression_takes_long() -> None:
    """The longest text that a file may hold is read, or refused, in no time."""
    started = time.monotonic()
    for text in ("rows" + " + rows" * 80, "[" * 250 + "]" * 250, "1" * 500, "rows<" * 99 + "rows"):
        try:
            parse(text).value(SCOPE)
        except (NotAnExpression, NotKnown):
            continue
    assert time.monotonic() - started < 1
