"""What the rows of the status queries mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from usersync.model import Count, DayCount, Missing, Status

#: How many days, today included, are told day by day.
DAYS = 14

Row = dict[str, Any]


def status(rows: Sequence[Row], as_of: datetime, reasons: Sequence[str]) -> Status:
    """The counts of ``queries/status.sql`` under their names.

    Args:
        rows: one per kind of user, with and without a profile.
        as_of: the time of the snapshot.
        reasons: why users may need no profile; kind 1 is the first of them, the soft-deleted.
    """
    with_profile = [row for row in rows if row["has_profile"]]
    existing = [row for row in with_profile if row["skip"] == 0]
    return Status(
        as_of=as_of,
        total=_users(row for row in rows if row["skip"] == 0),
        existing=_users(existing),
        not_counted=tuple(
            Count(reason, count)
            for number, reason in enumerate(reasons, start=1)
            if (count := _users(row for row in rows if row["skip"] == number))
        ),
        orphans=_users(row for row in rows if row["skip"] is None),
        soft_deleted_with_profile=_users(row for row in with_profile if row["skip"] == 1),
        excluded_with_profile=_users(row for row in with_profile if (row["skip"] or 0) > 1),
        email_drift=sum(row["email_drift"] for row in rows),
        last_with_profile_at=_newest(existing),
    )


def missing(rows: Sequence[Row], as_of: datetime) -> Missing:
    """The rows of ``queries/missing.sql``, by day and by provider."""
    today = as_of.astimezone(UTC).date()
    per_day = {today - timedelta(days=back): 0 for back in range(DAYS - 1, -1, -1)}
    by_provider: dict[str, int] = {}
    for row in rows:
        if row["day"] in per_day:
            per_day[row["day"]] += row["users"]
        by_provider[row["provider"]] = by_provider.get(row["provider"], 0) + row["users"]
    return Missing(
        oldest_at=min((row["oldest_at"] for row in rows if row["oldest_at"]), default=None),
        newest_at=_newest(rows),
        per_day=tuple(DayCount(day, count) for day, count in per_day.items()),
        by_provider=tuple(
            Count(name, count)
            for name, count in sorted(by_provider.items(), key=lambda item: (-item[1], item[0]))
        ),
    )


def checks(counts: Status) -> tuple[str, ...]:
    """The checks that have something to tell of these counts."""
    wanted = {
        "orphan_profile": counts.orphans,
        "soft_deleted_with_profile": counts.soft_deleted_with_profile,
        "excluded_with_profile": counts.excluded_with_profile,
        "email_drift": counts.email_drift,
    }
    return tuple(name for name, count in wanted.items() if count)


def _users(rows: Iterable[Row]) -> int:
    return sum(row["users"] for row in rows)


def _newest(rows: Iterable[Row]) -> datetime | None:
    return max((row["newest_at"] for row in rows if row["newest_at"]), default=None)
