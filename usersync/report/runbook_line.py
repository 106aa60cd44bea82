"""The first line of a run that carried out a runbook."""

from __future__ import annotations

from collections.abc import Iterator

from usersync.model import Figures, Run, RunbookFacts
from usersync.report.words import Code, Shown

#: How a run ended; its step and why follow.
_ENDED = {
    1: "could not tell",
    3: "refused",
    4: "stopped",
    5: "failed and undone",
    6: "something of what failed remains",
    7: "another usersync run is at work",
}


def runbook_line(run: Run, facts: RunbookFacts, shown: Shown) -> tuple[str, ...]:
    """Which runbook, how it ended, at which step and why, and the numbers it came to.

    Args:
        run: one target's.
        facts: of the runbook.
        shown: how much may be said.
    """
    mode = "" if facts.mode == "run" else f" ({facts.mode})"
    numbers = list(figures(facts.figures, shown))
    return ("runbook ", Code(facts.name), f"{mode}: ", *_ending(run, facts, shown, numbers))


def figures(found: Figures, shown: Shown) -> Iterator[str]:
    """The numbers that are not zero, what is wrong first.

    Args:
        found: what the steps came to.
        shown: how much may be said.
    """
    if found.missing:
        yield shown.without_profile(found.missing, found.total)
    if found.findings:
        yield shown.counted(found.findings, "finding")
    if found.failed:
        yield f"{shown.counted(found.failed, 'profile')} could not be created"
    if found.created:
        yield f"{shown.counted(found.created, 'profile')} created"


def _ending(run: Run, facts: RunbookFacts, shown: Shown, numbers: list[str]) -> tuple[str, ...]:
    found = facts.figures
    step = found.step or facts.gate
    if not run.exit_code:
        in_sync = f": {shown.counted(found.total, 'user')}, all with a profile"
        is_measured = found.missing == 0 and found.total
        start = "in order" + (in_sync if is_measured else "")
        return ("; ".join([start, *numbers]),)
    if run.exit_code == 2 and numbers:
        return ("; ".join(numbers), *(("; first at ", Code(step)) if step else ()))
    start = _ENDED.get(run.exit_code, "something to do, or to look at")
    detail = next((one.detail for one in run.steps if one.name == step), "")
    why = "" if shown.is_public or not detail else f": {detail.splitlines()[0]}"
    at = (" at ", Code(step)) if step else ()
    return (start, *at, "; ".join([why, *numbers]))
