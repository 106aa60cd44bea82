"""What a runbook reads of an outcome: the few figures that expressions name, and words for people.

Which of them an operation tells is declared where it is registered; lint holds runbooks to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from usersync.model import CheckResult, Outcome, Repair, Step

#: States of a change of the migration that apply would do something about.
_PENDING = frozenset({"absent", "older", "configured", "lost", "unwanted", "edited"})

#: How many findings of one check are told at a step; the report of the check has them all.
_MOST_LINES = 3


def fields(outcome: Outcome) -> dict[str, Any]:
    """Everything that an expression may read of an outcome."""
    statuses = [result.status for result in outcome.tables if result.status]
    plans = [result.plan for result in outcome.tables if result.plan]
    summaries = [result.summary for result in outcome.tables if result.summary]
    measured = statuses or plans
    created = sum(summary.created for summary in summaries if not summary.rehearsed)
    found = sum(_standing(check) for check in outcome.checks)
    steps_found = sum(step.status in ("finding", "failed") for step in outcome.steps)
    changed = any(step.status == "changed" for step in outcome.steps)
    return {
        "ok": outcome.exit_code == 0 and not outcome.error,
        "changed": bool(created) or changed,
        "missing": sum(one.total - one.existing for one in measured),
        "total": sum(one.total for one in measured),
        "existing": sum(one.existing for one in measured),
        "orphans": sum(status.orphans for status in statuses),
        "created": created,
        "failed": sum(summary.failed for summary in summaries)
        + sum(step.status == "failed" for step in outcome.steps),
        "findings": found + steps_found,
        "rows": found,
        "pending": sum(change.state in _PENDING for change in outcome.changes),
        "paused": len(outcome.paused),
    }


def words(outcome: Outcome) -> str:
    """An outcome in one line; empty when it says nothing."""
    return "; ".join(_words(outcome))


def lines(outcome: Outcome) -> tuple[str, ...]:
    """What a person needs to see below that line: findings, failures, what to do about them."""
    return tuple(dict.fromkeys(_lines(outcome)))


def _words(outcome: Outcome) -> Iterator[str]:
    for result in outcome.tables:
        at = f" in {result.table}" if len(outcome.tables) > 1 else ""
        if result.summary:
            one = result.summary
            verb = "would be created" if one.rehearsed else "created"
            yield f"{one.created:,} {verb}, {one.failed:,} failed{at}"
        elif result.plan:
            yield f"{result.plan.rows:,} profiles would be created{at}"
        elif result.status:
            status = result.status
            yield f"{status.missing:,} of {status.total:,} users have no profile{at}"
        elif result.repair:
            fixed = result.repair
            yield _words_of_repair(fixed) + at
    yield from _words_of_checks(outcome)
    if outcome.changes and not outcome.checks:
        pending = fields(outcome)["pending"]
        yield f"{pending} of {len(outcome.changes)} changes to install" if pending else "installed"
    done = [step for step in outcome.steps if step.status == "changed"]
    if any(result.repair for result in outcome.tables):
        pass  # The rows are counted already.
    elif len(done) == 1:
        yield f"{done[0].name}: {done[0].detail}"
    elif outcome.steps:
        yield from _words_of_steps(outcome.steps)
    if outcome.paused:
        yield f"{len(outcome.paused)} paused"


def _words_of_steps(steps: Sequence[Step]) -> Iterator[str]:
    asked = {step.name for step in steps if step.status != "skipped"}
    wrong = {step.name for step in steps if step.status in ("failed", "finding", "unknown")}
    if asked:
        yield f"{len(asked) - len(wrong)} of {len(asked)} as they should be"
    yield from (f"{step.name}: {step.detail}" for step in steps if step.status == "skipped")


def _words_of_repair(repair: Repair) -> str:
    """What a correction would do, or did."""
    left = {"failed": repair.failed, "changed by others": repair.moved, "stay": repair.blocked}
    did = (
        f"{repair.rows:,} rows would be changed"
        if repair.state == "planned"
        else f"{repair.changed:,} rows changed"
    )
    return ", ".join([did, *(f"{count:,} {what}" for what, count in left.items() if count)])


def _words_of_checks(outcome: Outcome) -> Iterator[str]:
    if outcome.checks:
        found = sum(_standing(check) for check in outcome.checks)
        yield f"{found} finding{'' if found == 1 else 's'} of {len(outcome.checks)} checks"
        unknown = sum(bool(check.unknown) for check in outcome.checks)
        if unknown:
            yield f"{unknown} could not be told"


def _lines(outcome: Outcome) -> Iterator[str]:
    for step in outcome.steps:
        yield from _lines_of_step(step)
    for check in outcome.checks:
        if check.unknown:
            yield f"{check.check}: could not tell: {check.unknown}"
        if not _standing(check):
            continue
        for finding in check.findings[:_MOST_LINES]:
            yield f"{check.check}: {finding.subject}: {finding.detail}"
        if check.count > _MOST_LINES:
            yield f"  … and {check.count - _MOST_LINES:,} more"
        yield f"  to do: {check.remedy}"
    for result in outcome.tables:
        if result.summary:
            for group in result.summary.failures:
                yield f"{group.count:,} failed: {group.sqlstate} {group.condition} {group.subject}"
        elif result.plan:
            yield from (guard.message for guard in result.plan.guards)
    # A plan is approved at a gate, by a digest of the gate's own.
    yield from outcome.notes if not outcome.digest else ()


def _lines_of_step(step: Step) -> Iterator[str]:
    if step.status in ("failed", "finding", "unknown"):
        yield f"{step.name}: {step.detail}"
        yield from (f"  {line}" for line in step.next_step.splitlines())
    elif step.status == "skipped":
        yield from step.next_step.splitlines()


def _standing(check: CheckResult) -> int:
    """Its findings that count: neither accepted nor mere information."""
    return 0 if check.level == "info" else max(check.count - check.accepted, 0)
