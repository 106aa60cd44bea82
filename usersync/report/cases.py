"""A run as the cases of a test report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from usersync.model import CheckResult, Run
from usersync.report.headline import headline
from usersync.report.standing import all_checks
from usersync.report.words import Shown

Kind = Literal["ok", "failure", "error", "skipped"]

_STEPS: dict[str, Kind] = {
    "failed": "failure",
    "finding": "failure",
    "undone": "failure",
    "unknown": "error",
    "not-reached": "skipped",
    "skipped": "skipped",
    "unset": "skipped",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One question and its answer."""

    name: str
    kind: Kind = "ok"
    detail: str = ""
    duration_s: float = 0.0


def cases(run: Run, shown: Shown) -> tuple[Case, ...]:
    """Every question that a run answered; the last one is the run itself.

    Args:
        run: one target's.
        shown: how much of it may be said.
    """
    return tuple(_cases(run, shown))


def _cases(run: Run, shown: Shown) -> Iterator[Case]:
    for verdict in run.verdicts:
        kinds: dict[str, Kind] = {"ok": "ok", "unknown": "error", "failed": "failure"}
        yield Case(f"sign-up: {verdict.question}", kinds[verdict.after], verdict.detail)
    for check in all_checks(run):
        yield _check(check, shown)
    for step in run.steps:
        if step.user_id and shown.is_public:
            # How many there are says as much as a number.
            continue
        further = map(str.strip, step.next_step.splitlines())
        detail = "" if shown.is_public else " · ".join(filter(None, (step.detail, *further)))
        yield Case(step.name, _STEPS.get(step.status, "ok"), detail, step.duration_s)
    line = headline(run, shown)
    kind: Kind = {0: "ok", 1: "error"}.get(run.exit_code, "failure")  # type: ignore[assignment]
    lasted_s = (run.ended_at - run.started_at).total_seconds()
    yield Case(run.task, kind, line.text, lasted_s)


def _check(check: CheckResult, shown: Shown) -> Case:
    name = f"{check.check}: {check.question}"
    if check.exit_code == 2:
        return Case(name, "failure", f"{shown.count(check.count)} found. {check.remedy}")
    if check.unknown:
        return Case(name, "error", "could not tell" if shown.is_public else check.unknown)
    if check.count:
        return Case(
            name, "skipped", f"{shown.count(check.count)} found: {check.level}, or accepted"
        )
    return Case(name)
