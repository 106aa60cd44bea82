"""What every operation works with: one target, its door, the journal, the clock and the person."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from usersync.backends import Backend
from usersync.config import Extent, Target
from usersync.journal import Journal
from usersync.model import Outcome, RunbookFacts, Step, TargetLine


class Progress(Protocol):
    """Somebody who watches a long run."""

    def begin(self, total: int) -> None:
        """A run of so many rows begins."""

    def advance(self, created: int, failed: int) -> None:
        """So many rows more are done."""

    def end(self) -> None:
        """The run is over, however it ended."""

    def say(self, line: str) -> None:
        """Something takes long: what, and how long."""


class Silence:
    """Nobody watches."""

    def begin(self, total: int) -> None:
        """See `Progress`."""

    def advance(self, created: int, failed: int) -> None:
        """See `Progress`."""

    def end(self) -> None:
        """See `Progress`."""

    def say(self, line: str) -> None:
        """See `Progress`."""


class Narrator(Protocol):
    """Somebody who is told of the steps of a runbook as they happen."""

    def begins(self, line: TargetLine, runbook: RunbookFacts) -> None:
        """The run begins."""

    def step_begins(self, name: str, words: str) -> None:
        """A step begins: its name, and what it does in words."""

    def step_ends(self, step: Step) -> None:
        """A step is over, or was not reached."""


class Untold:
    """Nobody is told."""

    def begins(self, line: TargetLine, runbook: RunbookFacts) -> None:
        """See `Narrator`."""

    def step_begins(self, name: str, words: str) -> None:
        """See `Narrator`."""

    def step_ends(self, step: Step) -> None:
        """See `Narrator`."""


#: Why a question is not put to anybody.
NOBODY_TO_ASK = "nobody can be asked: there is no terminal, or CI is set"


@dataclass(frozen=True, slots=True)
class Session:
    """One run's surroundings; operations get everything from here and from their inputs.

    ``ask`` shows a plan and puts a question to the person at the terminal; None when
    there is no terminal, and in CI.
    """

    target: Target
    backend: Backend
    journal: Journal
    clock: Callable[[], datetime]
    ask: Callable[[str, Outcome], bool] | None = None
    progress: Progress = field(default_factory=Silence)
    narrator: Narrator = field(default_factory=Untold)
    program: str = "invoke"
    task_prefix: str = ""
    """What stands before the names of tasks in somebody's own tasks.py: ``usersync.``."""
    common_options: tuple[str, ...] = ()
    """What was given on this command line and belongs on the next one: ``--target`` and so on."""

    def command(self, task: str, *options: str) -> str:
        """The exact next command for a person to run."""
        words = (self.program, f"{self.task_prefix}{task}", *options, *self.common_options)
        return " ".join(map(_shell_word, words))

    def installing(self, part: Extent, *options: str) -> str:
        """The command that installs what is missing, behind what usersync.yaml must say first.

        Args:
            part: the least of ``install:`` that has it.
            options: further options of the command.
        """
        lacks = self.target.settings.install.lacks(part)
        command = self.command("migration.apply", *options)
        return f"{lacks}; then: {command}" if lacks else command


def _shell_word(text: str) -> str:
    """A word for the shell that a terminal and a log take as it stands, on one line."""
    if text.isprintable() and "::" not in text and "##[" not in text:
        return shlex.quote(text)
    # Inside $'…' the shell reads escapes, so that what must not be sent can be written.
    return "$'" + "".join(map(_escaped, text)) + "'"


def _escaped(character: str) -> str:
    if character.isprintable() and character not in "\\':#":
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
