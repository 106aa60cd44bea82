"""Drawings of numbers over time: what Mermaid and SVG need, computed once for both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from usersync.model import DayCount, Run

#: More points than these say no more.
_MOST_POINTS = 30

WIDTH, HEIGHT = 560, 160
_LEFT, _BOTTOM, _TOP = 8, 22, 14


@dataclass(frozen=True, slots=True)
class Point:
    """How many users had no profile at one moment."""

    at: datetime
    missing: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of an SVG drawing, in its units."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


def points(runs: Iterable[Run]) -> tuple[Point, ...]:
    """What runs of one task on one target measured, oldest first; empty for fewer than two."""
    found = [
        Point(run.ended_at, sum(table.status.missing for table in run.tables if table.status))
        for run in runs
        if any(table.status for table in run.tables)
    ]
    return tuple(found[-_MOST_POINTS:]) if len(found) > 1 else ()


def bars(values: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    """Where the bars of a drawing stand."""
    top = max((value for _, value in values), default=0) or 1
    slot = (WIDTH - 2 * _LEFT) / max(len(values), 1)
    room = HEIGHT - _BOTTOM - _TOP
    return tuple(
        Bar(
            x=round(_LEFT + at * slot + slot * 0.12, 1),
            y=round(_TOP + room * (1 - value / top), 1),
            width=round(slot * 0.76, 1),
            height=round(room * value / top, 1),
            label=label,
            value=value,
        )
        for at, (label, value) in enumerate(values)
    )


def by_day(days: Iterable[DayCount]) -> list[tuple[str, int]]:
    """Label and number of each day."""
    return [(f"{day.day:%m-%d}", day.count) for day in days]


def by_run(measured: Iterable[Point]) -> list[tuple[str, int]]:
    """Label and number of each run."""
    return [(f"{point.at:%m-%d %H:%M}", point.missing) for point in measured]
