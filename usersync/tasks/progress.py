"""Who watches a long run: a bar on a terminal, plain lines in CI, nobody with ``--json``."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from usersync.session import Progress, Silence

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

#: Plain lines come no faster than this.
_LINE_EVERY_S = 5.0


def progress(*, quiet: bool) -> Progress:
    """Whoever suits the place where standard error goes."""
    if quiet:
        return Silence()
    return Bar() if sys.stderr.isatty() else Lines()


class Bar:
    """A bar on the terminal, gone when the run is over."""

    def __init__(self) -> None:
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None

    def begin(self, total: int) -> None:
        """See `usersync.session.Progress`."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            TextColumn("profiles"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._rich.add_task("profiles", total=total)
        self._rich.start()

    def advance(self, created: int, failed: int) -> None:
        """See `usersync.session.Progress`."""
        if self._rich is not None and self._task is not None:
            self._rich.advance(self._task, created + failed)

    def end(self) -> None:
        """See `usersync.session.Progress`."""
        if self._rich is not None:
            self._rich.stop()

    def say(self, line: str) -> None:
        """See `usersync.session.Progress`."""
        print(line, file=sys.stderr, flush=True)


class Lines:
    """A line every few seconds, for logs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._created = self._failed = 0
        self._next_line_at = 0.0

    def begin(self, total: int) -> None:
        """See `usersync.session.Progress`."""
        self._total = total
        self._next_line_at = time.monotonic() + _LINE_EVERY_S

    def advance(self, created: int, failed: int) -> None:
        """See `usersync.session.Progress`."""
        with self._lock:
            self._created += created
            self._failed += failed
            if time.monotonic() >= self._next_line_at:
                self._next_line_at = time.monotonic() + _LINE_EVERY_S
                print(
                    f"{self._created:,} of {self._total:,} created, {self._failed:,} failed",
                    file=sys.stderr,
                    flush=True,
                )

    def end(self) -> None:
        """See `usersync.session.Progress`."""

    def say(self, line: str) -> None:
        """See `usersync.session.Progress`."""
        print(line, file=sys.stderr, flush=True)
