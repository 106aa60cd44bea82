"""What the verbs of a catalog take and answer: functions, definitions, and how long one waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TriggerFunction:
    """A function behind triggers."""

    name: str
    """As the catalog writes it: ``public.handle_new_user()``."""
    schema: str
    plain_name: str
    owner: str
    replaceable: bool
    """Whether it belongs to us, or to a role whose rights we have."""
    source: str
    definition: str
    triggers: tuple[str, ...]
    """``table: trigger`` of each that calls it."""
    on_users: bool
    on_sign_up: bool
    is_paused: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A transaction of somebody else that holds a lock on ``auth.users``."""

    pid: int
    application: str
    age_s: float

    def words(self) -> str:
        """Who it is and for how long, for people."""
        who = self.application or "an application without a name"
        return f"{who}: its transaction holds auth.users for {self.age_s:.0f} s"


@dataclass(frozen=True, slots=True)
class Definition:
    """One object of a target as the statement that makes it."""

    identity: str
    statement: str


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a scratch copy is made of, in an order that works."""

    made_by: tuple[Definition, ...]
    left_out: tuple[str, ...] = ()
    """What could not be read, one sentence each."""

    def split(self) -> tuple[Definitions, Definitions]:
        """What stands before the first trigger, and the rest."""
        at = next(
            (
                number
                for number, one in enumerate(self.made_by)
                if one.identity.startswith("trigger ")
            ),
            len(self.made_by),
        )
        return Definitions(self.made_by[:at]), Definitions(self.made_by[at:])


@dataclass(slots=True)
class Patience:
    """How long all waits of one run for locks on ``auth.users`` may last together."""

    limit_s: float
    blocked_s: float = 0.0
    """How much of it is used up: sign-ins queued behind us for so long."""

    @property
    def left_s(self) -> float:
        """How much is left."""
        return self.limit_s - self.blocked_s


@dataclass(frozen=True, slots=True)
class Waited:
    """How long a change waited for its lock on ``auth.users``, and what it wrote into files."""

    blocked_s: float = 0.0
    tries: int = 1
    held_s: float = 0.0
    """How long it had the lock: nobody could sign in meanwhile."""
    dumped: Mapping[str, int] = field(default_factory=dict)
    """How many rows of each table went into a file first."""
    kept_in: Path | None = None
    """The file with the definitions that were overwritten; None when no file was needed."""
