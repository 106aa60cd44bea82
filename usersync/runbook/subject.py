"""What is linted, what it is held against, and the rules by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from usersync.config.document import Path
from usersync.runbook.actions import Action
from usersync.runbook.expressions import (
    Expression,
    NotAnExpression,
    Reference,
    expressions_in,
    parse,
)
from usersync.runbook.load import Loaded
from usersync.runbook.models import Step

#: Read of every step that calls something.
ALWAYS_TOLD = ("ok", "changed")
_OWN_CHECK_TELLS = ("rows", "findings")
_OWN_CHANGE_TELLS = ("rows",)

#: What ``heals`` may name besides the checks.
FURTHER_FINDINGS = frozenset(
    {"connection", "long_transaction", "missing_profile", "paused", "profile_table", "rights"}
)

Fault = tuple[Path, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is linted, and what it is held against.

    Args:
        loaded: the runbook.
        actions: what its steps may call.
        checks: the names of the checks that ``heals`` may name.
    """

    loaded: Loaded
    actions: Mapping[str, Action]
    checks: Collection[str] = ()
    _parsed: dict[str, Expression | None] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the runbook."""
        return self.loaded.runbook.steps

    def action(self, step: Step) -> Action | None:
        """What a step calls, if that is known."""
        return self.actions.get(step.does) if step.verb in ("check", "change") else None

    def tells(self, step: Step) -> tuple[str, ...]:
        """What expressions may read of a step; nothing of one that calls nothing."""
        if step.verb in ("gate", "note"):
            return ()
        if step.is_own_sql:
            own = _OWN_CHECK_TELLS if step.verb == "check" else _OWN_CHANGE_TELLS
            return (*ALWAYS_TOLD, *own)
        action = self.action(step)
        return (*ALWAYS_TOLD, *(action.operation.tells if action else ()))


Rule = Callable[[Subject], Iterator[Fault]]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Register a rule under the name that its problems end with."""

    def register(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return register


def conditions(step: Step) -> Iterator[tuple[str, str]]:
    """The conditions of a step, by key."""
    for key in ("when", "expect", "require", "verify"):
        text = getattr(step, key)
        if text is not None:
            yield key, text


def each(subject: Subject) -> Iterator[tuple[Path, Step]]:
    """Every step with its place in the file."""
    for number, step in enumerate(subject.steps):
        yield ("steps", number), step


def expressions(step: Step) -> Iterator[tuple[str, Expression]]:
    """Every expression of a step by its key, those that are none left out."""
    for key, text in conditions(step):
        try:
            yield key, parse(text)
        except NotAnExpression:
            continue
    slots = {
        "with": step.with_,
        "gate": step.gate,
        "note": step.note,
        "max_rows": step.max_rows,
        "undo": step.undo.with_ if step.undo else None,
    }
    for key, value in slots.items():
        try:
            yield from ((key, one) for one in expressions_in(value))
        except NotAnExpression:
            continue


def references(step: Step) -> Iterator[tuple[str, Reference]]:
    """What the expressions of a step name, each with the key it stands at."""
    for key, expression in expressions(step):
        for reference in expression.references:
            yield key, reference
