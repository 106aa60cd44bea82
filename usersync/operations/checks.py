"""Operations that ask single checks."""

from __future__ import annotations

from collections.abc import Sequence

from usersync import doctor
from usersync.config import did_you_mean
from usersync.errors import Refused
from usersync.model import Outcome, worst
from usersync.operations.registry import operation
from usersync.session import Session


@operation("checks", "read", tells=("findings", "rows"))
def run_checks(session: Session, *, names: Sequence[str]) -> Outcome:
    """Run the checks of these names; each row they answer is a finding.

    Args:
        session: the run's surroundings.
        names: of checks, as ``migration.verify`` prints them.

    Raises:
        Refused: there is no such check.
    """
    known = check_names()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refused(f"there is no check {unknown[0]}", did_you_mean(unknown[0], known))
    results = session.backend.catalog.checks(session.target.profiles, tuple(names))
    exit_code = worst(result.exit_code for result in results)
    return Outcome(checks=doctor.advised(session, results), exit_code=exit_code)


def check_names() -> tuple[str, ...]:
    """The names of all checks, without number."""
    from usersync.sql import checks

    return tuple(script.name.rpartition("/")[2].partition("_")[2] for script in checks())
