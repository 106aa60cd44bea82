"""The first line of a report, which says everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from usersync.model import CheckResult, Guard, Run, Summary, TableResult, Verdict
from usersync.report.runbook_line import figures, runbook_line
from usersync.report.standing import all_checks, findings, standing, untold
from usersync.report.words import Code, Shown, minute

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


@dataclass(frozen=True, slots=True)
class Headline:
    """One line: a symbol, and text in which names are code."""

    symbol: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """Without any markup."""
        return f"{self.symbol} {''.join(self.parts)}"


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
        which = ("runbook ", Code(run.runbook.name), ": ") if run.runbook else ()
        return _said(
            run, *which, "; ".join([MEANINGS[run.exit_code] + why, *_until_then(run, shown)])
        )
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
        _footprint,
    ):
        found = look(run, shown)
        if found is not None:
            return found
    return _steps(run, shown)


def _said(run: Run, *parts: str) -> Headline:
    return Headline(SYMBOLS[run.exit_code], parts)


def _until_then(run: Run, shown: Shown) -> Iterable[str]:
    """What was done before the error."""
    if run.runbook:
        yield from figures(run.runbook.figures, shown)
    summaries = [table.summary for table in run.tables if table.summary]
    if summaries and not any(one.rehearsed for one in summaries):
        yield f"{shown.counted(sum(one.created for one in summaries), 'profile')} created"
        failed = sum(one.failed for one in summaries)
        if failed:
            yield f"{shown.count(failed)} could not be created"
        yield from shown.left_out(summaries)


def _runbook(run: Run, shown: Shown) -> Headline | None:
    return _said(run, *runbook_line(run, run.runbook, shown)) if run.runbook else None


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
    tried = f"{len(run.verdicts)} case{'' if len(run.verdicts) == 1 else 's'} tried"
    return _said(run, f"this PR leaves sign-ups as they are: {tried}")


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
            *(f"; {one}" for one in _missing(run, shown)),
        ),
    )


def _repairs(run: Run, shown: Shown) -> Headline | None:
    """What became of rows that were there, and of new ones where a sync overwrites."""
    repairs = [table.repair for table in run.tables if table.repair]
    if not repairs:
        return None
    plans = [table.plan for table in run.tables if table.plan]
    summaries = [table.summary for table in run.tables if table.summary]
    left = sum(one.moved + one.blocked for one in repairs)
    stay = f"; {shown.count(left)} stay as they are" if left else ""
    if all(one.state == "planned" for one in repairs):
        rows = shown.count(sum(one.rows for one in repairs))
        missing = shown.count(sum(one.rows for one in plans))
        new = f"create {missing} profiles and " if plans else ""
        guards = [guard for one in repairs for guard in one.guards]
        guards += [guard for one in plans for guard in one.guards]
        return _said(
            run, Code(run.task), f" would {new}change {rows} rows{stay}", *_stopped(guards)
        )
    created = sum(one.created for one in summaries)
    failed = sum(one.failed for one in summaries)
    changed = shown.counted(sum(one.changed for one in repairs), "row")
    bad_rows = sum(one.failed for one in repairs)
    not_changed = f", {shown.count(bad_rows)} failed" if bad_rows else ""
    new = f"{shown.count(created)} profiles created, " if summaries else ""
    bad = f", {shown.count(failed)} could not be created" if failed else ""
    taken_back = " (rehearsed, rolled back)" if repairs[0].state == "rehearsed" else ""
    return _said(
        run, Code(run.task), f": {new}{changed} changed{not_changed}{bad}{stay}{taken_back}"
    )


def _summaries(run: Run, shown: Shown) -> Headline | None:
    summaries = [table.summary for table in run.tables if table.summary]
    if not summaries:
        return None
    created, failed = sum(one.created for one in summaries), sum(one.failed for one in summaries)
    if failed:
        share = f"{shown.count(failed)} of {shown.count(created + failed)}"
        what = f"{share} profiles could not be created: {_reason(summaries)}"
    else:
        rehearsed = any(one.rehearsed for one in summaries)
        did = "would have been created (rehearsed, rolled back)" if rehearsed else "created"
        what = f"{shown.counted(created, 'profile')} {did}"
    return _said(run, "; ".join([what, *shown.left_out(summaries)]))


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
    total, existing = sum(plan.total for plan in plans), sum(plan.existing for plan in plans)
    return _said(
        run,
        f"a sync would create {shown.counted(rows, 'profile')}:",
        f" {shown.count(total - existing)} of {shown.count(total)} users have none",
        *_stopped([guard for plan in plans for guard in plan.guards]),
    )


def _stopped(guards: Sequence[Guard]) -> tuple[str, ...]:
    """Whether the plan would be carried out, and else by what it is stopped."""
    if not guards:
        return ("; nothing was written",)
    more = f" (and {len(guards) - 1:,} more)" if len(guards) > 1 else ""
    return ("; the guard ", Code(guards[0].name), f"{more} stops it")


def _statuses(run: Run, shown: Shown) -> Headline | None:
    tables = [table for table in run.tables if table.status]
    if not tables:
        return None
    statuses = [table.status for table in tables if table.status]
    total, missing = sum(one.total for one in statuses), sum(one.missing for one in statuses)
    found = standing(all_checks(run))
    if missing:
        and_found = f"; {shown.counted(findings(found), 'finding')}" if found else ""
        return _said(run, f"{shown.without_profile(missing, total)}{_since(tables)}{and_found}")
    if found:
        return _said(run, "every user has a profile, and ", *_named(found, shown))
    existing = sum(one.existing for one in statuses)
    counts = f"{shown.count(total)} users, {shown.count(existing)} profiles"
    if run.exit_code:
        return _said(run, "; ".join([counts, *untold(all_checks(run))]))
    return _said(run, f"in sync: {counts}")


def _missing(run: Run, shown: Shown) -> Iterable[str]:
    statuses = [table.status for table in run.tables if table.status]
    missing = sum(one.missing for one in statuses)
    if missing:
        yield shown.without_profile(missing, sum(one.total for one in statuses))


def _since(tables: Iterable[TableResult]) -> str:
    details = [table.status.missing_detail for table in tables if table.status]
    oldest = [detail.oldest_at for detail in details if detail and detail.oldest_at]
    return f" since {minute(min(oldest))}" if oldest else ""


def _checks(run: Run, shown: Shown) -> Headline | None:
    checks = all_checks(run)
    found = standing(checks)
    if not checks or (not found and run.exit_code == 2 and run.changes):
        return None
    if found:
        is_error = found[0].level == "error"
        return Headline(BROKEN if is_error else SYMBOLS[2], _named(found, shown))
    for unknown in untold(checks):
        return _said(run, unknown)
    several = "" if len(checks) == 1 else "s"
    return _said(run, f"{len(checks)} check{several} found nothing that counts")


def _named(found: tuple[CheckResult, ...], shown: Shown) -> tuple[str, ...]:
    first, more = found[0], len(found) - 1
    all_of_them = f"; {shown.count(findings(found))} findings in all)"
    return (
        Code(first.check),
        f" ({shown.count(findings(found[:1]))}): ",
        first.question,
        *((f" (and {more:,} more check{'s' if more > 1 else ''}{all_of_them}",) if more else ()),
    )


def _changes(run: Run, _shown: Shown) -> Headline | None:
    if not run.changes:
        return None
    pending = sum(change.state not in ("applied", "newer") for change in run.changes)
    if pending and run.exit_code:
        return _said(run, f"{pending} of {len(run.changes)} changes of the migration to make")
    return _said(run, f"the migration: {len(run.changes)} changes in order")


def _footprint(run: Run, shown: Shown) -> Headline | None:
    if not run.footprint:
        return None
    return _said(run, f"{shown.count(len(run.footprint))} things of usersync in the target")


def _steps(run: Run, shown: Shown) -> Headline:
    bad = [step for step in run.steps if step.status in ("failed", "finding", "unknown")]
    if bad and run.exit_code and not shown.is_public:
        return _said(run, Code(run.task), f": {bad[0].name}: {bad[0].detail}", *_others(len(bad)))
    return _said(run, Code(run.task), f": {MEANINGS[run.exit_code]}")
