"""What the functions of the API are given, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from usersync.backends import Selection
from usersync.model import JournalEvent


def selected(selection: Selection) -> dict[str, Any]:
    """Which users are meant, as the functions take it."""
    last = selection.last
    return {
        "newest_at": selection.newest_at,
        "share": list(selection.share) if selection.share else None,
        "last_id": last.user_id if last else None,
        "last_created_at": last.created_at if last else None,
        "without": list(selection.without) or None,
    }


def line(event: JournalEvent) -> dict[str, Any]:
    """A line of the journal as JSON."""
    line = asdict(event)
    return line | {"at": event.at.isoformat(), "user_ids": list(event.user_ids)}
