"""The first line of a report, which says everything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from usersync.model import CheckResult, Run, Summary, TableResult, Verdict

SYMBOLS = {0: "✅", 1: "❔", 2: "⚠️", 3: "🚫", 4: "✋", 5: "↩️", 6: "🚨", 7: "⏳"}
MEANINGS = {
    0: "in order",
    1: "could not tell",
    2: "drift, or findings",
    3: "refused, nothing was touched",
    4: "stopped before it changed anything more",
    5: "a step failed and was undone",
    6: "something of a failed step remains",
    7: "another usersync run is at work",
}
BROKEN = "❌"

_DASH = "\N{EN DASH}"


class Code(str):
    """A name of the target or of a file, shown as code."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """One line: a symbol, and text in which names are code."""

    symbol: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """Without any markup."""
        return f"{self.symbol} {''.join(self.parts)}"


@dataclass(frozen=True, slots=True)
class Shown:
    """How much of a run may be said: all, or what anybody may read."""

    is_public: bool = False

    def count(self, number: int) -> str:
        """A number: as it is, or the power of ten that it lies in, ``10-99`` with a dash."""
        if not self.is_public or number < 1:
            return f"{number:,}"
        lowest = 10 ** (len(str(number)) - 1)
        return f"{lowest:,}{_DASH}{10 * lowest - 1:,}"


def headline(run: Run, shown: Shown | None = None) -> Headline:
    """What a run says first.

    Args:
        run: one target's.
        shown: how much of it may be said; everything when not given.
    """
    shown = shown or Shown()
    if run.error:
        # An error may name the target's parts.
        why = "" if shown.is_public else f": {run.error.splitlines()[0]}"
        return _said(run, MEANINGS[run.exit_code] + why)
    for look in (
        _runbook,
        _verdicts,
        _paused,
        _repairs,
        _summaries,
        _plans,
        _statuses,
        _checks,
        _changes,
    ):
        found = look(run, shown)
        if found is not None:
            return found
    return _steps(run, shown)


def standing(checks: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks whose findings count, errors first."""
    found = [check for check in checks if check.exit_code == 2]
    return tuple(sorted(found, key=lambda check: check.level != "error"))


def all_checks(run: Run) -> tuple[CheckResult, ...]:
    """Those of the target and those of its tables."""
    return (*run.checks, *(check for table in run.tables for check in table.checks))


def minute(moment: datetime) -> str:
    """``2026-01-08 10:30 UTC``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _said(run: Run, *parts: str) -> Headline:
    return Headline(SYMBOLS[run.exit_code], parts)


def _runbook(run: Run, _shown: Shown) -> Headline | None:
    if run.runbook is None:
        return None
    gate = f" at {run.runbook.gate}" if run.runbook.gate else ""
    mode = "" if run.runbook.mode == "run" else f" ({run.runbook.mode})"
    return _said(
        run, "runbook ", Code(run.runbook.name), f"{mode}: {MEANINGS[run.exit_code]}{gate}"
    )


def _verdicts(run: Run, shown: Shown) -> Headline | None:
    if not run.verdicts:
        return None
    worse = [verdict for verdict in run.verdicts if verdict.is_worse]
    if worse:
        return Headline(
            BROKEN, ("this PR stops sign-ups: ", *_cause(worse[0]), *_others(len(worse)))
        )
    if run.exit_code == 1:
        unknown = next((one for one in run.verdicts if one.after == "unknown"), run.verdicts[0])
        return _said(run, "could not tell whether this PR stops sign-ups: ", unknown.detail)
    found = standing(all_checks(run))
    if found and run.exit_code == 2:
        return _said(run, "this PR leaves sign-ups as they are, and ", *_named(found, shown))
    broken = [verdict for verdict in run.verdicts if verdict.after == "failed"]
    if broken:
        return Headline("⚠️", ("sign-ups were broken before this PR: ", *_cause(broken[0])))
    return _said(run, f"this PR leaves sign-ups as they are: {len(run.verdicts)} cases tried")


def _cause(verdict: Verdict) -> tuple[str, ...]:
    """``23502 profiles.username, public.handle_new_user line 4``, names as code, and since when."""
    told = re.split(r"`([^`]*)`", verdict.detail or verdict.question)
    parts = tuple(Code(part) if at % 2 else part for at, part in enumerate(told) if part)
    return (*parts, ", since ", Code(verdict.since)) if verdict.since else parts


def _others(number: int) -> tuple[str, ...]:
    return (f" (and {number - 1:,} more)",) if number > 1 else ()


def _paused(run: Run, shown: Shown) -> Headline | None:
    if not run.paused:
        return None
    pause = run.paused[0]
    return Headline(
        "⏸️",
        (
            "sign-ups make no profile: ",
            "their function" if shown.is_public else Code(pause.function),
            f" is paused since {minute(pause.since)}, {shown.count(pause.signed_up)}",
            " signed up since then",
        ),
    )


def _repairs(run: Run, shown: Shown) -> Headline | None:
    """What became of rows that were there, and of new ones where a sync overwrites."""
    repairs = [table.repair for table in run.tables if table.repair]
    if not repairs:
        return None
    plans = [table.plan for table in run.tables if table.plan]
    summaries = [table.summary for table in run.tables if table.summary]
    left = sum(one.failed + one.moved + one.blocked for one in repairs)
    stay = f"; {shown.count(left)} stay as they are" if left else ""
    if all(one.state == "planned" for one in repairs):
        rows = shown.count(sum(one.rows for one in repairs))
        missing = shown.count(sum(one.rows for one in plans))
        new = f"create {missing} profiles and " if plans else ""
        stopped = any(one.guards for one in repairs) or any(one.guards for one in plans)
        end = "; a guard would stop it" if stopped else "; nothing was written"
        return _said(run, Code(run.task), f" would {new}change {rows} rows{stay}{end}")
    created = sum(one.created for one in summaries)
    failed = sum(one.failed for one in summaries)
    changed = shown.count(sum(one.changed for one in repairs))
    new = f"{shown.count(created)} profiles created, " if summaries else ""
    bad = f", {shown.count(failed)} could not be created" if failed else ""
    taken_back = " (rehearsed, rolled back)" if repairs[0].state == "rehearsed" else ""
    return _said(run, Code(run.task), f": {new}{changed} rows changed{bad}{stay}{taken_back}")


def _summaries(run: Run, shown: Shown) -> Headline | None:
    summaries = [table.summary for table in run.tables if table.summary]
    if not summaries:
        return None
    created, failed = sum(one.created for one in summaries), sum(one.failed for one in summaries)
    if failed:
        share = f"{shown.count(failed)} of {shown.count(created + failed)}"
        return _said(run, f"{share} profiles could not be created: ", _reason(summaries))
    rehearsed = any(one.rehearsed for one in summaries)
    did = "would have been created (rehearsed, rolled back)" if rehearsed else "created"
    return _said(run, f"{shown.count(created)} {'profile' if created == 1 else 'profiles'} {did}")


def _reason(summaries: Iterable[Summary]) -> str:
    groups = sorted(
        (group for one in summaries for group in one.failures), key=lambda group: -group.count
    )
    return f"{groups[0].sqlstate} {groups[0].condition}" if groups else "see below"


def _plans(run: Run, shown: Shown) -> Headline | None:
    plans = [table.plan for table in run.tables if table.plan]
    if not plans:
        return None
    rows = sum(plan.rows for plan in plans)
    if not rows:
        return _said(run, "nothing to do: every user that needs a profile has one")
    stopped = any(plan.guards for plan in plans)
    return _said(
        run,
        f"a sync would create {shown.count(rows)} {'profile' if rows == 1 else 'profiles'}",
        "; a guard would stop it" if stopped else "; nothing was written",
    )


def _statuses(run: Run, shown: Shown) -> Headline | None:
    tables = [table for table in run.tables if table.status]
    if not tables:
        return None
    statuses = [table.status for table in tables if table.status]
    total, missing = sum(one.total for one in statuses), sum(one.missing for one in statuses)
    if missing:
        verb = "has" if missing == 1 else "have"
        users = f"{shown.count(missing)} of {shown.count(total)} users {verb} no profile"
        return _said(run, f"{users}{_since(tables)}")
    found = standing(all_checks(run))
    if found:
        return _said(run, "every user has a profile, and ", *_named(found, shown))
    existing = sum(one.existing for one in statuses)
    return _said(run, f"in sync: {shown.count(total)} users, {shown.count(existing)} profiles")


def _since(tables: Iterable[TableResult]) -> str:
    details = [table.status.missing_detail for table in tables if table.status]
    oldest = [detail.oldest_at for detail in details if detail and detail.oldest_at]
    return f" since {minute(min(oldest))}" if oldest else ""


def _checks(run: Run, shown: Shown) -> Headline | None:
    checks = all_checks(run)
    if not checks:
        return None
    found = standing(checks)
    if found:
        is_error = found[0].level == "error"
        return Headline(BROKEN if is_error else SYMBOLS[2], _named(found, shown))
    unknown = [check for check in checks if check.unknown]
    if unknown:
        return _said(run, f"could not tell: {len(unknown)} of {len(checks)} checks")
    return _said(run, f"{len(checks)} checks found nothing that counts")


def _named(found: tuple[CheckResult, ...], shown: Shown) -> tuple[str, ...]:
    first = found[0]
    return (
        Code(first.check),
        f" ({shown.count(first.count)}): ",
        first.question,
        *_others(len(found)),
    )


def _changes(run: Run, _shown: Shown) -> Headline | None:
    if not run.changes:
        return None
    pending = sum(change.state not in ("applied", "newer") for change in run.changes)
    if pending and run.exit_code:
        return _said(run, f"{pending} of {len(run.changes)} changes of the migration to make")
    return _said(run, f"the migration: {len(run.changes)} changes in order")


def _steps(run: Run, shown: Shown) -> Headline:
    bad = [step for step in run.steps if step.status in ("failed", "finding", "unknown")]
    if bad and run.exit_code and not shown.is_public:
        return _said(run, Code(run.task), f": {bad[0].name}: {bad[0].detail}", *_others(len(bad)))
    return _said(run, Code(run.task), f": {MEANINGS[run.exit_code]}")
