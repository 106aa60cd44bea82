"""What a report leaves behind for the next one, which begins with what has changed since."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from usersync.model import Run
from usersync.report.standing import all_checks, standing
from usersync.report.words import Shown

#: What is known, and how much of it: ``users without a profile`` → ``5``.
Facts: TypeAlias = Mapping[str, str]

#: More than these make a marker too long for a comment.
_MOST = 200


def facts(runs: Iterable[Run], shown: Shown) -> dict[str, str]:
    """What somebody would want to hear of when it changes.

    Args:
        runs: one for each target and task.
        shown: how much may be said.
    """
    known: dict[str, str] = {}
    for run in runs:
        where = f" ({run.target.name})" if run.target else ""
        known[f"{run.task}{where}"] = f"exit code {run.exit_code}"
        for table in run.tables:
            if table.status and table.status.missing:
                known[f"users without a profile{where}"] = shown.count(table.status.missing)
            if table.summary and table.summary.failed:
                known[f"profiles that could not be created{where}"] = shown.count(
                    table.summary.failed
                )
        if run.runbook and run.runbook.figures.missing:
            known[f"users without a profile{where}"] = shown.count(run.runbook.figures.missing)
        for check in standing(all_checks(run)):
            known[f"finding {check.check}{where}"] = shown.count(check.count - check.accepted)
        for verdict in run.verdicts:
            if verdict.after != "ok":
                known[f"sign-up {verdict.question}{where}"] = verdict.after
    return dict(list(known.items())[:_MOST])


def changes(before: Facts, now: Facts) -> tuple[str, ...]:
    """What is new, what differs and what is gone, in this order, one sentence each."""
    new = [f"new: {name}: {how}" for name, how in now.items() if name not in before]
    differs = [
        f"{name}: {how}, was {before[name]}"
        for name, how in now.items()
        if name in before and before[name] != how
    ]
    gone = [f"gone: {name} (was {how})" for name, how in before.items() if name not in now]
    return (*new, *differs, *gone)


def packed(known: Facts) -> str:
    """Facts as text that stands in a Markdown comment and cannot end it."""
    return base64.urlsafe_b64encode(json.dumps(dict(known)).encode()).decode()


def unpacked(text: str) -> dict[str, str] | None:
    """Facts out of such text; None when it is none, whoever wrote it."""
    try:
        value = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(value, dict) or len(value) > _MOST:
        return None
    pairs = value.items()
    if not all(isinstance(name, str) and isinstance(how, str) for name, how in pairs):
        return None
    return value


def fingerprint(told: Facts | str) -> str:
    """Stands for facts, or a text: the same as last time means that there is nothing to tell."""
    value = told if isinstance(told, str) else dict(told)
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
