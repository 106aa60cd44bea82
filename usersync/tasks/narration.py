"""The steps of a runbook, told as they happen: on a terminal, in a GitHub log, or into a file."""

from __future__ import annotations

import contextlib
import sys

from usersync.model import RunbookFacts, Step, TargetLine

#: Clears the line that said what is being done.
_CLEAR = "\r\x1b[2K"


class Telling:
    """Prints each step on standard output.

    Args:
        show_ids: whole user ids instead of their first eight characters.
        grouped: fold what stands below a step, as GitHub's log does.
    """

    def __init__(self, *, show_ids: bool, grouped: bool) -> None:
        self._show_ids = show_ids
        self._grouped = grouped
        self._live = sys.stdout.isatty()
        self.has_begun = False

    def begins(self, line: TargetLine, runbook: RunbookFacts) -> None:
        """See `usersync.session.Narrator`."""
        from usersync import report

        self.has_begun = True
        self._print(report.beginning(line, runbook, show_ids=self._show_ids))

    def step_begins(self, name: str, words: str) -> None:
        """See `usersync.session.Narrator`."""
        if self._live:
            self._print(f"... {name}: {' '.join(words.split())[:60]}")

    def step_ends(self, step: Step) -> None:
        """See `usersync.session.Narrator`."""
        from usersync import report

        text = report.step(step, show_ids=self._show_ids)
        first, _, rest = text.partition("\n")
        if self._grouped and rest:
            self._print(f"::group::{first}\n{rest}::endgroup::\n")
        else:
            self._print(text)

    def _print(self, text: str) -> None:
        # Whoever watched may have gone; the run goes on.
        with contextlib.suppress(OSError):
            print(f"{_CLEAR if self._live else ''}{text}", end="", flush=True)
