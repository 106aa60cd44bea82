"""When each runbook was drilled last and how long that took, as its page says it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

FILE = Path("docs/runbooks/drilled.json")


def read(folder: Path = Path()) -> dict[str, str]:
    """A line for the page of each runbook that was drilled."""
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {name: f"{one['on']}, in {one['seconds']:.1f} s" for name, one in told.items()}


def add(name: str, on: date, seconds: float, folder: Path = Path()) -> None:
    """Note a drill.

    Args:
        name: of the runbook.
        on: the day.
        seconds: from the fault to the run that found nothing.
        folder: the repository.
    """
    path = folder / FILE
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    told[name] = {"on": on.isoformat(), "seconds": round(seconds, 1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(sorted(told.items())), indent=2)
    path.write_text(text + "\n", encoding="utf-8")
