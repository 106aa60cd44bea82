"""Rules about what expressions say."""

from __future__ import annotations

from collections.abc import Iterator

from usersync.config import did_you_mean
from usersync.config.document import Path
from usersync.runbook.expressions import NotAnExpression, expressions_in, parse
from usersync.runbook.subject import (
    Fault,
    Subject,
    conditions,
    each,
    references,
    rule,
)


@rule("duplicate-id")
def _twice(subject: Subject) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for number, step in enumerate(subject.steps):
        before = first.setdefault(step.id, number)
        if before != number:
            line = subject.loaded.document.line(("steps", before, "id"))
            yield ("steps", number, "id"), f"`{step.id}` is the step of line {line} already"


@rule("expression")
def _no_expression(subject: Subject) -> Iterator[Fault]:
    for place, step in each(subject):
        texts = dict(conditions(step))
        for key, text in texts.items():
            try:
                parse(text)
            except NotAnExpression as error:
                yield (*place, key), str(error)
        others = {"with": step.with_, "gate": step.gate, "note": step.note}
        for key, value in (*others.items(), ("max_rows", step.max_rows)):
            try:
                list(expressions_in(value))
            except NotAnExpression as error:
                yield (*place, key), str(error)


@rule("reference")
def _unknown_reference(subject: Subject) -> Iterator[Fault]:
    """What an expression names is an input, or a step that was done before, and tells it."""
    order = {step.id: number for number, step in reversed(list(enumerate(subject.steps)))}
    known_inputs = subject.loaded.runbook.inputs
    for number, step in enumerate(subject.steps):
        for key, one in references(step):
            place: Path = ("steps", number, key)
            if one.inputs:
                if one.inputs not in known_inputs:
                    guess = did_you_mean(one.inputs, known_inputs)
                    yield place, f"there is no input `{one.inputs}`; {guess or 'add it to inputs:'}"
                continue
            sees_itself = key in ("expect", "require", "verify")
            at = order.get(one.step) if one.step else number
            if not one.step and not sees_itself:
                yield (
                    place,
                    f"`{one.field}` names nothing here: `inputs.` or `steps.`?",
                )
                continue
            if at is None:
                yield place, f"there is no step `{one.step}`; {did_you_mean(one.step, order)}"
                continue
            if at > number or (at == number and not sees_itself):
                yield place, f"step `{one.step}` comes later, and is not known here"
                continue
            told = subject.tells(subject.steps[at])
            if one.field not in told:
                guess = did_you_mean(one.field, told) or f"it tells {', '.join(told) or 'nothing'}"
                yield place, f"step `{subject.steps[at].id}` tells no `{one.field}`; {guess}"


@rule("unreachable")
def _unreachable(subject: Subject) -> Iterator[Fault]:
    """A ``when`` that can never hold, or never fails, by itself or beside the one it depends on."""
    for place, step in each(subject):
        if step.when is None:
            continue
        try:
            expression = parse(step.when)
        except NotAnExpression:
            continue
        if not expression.references:
            yield (*place, "when"), "it names no input and no step: it is always the same"
