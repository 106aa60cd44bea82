"""The flow of a runbook as a Mermaid diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator

from usersync.runbook.models import Runbook, Step

_BACKSLASH = "\\"

#: How the box of each verb is drawn.
_SHAPES = {
    "check": ('(["', '"])'),
    "change": ('["', '"]'),
    "gate": ('{{"', '"}}'),
    "note": ('>"', '"]'),
}


def mermaid(runbook: Runbook) -> str:
    """The steps in their order, what skips them, and where the run may stop."""
    edges = list(_edges(runbook.steps))
    lines = ["flowchart TD", *(_box(step) for step in runbook.steps), '    done(("end"))']
    if any(edge.endswith(" stop") for edge in edges):
        lines.append('    stop(("stop"))')
    lines += edges
    for verb, style in (("change", "stroke-width:3px"), ("gate", "stroke-dasharray:4 3")):
        nodes = [_node(step) for step in runbook.steps if step.verb == verb]
        if nodes:
            lines += [f"    classDef {verb} {style}", f"    class {','.join(nodes)} {verb}"]
    return "\n".join(lines) + "\n"


def _edges(steps: tuple[Step, ...]) -> Iterator[str]:
    for number, step in enumerate(steps):
        here = _node(step)
        after = _node(steps[number + 1]) if number + 1 < len(steps) else "done"
        stops = _stops(step)
        yield (
            f"    {here} -->|{_text(_goes_on(step))}| {after}"
            if stops
            else f"    {here} --> {after}"
        )
        if stops:
            yield f"    {here} -.->|{_text(stops)}| stop"


def _box(step: Step) -> str:
    left, right = _SHAPES[step.verb]
    does = "" if step.verb in ("gate", "note") else f"<br/>{_text(step.does)}"
    when = f"<br/>if {_text(step.when)}" if step.when else ""
    return f"    {_node(step)}{left}{_text(step.verb)}: {_text(step.id)}{does}{when}{right}"


def _node(step: Step) -> str:
    return f"s_{step.id}"


def _goes_on(step: Step) -> str:
    return "approved" if step.verb == "gate" else "ok"


def _stops(step: Step) -> str:
    """Why the run may end at this step; empty when it may not."""
    if step.verb == "gate":
        return "not approved"
    if step.require is not None:
        return f"not {step.require}"
    return "it failed" if step.verb == "change" else ""


def _text(text: str) -> str:
    """Text that Mermaid takes for nothing but text."""
    plain = re.sub(r"\s+", " ", text).strip()
    plain = plain if len(plain) <= 80 else f"{plain[:77]}..."
    # A backslash and an n would be a new line, also when both are written as numbers.
    return "".join(
        character
        if character.isalnum() or character in " .,_-"
        else f"#{ord(character)};{'#8288;' if character == _BACKSLASH else ''}"
        for character in plain
    )
