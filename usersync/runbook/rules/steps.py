"""Rules about steps and what they call."""

from __future__ import annotations

import re
from collections.abc import Iterator

from usersync.config import did_you_mean
from usersync.runbook import own_sql
from usersync.runbook.models import Step
from usersync.runbook.subject import (
    Fault,
    Subject,
    each,
    references,
    rule,
)

_ONE_INPUT = re.compile(r"\$\{\s*inputs\.(\w+)\s*\}")


@rule("operation")
def _operation(subject: Subject) -> Iterator[Fault]:
    for place, step in each(subject):
        if step.verb not in ("check", "change") or step.is_own_sql:
            continue
        action = subject.action(step)
        if action is None:
            guess = did_you_mean(step.does, subject.actions)
            yield (*place, step.verb), f"there is no operation `{step.does}`; {guess}".rstrip("; ")
            continue
        if step.verb == "check" and action.effect != "read":
            yield (
                (*place, "check"),
                f"`{step.does}` is no check: its effect is {action.effect}; write `change:`",
            )
        if step.verb == "change" and action.effect == "read":
            yield (*place, "change"), f"`{step.does}` changes nothing; write `check:`"
        if step.undo:
            other = subject.actions.get(step.undo.change)
            if other is None:
                guess = did_you_mean(step.undo.change, subject.actions)
                yield (*place, "undo"), f"there is no operation `{step.undo.change}`; {guess}"
            else:
                for key, sentence in other.faults(step.undo.with_):
                    yield (*place, "undo", "with", key), sentence


@rule("arguments")
def _arguments(subject: Subject) -> Iterator[Fault]:
    asked = subject.loaded.runbook.inputs
    kinds = {"int": int, "flag": bool, "text": str, "choice": str, "user": str}
    samples = {int: 1, bool: True, str: "x"}
    for place, step in each(subject):
        action = subject.action(step)
        if action is None:
            if step.with_ and not step.is_own_sql:
                yield (*place, "with"), f"a {step.verb} takes no arguments"
            continue
        given = dict(step.with_)
        for name, value in given.items():
            whole = _ONE_INPUT.fullmatch(value) if isinstance(value, str) else None
            if whole and whole[1] in asked:
                # An argument that is one input has the kind of that input.
                given[name] = samples[kinds[asked[whole[1]].type]]
        for key, sentence in action.faults(given):
            yield ((*place, "with", key) if key else place), sentence


@rule("fields")
def _fields(subject: Subject) -> Iterator[Fault]:
    """Each key belongs to the verbs that it means something for."""
    belongs = {
        "expect": ("check", "change"),
        "require": ("check",),
        "verify": ("change",),
        "max_rows": ("change",),
        "undo": ("change",),
        "timeout": ("check", "change"),
        "retry": ("check", "change"),
    }
    for place, step in each(subject):
        for key, verbs in belongs.items():
            if getattr(step, key) is not None and step.verb not in verbs:
                yield (*place, key), f"`{key}` belongs to {' and '.join(verbs)}, not to {step.verb}"
        action = subject.action(step)
        if step.max_rows is not None and action and "max_rows" not in action.parameters:
            yield (*place, "max_rows"), f"`{step.does}` takes no limit of rows"
        repeatable = step.verb == "check" or (action and action.operation.repeatable)
        if step.retry and step.verb == "change" and not repeatable:
            yield (*place, "retry"), f"`{step.does}` is not declared to be safe to repeat"


@rule("external")
def _external(subject: Subject) -> Iterator[Fault]:
    for place, step in each(subject):
        action = subject.action(step)
        external = step.verb == "change" and action is not None and action.effect == "external"
        if external and not step.undo and not step.irreversible:
            sentence = "works outside of the database: give `undo:`, or say `irreversible: true`"
            yield place, f"`{step.does}` {sentence}"
        if not external and (step.undo or step.irreversible) and (action or step.is_own_sql):
            yield place, "`undo` and `irreversible` belong to changes outside of the database"


@rule("own-sql")
def _own_sql(subject: Subject) -> Iterator[Fault]:
    for place, step in each(subject):
        own = subject.loaded.sql.get(step.does) if step.is_own_sql else None
        if own is None:
            continue
        if step.verb == "check":
            faults = own_sql.faults_of_check(own)
        else:
            faults = own_sql.faults_of_change(own, has_arguments=bool(step.with_))
        for sentence in faults:
            yield (*place, step.verb), f"`{step.does}`: {sentence}"


@rule("own-change")
def _own_change(subject: Subject) -> Iterator[Fault]:
    by_id = {step.id: step for step in subject.steps}
    for place, step in each(subject):
        if step.verb != "change" or not step.is_own_sql:
            continue
        for key in ("max_rows", "verify"):
            if getattr(step, key) is None:
                yield place, f"a change by SQL of your own needs `{key}:`"
        for key, one in references(step):
            named = by_id.get(one.step)
            if key == "verify" and named is not None and named is not step and not named.is_own_sql:
                sentence = "is run again in the transaction: it must be a check by SQL of your own"
                yield (*place, "verify"), f"`{named.id}` {sentence}"


@rule("gate")
def _gate(subject: Subject) -> Iterator[Fault]:
    """What is approved is a plan: it is made at the gate, so nothing may change it behind there."""
    before: Step | None = None
    gated = False
    for place, step in each(subject):
        if step.verb == "gate":
            before, gated = None, True
        elif step.verb == "change":
            action = subject.action(step)
            has_plan = bool(action and action.operation.plan)
            if gated and has_plan and before is not None:
                sentence = f"is made at the gate, before `{before.id}` changes anything"
                yield place, f"the plan of `{step.id}` {sentence}; give it a gate of its own"
            before = step
    last = subject.steps[-1]
    if last.verb == "gate":
        yield ("steps", len(subject.steps) - 1), "nothing stands behind this gate"


@rule("drill")
def _drill(subject: Subject) -> Iterator[Fault]:
    runbook = subject.loaded.runbook
    if runbook.drill is None:
        return
    for name in runbook.drill.inputs:
        if name not in runbook.inputs:
            yield ("drill", "inputs", name), "there is no such input"
