"""When each runbook was drilled last and how long that took, as its page says it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from usersync.runbook.load import Loaded

FILE = Path("docs/runbooks/drilled.json")


def told(loaded: Loaded, folder: Path = Path()) -> str:
    """When a runbook was drilled, for its page; empty for one that never was.

    Args:
        loaded: the runbook as it is now.
        folder: the repository.
    """
    one = _read(folder).get(loaded.id)
    if one is None:
        return ""
    since = "" if one["files"] == loaded.digest else ", before its last change"
    return f"{one['on']}, in {one['seconds']:.1f} s{since}"


def add(loaded: Loaded, on: date, seconds: float, folder: Path = Path()) -> None:
    """Note a drill.

    Args:
        loaded: the runbook that was drilled.
        on: the day.
        seconds: from the fault to the run that found nothing.
        folder: the repository.
    """
    path = folder / FILE
    drilled = _read(folder)
    drilled[loaded.id] = {
        "on": on.isoformat(),
        "seconds": round(seconds, 1),
        "files": loaded.digest,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(sorted(drilled.items())), indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def _read(folder: Path) -> dict[str, dict[str, str | float]]:
    """What was noted of each runbook: the day, the seconds, what stands for its files."""
    try:
        drilled: dict[str, dict[str, str | float]] = json.loads(
            (folder / FILE).read_text(encoding="utf-8")
        )
    except FileNotFoundError:
        return {}
    return drilled
