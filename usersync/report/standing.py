"""Which findings count, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from usersync.model import CheckResult, Run


def all_checks(run: Run) -> tuple[CheckResult, ...]:
    """Those of the target and those of its tables."""
    return (*run.checks, *(check for table in run.tables for check in table.checks))


def standing(checks: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks whose findings count, errors first."""
    found = [check for check in checks if check.exit_code == 2]
    return tuple(sorted(found, key=lambda check: check.level != "error"))


def findings(found: Iterable[CheckResult]) -> int:
    """How many findings are not accepted."""
    return sum(check.count - check.accepted for check in found)


def untold(checks: Sequence[CheckResult]) -> Iterable[str]:
    """That some could not tell, when there are any."""
    unknown = sum(bool(check.unknown) for check in checks)
    if unknown:
        yield f"could not tell: {unknown} of {len(checks)} checks"
