"""A runbook as the Markdown page that people read, and the index of all of them by symptom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from usersync.runbook.flow import mermaid
from usersync.runbook.models import Input, Runbook, Step

_SEVERITIES = {"emergency": "emergency", "high": "high", "low": "routine"}


def page(runbook: Runbook, drilled: str = "") -> str:
    """One runbook.

    Args:
        runbook: a runbook that is in order.
        drilled: when it was drilled last, and how long that took.
    """
    return "\n".join(_page(runbook, drilled)) + "\n"


def index(runbooks: Sequence[Runbook]) -> str:
    """All runbooks: by what people see, and by how much it hurries.

    Args:
        runbooks: in the order of their names.
    """
    symptoms = sorted((symptom, one) for one in runbooks for symptom in one.symptoms)
    lines = [
        "# Runbooks",
        "",
        "Each page is made from its file in `runbooks/`. A dry run writes nothing.",
        "",
        "## By symptom",
        "",
        "| what you see | runbook |",
        "|---|---|",
        *(f"| {_cell(symptom)} | [{one.id}]({one.id}.md) |" for symptom, one in symptoms),
        "",
        "## All of them",
        "",
        "| runbook | severity | what it does |",
        "|---|---|---|",
        *(
            f"| [{one.id}]({one.id}.md) | {_SEVERITIES[one.severity]} | {_cell(one.title)} |"
            for one in runbooks
        ),
    ]
    return "\n".join(lines) + "\n"


def _page(runbook: Runbook, drilled: str) -> Iterator[str]:
    yield f"# {runbook.title}"
    yield ""
    yield f"Runbook `{runbook.id}` · severity: {_SEVERITIES[runbook.severity]}"
    yield ""
    yield "## When"
    yield ""
    yield from (f"- {symptom}" for symptom in runbook.symptoms)
    if runbook.heals:
        checks = ", ".join(f"`{name}`" for name in runbook.heals)
        yield ""
        yield f"`doctor` leads here from: {checks}."
    if drilled:
        yield ""
        yield f"Last drilled: {drilled}."
    yield ""
    yield "## Run it"
    yield ""
    yield "```sh"
    yield from _commands(runbook)
    yield "```"
    if runbook.inputs:
        yield ""
        yield "| input | type | default | meaning |"
        yield "|---|---|---|---|"
        yield from (_input(name, one) for name, one in runbook.inputs.items())
    yield ""
    yield "## Flow"
    yield ""
    yield "```mermaid"
    yield mermaid(runbook).rstrip("\n")
    yield "```"
    yield ""
    yield "## Steps"
    for number, step in enumerate(runbook.steps, 1):
        yield ""
        yield from _step(number, step)


def _commands(runbook: Runbook) -> Iterator[str]:
    needed = "".join(
        f" --{name.replace('_', '-')} {name.upper()}"
        for name, one in runbook.inputs.items()
        if one.is_required
    )
    call = f"invoke runbook.{runbook.id}{needed}"
    yield f"{call} --dry-run    # the checks, and what each change would do; writes nothing"
    yield f"{call}"


def _input(name: str, one: Input) -> str:
    kind = ", ".join(one.choices) if one.choices else one.type
    bounds = [f"from {one.min:,}"] if one.min is not None else []
    bounds += [f"to {one.max:,}"] if one.max is not None else []
    default = "required" if one.is_required else _shown(one.default)
    return f"| `{name}` | {' '.join([kind, *bounds])} | {default} | {_cell(one.help)} |"


def _shown(value: object) -> str:
    if value == "":
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _step(number: int, step: Step) -> Iterator[str]:
    yield f"### {number}. {step.id.replace('_', ' ')}"
    yield ""
    if step.verb in ("gate", "note"):
        yield f"{'**Gate.** ' if step.verb == 'gate' else ''}{_sentence(step.does)}"
    else:
        verb = "Check" if step.verb == "check" else "Change"
        said = ", ".join(f"{name}: {value}" for name, value in step.with_.items())
        yield f"{verb} `{step.does}`{f' with `{said}`' if said else ''}."
    if step.why:
        yield ""
        yield _sentence(step.why)
    conditions = [
        ("Only when", step.when),
        ("Expected", step.expect),
        ("Required, or the run stops", step.require),
        ("Verified afterwards", step.verify),
        ("At most so many rows", step.max_rows),
    ]
    limits = [f"- {words}: `{text}`" for words, text in conditions if text is not None]
    if step.timeout is not None:
        limits.append(f"- Ended after {step.timeout:g} s")
    if step.retry is not None:
        limits.append(f"- Tried {step.retry.times} times more, every {step.retry.wait:g} s")
    if limits:
        yield ""
        yield from limits


def _sentence(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip())


def _cell(text: str) -> str:
    return _sentence(text).replace("|", r"\|")
