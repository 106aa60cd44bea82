"""The findings of head that base had not, and the checks that only base could be asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from usersync.comparison.judgement import Judgement
from usersync.model import CheckResult, Finding

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new(was: Judgement, now: Judgement) -> tuple[CheckResult, ...]:
    """The findings of level warning and error that base had not, and nothing else.

    Args:
        was: what base answered.
        now: what head answered.
    """
    known = _answered(was)
    found: list[CheckResult] = []
    for check in now.checks:
        old = known.get(check.check)
        if check.level == "info" or old is None or check.unknown:
            continue
        left = Counter(map(_kind, old.findings))
        fresh: list[Finding] = []
        for finding in check.findings:
            left[_kind(finding)] -= 1
            if left[_kind(finding)] < 0 and not finding.accepted:
                fresh.append(finding)
        if fresh:
            told = replace(check, findings=tuple(fresh), count=len(fresh), accepted=0)
            found.append(replace(told, remedy=_remedy(check)))
    return tuple(found)


def unasked(was: Judgement, now: Judgement) -> tuple[str, ...]:
    """The checks that base answered and head could not, a sentence each.

    Args:
        was: what base answered.
        now: what head answered.
    """
    known = _answered(was)
    return tuple(
        f"Could not tell on head: {check.check}: {check.unknown}."
        for check in now.checks
        if check.unknown and check.level != "info" and check.check in known
    )


def _answered(judged: Judgement) -> Mapping[str, CheckResult]:
    return {check.check: check for check in judged.checks if not check.unknown}


def _kind(finding: Finding) -> str:
    """What makes two findings the same: rows of a seed may have other ids on each side."""
    return _UUID.sub("", finding.id)


def _remedy(check: CheckResult) -> str:
    """What helps before the change is merged: first aid is for a database with users."""
    return "correct it in this change" if "migration." in check.remedy else check.remedy
