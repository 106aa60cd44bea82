"""One run, every output: terminal text and JSON are rendered from it and from nothing else."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from usersync.model import Run, RunbookFacts, Step, TargetLine
from usersync.privacy import LONGEST_MESSAGE, short_id, visible

if TYPE_CHECKING:
    import jinja2

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: What may be no plain text; the line ends between the fields of JSON are.
_UNPRINTABLE = re.compile(r"[^\n -~]")

#: What `visible` makes of ``::``.
_ESCAPED_COLONS = visible("::")

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
    template = _environment().get_template("terminal/run.txt.j2")
    shown = _Ids(show_ids)
    text = template.render(run=run, verbose=verbose, told=told, id=shown.one, ids_in=shown.all_in)
    # What a template left out leaves no gap.
    return re.sub(r" +$", "", re.sub(r"\n{3,}", "\n\n", text), flags=re.MULTILINE).rstrip() + "\n"


def beginning(line: TargetLine, runbook: RunbookFacts, *, show_ids: bool = False) -> str:
    """What is told first of a runbook: where it works, and what it is."""
    template = _environment().get_template("terminal/beginning.txt.j2")
    return template.render(line=line, runbook=runbook, ids_in=_Ids(show_ids).all_in)


def step(one: Step, *, show_ids: bool = False) -> str:
    """One step of a runbook as it is told."""
    template = _environment().get_template("terminal/step.txt.j2")
    return template.render(step=one, ids_in=_Ids(show_ids).all_in)


def as_json(run: Run, *, show_ids: bool = False) -> str:
    """A run as one JSON object, for programs.

    Args:
        run: what happened.
        show_ids: whole user ids instead of their first eight characters.
    """
    text = json.dumps(_plain(run, _Ids(show_ids)), ensure_ascii=False, indent=2)
    # The same JSON, with nothing in it that a terminal or a GitHub log would act upon.
    return _UNPRINTABLE.sub(_json_escape, text).replace("##[", "#\\u0023[")


def _json_escape(found: re.Match[str]) -> str:
    character = found.group()
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


class _Ids:
    """Whether people see whole ids or short ones."""

    def __init__(self, show: bool) -> None:
        self._show = show

    def one(self, user_id: str) -> str:
        return user_id if self._show else short_id(user_id)

    def all_in(self, text: str) -> str:
        return text if self._show else _UUID.sub(self._short, text)

    @staticmethod
    def _short(found: re.Match[str]) -> str:
        # Nobody's: it stands in statements.
        return found.group() if set(found.group()) == {"0", "-"} else short_id(found.group())


def _plain(value: Any, ids: _Ids, privacy: str = "public") -> Any:
    if dataclasses.is_dataclass(value):
        plain = {
            part.name: getattr(value, part.name)
            if part.name == "statements"
            else _plain(getattr(value, part.name), ids, part.metadata["privacy"])
            for part in dataclasses.fields(value)
        }
        return plain | {name: getattr(value, name) for name in _COMPUTED if hasattr(value, name)}
    if isinstance(value, tuple):
        return [_plain(item, ids, privacy) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item, ids, privacy) for key, item in value.items()}
    if isinstance(value, date):
        return _instant(value) if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, str):
        # Ids stand in messages and commands too; those of runs and plans are public fields.
        return _cut(value if privacy == "public" else ids.all_in(value))
    return value


def _cut(text: str) -> str:
    if len(text) <= LONGEST_MESSAGE:
        return text
    return f"{text[:LONGEST_MESSAGE]}… ({len(text):,} characters)"


class _Message(str):
    """A text of ours, which is not cut as a field of a user is."""

    __slots__ = ()


class _Code(_Message):
    """A line of SQL, in which ``::`` is a cast; only what begins a line may act."""

    __slots__ = ()


def _harmless(value: Any) -> Any:
    if isinstance(value, _Code):
        shown = visible(value, LONGEST_MESSAGE)
        may_act = shown.lstrip().startswith(_ESCAPED_COLONS)
        return shown if may_act else shown.replace(_ESCAPED_COLONS, "::")
    if isinstance(value, _Message):
        return visible(value, LONGEST_MESSAGE)
    return visible(value) if isinstance(value, str) else value


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("usersync"),
        undefined=jinja2.StrictUndefined,
        # Whatever a template prints is made harmless here, so that none can forget it.
        finalize=_harmless,
        autoescape=False,  # noqa: S701 - terminal text; HTML has an environment of its own
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "message": _Message,
        "code": _Code,
        "instant": _instant,
        "minute": _minute,
        "share": _share,
        "bar": _bar,
    }
    return environment


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _share(part: int, whole: int) -> str:
    return f"{100 * part // max(whole, 1)} %"


def _bar(part: int, whole: int) -> str:
    return "#" * -(-20 * part // max(whole, 1))
