"""Rules about what stands before the steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from usersync import shelf
from usersync.config import did_you_mean
from usersync.config.document import Path
from usersync.runbook import inputs
from usersync.runbook.subject import (
    FURTHER_FINDINGS,
    Fault,
    Subject,
    references,
    rule,
)
from usersync.shelf import FLAGS, SUBCOMMANDS


@rule("id")
def _id(subject: Subject) -> Iterator[Fault]:
    runbook, stem = subject.loaded.runbook, subject.loaded.path.stem
    if runbook.id != stem:
        yield ("id",), f"`{runbook.id}` is not the name of the file, `{stem}`"
    if runbook.id in SUBCOMMANDS:
        yield ("id",), f"`runbook.{runbook.id}` is a task already; choose another name"


@rule("head")
def _head(subject: Subject) -> Iterator[Fault]:
    """The task of a runbook is made of what `head` reads without YAML: it must read the same."""
    runbook = subject.loaded.runbook
    seen = shelf.read(subject.loaded.path)
    if seen is None:
        yield (), "`schema: 1` and `title:` stand at the head, each on a line of its own"
        return
    plain = {
        "title": (seen.title, runbook.title),
        "severity": (seen.severity, runbook.severity),
        "symptoms": (seen.symptoms, runbook.symptoms),
        "heals": (seen.heals, runbook.heals),
        "inputs": (
            [(one.name, one.type, one.help) for one in seen.inputs],
            [(name, one.type, one.help) for name, one in runbook.inputs.items()],
        ),
    }
    for key, (read, meant) in plain.items():
        if read != meant:
            yield (
                (key,),
                "the tasks are listed without YAML: one line for each, no `{}`, `[]`, `|`",
            )


@rule("heals")
def _heals(subject: Subject) -> Iterator[Fault]:
    known = {*subject.checks, *FURTHER_FINDINGS}
    for number, name in enumerate(subject.loaded.runbook.heals):
        if name not in known:
            yield ("heals", number), f"there is no check `{name}`; {did_you_mean(name, known)}"


@rule("inputs")
def _inputs(subject: Subject) -> Iterator[Fault]:
    for name, one in subject.loaded.runbook.inputs.items():
        place: Path = ("inputs", name)
        if name in FLAGS:
            yield place, f"`--{name}` is a flag of every runbook; choose another name"
        if (one.type == "choice") != (one.choices is not None):
            yield place, "`choices` belongs to `type: choice`, and to no other"
        if one.type not in ("int", "text") and not one.min is one.max is None:
            yield place, "`min` and `max` belong to `type: int` and `text`"
        if one.pattern is not None:
            if one.type != "text":
                yield place, "`pattern` belongs to `type: text`"
            try:
                re.compile(one.pattern)
            except re.error as error:
                yield (*place, "pattern"), f"this is no regular expression: {error}"
                continue
        if one.default not in (None, ""):
            try:
                inputs.value(one.model_copy(update={"default": None}), one.default)
            except ValueError as error:
                yield (*place, "default"), f"the default is not allowed: {error}"


@rule("unused-input")
def _unused(subject: Subject) -> Iterator[Fault]:
    used = {one.inputs for step in subject.steps for _, one in references(step)}
    for name in subject.loaded.runbook.inputs:
        if name not in used:
            yield ("inputs", name), "no step uses this input"
