"""Timing on a machine that others use too, and the table of what came out."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

#: The machine counts as quiet when all processes together use less of it than this.
_QUIET_PERCENT = 12.0
#: So long it is waited for a quiet moment.
PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Args:
        postgres: the server's version; empty where none takes part.
        what: what was measured.
        seconds: the median of its runs; None for what is no time.
        value: the ratio or size that counts; None for what others are compared with.
        unit: what the value is counted in, and in relation to what.
        most: the value must not be larger; None for no such limit.
        least: the value must not be smaller; None for no such limit.
    """

    postgres: str
    what: str
    seconds: float | None
    value: float | None = None
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def verdict(self) -> str:
        """``met`` or ``missed``; empty when nothing was asked for."""
        if self.value is None or (self.most is None and self.least is None):
            return ""
        high = self.most is not None and self.value > self.most
        low = self.least is not None and self.value < self.least
        return "**missed**" if high or low else "met"

    def cells(self) -> tuple[str, ...]:
        """The line, cell by cell."""
        wanted = ""
        if self.most is not None:
            wanted = f"<= {self.most:g}"
        elif self.least is not None:
            wanted = f">= {self.least:g}"
        return (
            self.postgres,
            self.what,
            "" if self.seconds is None else f"{self.seconds:.3f}",
            "" if self.value is None else f"{self.value:,.2f} {self.unit}",
            wanted,
            self.verdict,
        )


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    head = ("PostgreSQL", "what", "seconds", "ratio", "wanted", "")
    lines = [head, ("---",) * len(head), *(figure.cells() for figure in figures)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes, begun in a quiet moment."""
    await_quiet()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(rounds: int, **shapes: Callable[[], float]) -> dict[str, float]:
    """The median of each shape, measured one after the other, every second round backwards.

    Args:
        rounds: how often each of them is measured.
        shapes: functions that measure once and return seconds.
    """
    taken: dict[str, list[float]] = {name: [] for name in shapes}
    for number in range(rounds):
        names = list(shapes) if number % 2 == 0 else list(shapes)[::-1]
        for name in names:
            taken[name].append(shapes[name]())
            say(f"{name}: {taken[name][-1]:.3f} s")
    return {name: statistics.median(runs) for name, runs in taken.items()}


def await_quiet() -> None:
    """Wait until nobody else uses the machine much, but not for ever; say so when somebody does."""
    give_up_at = time.monotonic() + PATIENCE_S
    while (busy := psutil.cpu_percent(interval=0.2)) > _QUIET_PERCENT:
        if time.monotonic() > give_up_at:
            say(
                f"the machine is {busy:.0f} % busy (load {os.getloadavg()[0]:.1f}): measured anyway"
            )
            return
        time.sleep(0.3)


def say(text: str) -> None:
    """Tell on stderr how far things are; stdout is the table's."""
    print(f"  {text}", file=sys.stderr, flush=True)
