"""The door of tasks that need none: it says which target is meant, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, cast

from usersync.backends import Backend
from usersync.config import Target
from usersync.errors import Refused
from usersync.model import Effect, TargetLine


@dataclass(frozen=True, slots=True)
class Unopened:
    """Nothing was opened; whoever asks it for more than its name is refused."""

    line: TargetLine
    remarks: tuple[str, ...] = ()
    user: str = ""
    identity: str = ""
    keeps_journal: bool = False

    def refuse(self, effect: Effect, task: str) -> None:
        """Whatever asks for no door has none that could refuse it."""

    def cancel(self) -> None:
        """There is nothing to end."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def __getattr__(self, name: str) -> NoReturn:
        # Only what is not above comes here.
        raise Refused(f"this task opens no connection, and {name} needs one")


def unopened(target: Target) -> Backend:
    """A door that leads nowhere, for what only needs the configuration of a target."""
    line = TargetLine(target.name, target.environment, "", "no connection")
    return cast(Backend, Unopened(line))
