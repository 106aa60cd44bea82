"""The door of tasks that need none: it says which target is meant, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, cast, get_args

from usersync.backends import Backend
from usersync.config import Target
from usersync.errors import Refused
from usersync.model import Effect, TargetLine


@dataclass(frozen=True, slots=True)
class Unopened:
    """Nothing was opened; whoever asks it for more than its name is refused."""

    line: TargetLine
    effects: frozenset[Effect] = frozenset(get_args(Effect))
    requests: int | None = None
    user: str = ""
    identity: str = ""
    keeps_journal: bool = False

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
