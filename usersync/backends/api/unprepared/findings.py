"""What ``status`` says beside the counts: what a list answers, and what it cannot see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from usersync.backends import checks
from usersync.backends.api.unprepared.roster import Remarkable, Roster
from usersync.config import Settings
from usersync.model import CheckResult
from usersync.sql import checks as scripts
from usersync.sql import users

#: The checks that the list and the keys of the profiles answer.
ANSWERED = frozenset({"soft_deleted_with_profile", "excluded_with_profile", "email_drift"})


def found(listed: Roster, settings: Settings) -> tuple[CheckResult, ...]:
    """The checks that found something, in the order of their numbers."""
    today = datetime.now(UTC).date()
    reasons = users.skip_reasons(settings.users)
    results = []
    for script in scripts():
        name = checks.name_of(script)
        remarkable = listed.remarkable.get(name)
        if remarkable is not None:
            accepted = checks.accepted_subjects(name, settings.accept, today)
            rows = _rows(remarkable, reasons, accepted)
            results.append(checks.result(name, script.header, rows, accepted))
    return tuple(results)


def unseen(listed: Roster) -> tuple[str, ...]:
    """What this way cannot tell, a line each."""
    every = len(scripts())
    nobodys = (
        f"profiles of users whom the API's list does not show: {listed.nobodys:,} (deleted, or of"
        " another audience or instance: only a database connection tells which)"
        if listed.nobodys
        else ""
    )
    lines = (
        f"could not tell: {every - len(ANSWERED)} of {every} checks need a database connection",
        "not to be seen this way: users of another audience or instance, and who is an SSO user",
        nobodys,
    )
    return tuple(line for line in lines if line)


def _rows(
    remarkable: Remarkable, reasons: tuple[str, ...], accepted: dict[str, str]
) -> list[dict[str, Any]]:
    """As the rows of ``queries/check.sql``."""
    taken = sum(1 for one, _ in remarkable.first if one.startswith(tuple(accepted)))
    return [
        {
            "subject": user_id,
            "detail": reasons[skip - 1] if skip else "another address than the user signs in with",
            "findings": remarkable.count,
            "accepted": taken,
        }
        for user_id, skip in remarkable.first
    ]
