"""A run as a terminal shows it, and as JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from usersync.model import NumberedValue, Run, RunbookFacts, Step, TargetLine
from usersync.privacy import LONGEST_MESSAGE, masked_value, short_ids
from usersync.report import media

#: What may be no plain text; the line ends between the fields of JSON are.
_UNPRINTABLE = re.compile(r"[^\n -~]")

#: Fields that are taken as they are: SQL to run, and the ids of runs, which are no users'.
_WHOLE = ("statements", "run_id", "resumes")

#: Computed figures that belong in the JSON beside the stored ones.
_COMPUTED = ("missing", "sync_percentage", "success_rate")


def terminal(run: Run, *, show_ids: bool = False, verbose: bool = False, told: bool = False) -> str:
    """A run as the text a person reads.

    Args:
        run: what happened.
        show_ids: whole user ids instead of their first eight characters.
        verbose: with the lists.
        told: leave out the target and the steps of a runbook, which were told as they happened.
    """
    if run.statements:
        return run.statements
    value_of = Ids(show_ids).value
    text = _filled("run", show_ids=show_ids, run=run, verbose=verbose, told=told, value_of=value_of)
    # What a template left out leaves no gap.
    return re.sub(r" +$", "", re.sub(r"\n{3,}", "\n\n", text), flags=re.MULTILINE).rstrip() + "\n"


def beginning(line: TargetLine, runbook: RunbookFacts, *, show_ids: bool = False) -> str:
    """What is told first of a runbook: where it works, and what it is."""
    return _filled("beginning", show_ids=show_ids, line=line, runbook=runbook)


def step(one: Step, *, show_ids: bool = False) -> str:
    """One step of a runbook as it is told."""
    return _filled("step", show_ids=show_ids, step=one)


def _filled(name: str, *, show_ids: bool, **values: Any) -> str:
    environment = media.environment("terminal", show_ids=show_ids)
    return environment.get_template(f"terminal/{name}.txt.j2").render(**values)


def as_json(run: Run, *, show_ids: bool = False) -> str:
    """A run as one JSON object, for programs.

    Args:
        run: what happened.
        show_ids: whole user ids instead of their first eight characters.
    """
    return escaped_json(json.dumps(plain(run, Ids(show_ids)), ensure_ascii=False, indent=2))


def escaped_json(text: str) -> str:
    """The same JSON, with nothing in it that a terminal or a GitHub log would act upon."""
    return _UNPRINTABLE.sub(_json_escape, text).replace("##[", "#\\u0023[")


def _json_escape(found: re.Match[str]) -> str:
    character = found.group()
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


class Ids:
    """Whether people see whole ids or short ones."""

    def __init__(self, show: bool) -> None:
        self._show = show

    def all_in(self, text: str) -> str:
        """A text, with every id in it."""
        return text if self._show else short_ids(text)

    def value(self, value: str) -> str:
        """What a column of somebody's profile holds, with a number behind it."""
        return value if self._show else masked_value(value)


def plain(value: Any, ids: Ids) -> Any:
    """What a run is made of as JSON knows it, ids of users short."""
    if isinstance(value, NumberedValue):
        value = dataclasses.replace(value, value=ids.value(value.value))
    if dataclasses.is_dataclass(value):
        fields = {
            part.name: getattr(value, part.name)
            if part.name in _WHOLE
            else plain(getattr(value, part.name), ids)
            for part in dataclasses.fields(value)
        }
        return fields | {name: getattr(value, name) for name in _COMPUTED if hasattr(value, name)}
    if isinstance(value, tuple):
        return [plain(item, ids) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item, ids) for key, item in value.items()}
    if isinstance(value, date):
        return media.instant(value) if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, str):
        return _cut(ids.all_in(value))
    return value


def _cut(text: str) -> str:
    if len(text) <= LONGEST_MESSAGE:
        return text
    return f"{text[:LONGEST_MESSAGE]}… ({len(text):,} characters)"
