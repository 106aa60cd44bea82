"""How the target stands to each change: applied, absent, edited by hand, of another version, …"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from usersync import __version__
from usersync.backends.catalog import LedgerEntry, Survey
from usersync.model import ChangeState, CheckResult
from usersync.sql.changes import Change

#: How the body of a paused function begins.
PAUSED_MARK = "-- usersync: paused"

#: What `apply` does something about.
PENDING = frozenset({"absent", "configured", "older", "lost", "broken", "unwanted"})

State = Literal[
    "applied", "absent", "configured", "older", "lost", "broken", "edited", "unwanted", "newer"
]


def states(survey: Survey, changes: Sequence[Change]) -> tuple[ChangeState, ...]:
    """How the target stands to every change, in their order.

    Args:
        survey: what is there.
        changes: what the configuration asks for.
    """
    entries = {entry.change: entry for entry in survey.ledger}
    known = {change.name for change in changes}
    told = [_state(change, entries.get(change.name), survey.objects) for change in changes]
    told += [_unknown(entry) for entry in survey.ledger if entry.change not in known]
    return tuple(sorted(told, key=lambda state: state.name))


def broken(
    found: Sequence[ChangeState], verified: Sequence[CheckResult]
) -> tuple[ChangeState, ...]:
    """The same states, with those as broken whose own check finds what the ledger cannot see.

    Args:
        found: as `states` tells them.
        verified: the checks of the changes that are applied.
    """
    faults = {
        check.check: "; ".join(f"{one.subject}: {one.detail}" for one in check.findings)
        for check in verified
        if check.count
    }
    return tuple(
        replace(one, state="broken", detail=faults[name])
        if one.state == "applied" and (name := f"change_{one.name.partition('_')[2]}") in faults
        else one
        for one in found
    )


def _state(change: Change, entry: LedgerEntry | None, objects: Mapping[str, str]) -> ChangeState:
    told = ChangeState(name=change.name, does=change.does, state="absent")
    if entry is None:
        return told
    told = replace(told, applied_at=entry.applied_at, tool_version=entry.tool_version)
    if _version(entry.tool_version) > _version(__version__):
        detail = f"usersync {entry.tool_version} applied it, and this is {__version__}"
        return replace(told, state="newer", detail=detail)
    edited = {
        identity: (definition, objects[identity])
        for identity, definition in entry.objects.items()
        if identity in objects and not _same(definition, objects[identity])
    }
    if edited:
        return replace(
            told,
            state="edited",
            detail=f"changed by hand: {', '.join(edited)}",
            diff=tuple(
                line
                for identity, (installed, found) in edited.items()
                for line in _diff(installed, found, f"{identity} as installed", "as it is")
            ),
        )
    if entry.apply != change.apply:
        same_version = entry.tool_version == __version__
        return replace(
            told,
            state="configured" if same_version else "older",
            detail="the configuration asks for something else by now"
            if same_version
            else f"usersync {entry.tool_version} applied it",
            diff=_diff(entry.apply, change.apply, "as installed", "as configured"),
        )
    lost = [identity for identity in entry.objects if identity not in objects]
    if lost:
        return replace(told, state="lost", detail=f"gone: {', '.join(lost)}")
    return replace(told, state="applied")


def _unknown(entry: LedgerEntry) -> ChangeState:
    """A change in the ledger that this configuration, or this version, does not know."""
    newer = _version(entry.tool_version) > _version(__version__)
    if entry.drops and not newer:
        return ChangeState(
            name=entry.change,
            does=f"asked for no more; it holds data and stays: {', '.join(entry.drops)}",
            state="applied",
            applied_at=entry.applied_at,
            tool_version=entry.tool_version,
        )
    return ChangeState(
        name=entry.change,
        does="" if newer else "was asked for by an earlier configuration",
        state="newer" if newer else "unwanted",
        detail=f"usersync {entry.tool_version} applied it",
        applied_at=entry.applied_at,
        tool_version=entry.tool_version,
    )


def _same(installed: str, found: str) -> bool:
    """Whether a definition is what was installed; a paused function is, behind its pause."""
    return installed == found or PAUSED_MARK in found


def _diff(before: str, after: str, name: str, other: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, other, n=2, lineterm=""
    )
    return tuple(lines)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
