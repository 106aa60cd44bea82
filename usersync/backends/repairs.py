"""Changes of rows that are there already: what a correction is, and what a door answers of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from usersync.backends.terms import Failure, Table
from usersync.config import ProfileTable
from usersync.model import JournalEvent, ReadOnly, Trigger

Kind = Literal["profiles", "emails", "tokens", "orphans", "parked", "images"]
"""``profiles``: columns of auth data; ``orphans`` are parked, ``parked`` ones put back; ``images``:
old values are put back."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be corrected in one table.

    ``table`` is None for ``auth.users``. ``run_id`` is the run whose changes are taken back, and
    ``columns`` are those that it changed.
    """

    kind: Kind
    table: Table | None = None
    run_id: str = ""
    columns: tuple[str, ...] = ()

    @property
    def settings(self) -> ProfileTable | None:
        """The configuration of its profile table."""
        return self.table.settings if self.table else None

    @property
    def name(self) -> str:
        """Of its table."""
        return self.table.settings.name if self.table else USERS


#: How the before-images call the table of users.
USERS = "auth.users(id)"


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that a correction means."""

    id: str
    created_at: datetime | None
    """When its user signed up."""
    hash: str
    """Stands for the old values and the new ones."""
    blocked: str = ""
    """Why it stays as it is."""
    sqlstate: str = ""
    """Why its new value is none."""
    detail: str = ""

    @property
    def is_possible(self) -> bool:
        """Whether it would be changed."""
        return not self.blocked and not self.sqlstate


@dataclass(frozen=True, slots=True)
class Corrected:
    """What one committed batch did."""

    done: tuple[str, ...]
    moved: tuple[str, ...]
    """Rows that were not any more what the plan saw; they stay as they are."""
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a correction stands on."""

    keeps: bool
    """Whether the target has the tables for old values and for parked profiles."""
    may: bool
    """Whether we have the right to write the rows."""
    triggers: tuple[Trigger, ...]
    facts: Mapping[str, Any]
    read_only: ReadOnly | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """One table that a run changed, of which something can be put back."""

    object: str
    is_parked: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is older than it is kept, and was removed or will be."""

    old_values: int
    """Of rows that are there, and parked profiles that were put back."""
    parked: int
    """Profiles that nobody put back: each is the last copy of its row."""
    next_at: datetime | None = None
    """When the next of these is old enough; None where there is none, or they are kept for good."""

    @property
    def any(self) -> bool:
        """Whether there is something."""
        return bool(self.old_values or self.parked)


class Repairs(Protocol):
    """What only a database connection can do with rows that are there."""

    def ground(self, correction: Correction) -> Ground:
        """Rights, triggers and references of the table, and whether old values can be kept."""

    def rows(self, correction: Correction, ground: Ground) -> tuple[RowChange, ...]:
        """Every row that it means, of one snapshot; writes nothing."""

    def correct(
        self,
        correction: Correction,
        ground: Ground,
        rows: Sequence[RowChange],
        *,
        run_id: str,
        max_failures: int,
        event: JournalEvent | None,
    ) -> Corrected:
        """Change the rows of one batch and commit, old values kept and read back first."""

    def runs(self, beginning: str) -> tuple[str, ...]:
        """The ids that begin so of runs that changed something that can be put back, at most 3."""

    def touched(self, run_id: str) -> tuple[Touched, ...]:
        """What a run changed that can be put back."""

    def due(self, days: int, parked_days: int | None) -> Pruned:
        """What `prune` would remove."""

    def prune(self, days: int, parked_days: int | None, *, event: JournalEvent) -> Pruned:
        """Remove what is older than it is kept, as one transaction.

        Args:
            days: how long old values are kept.
            parked_days: how long profiles are that nobody put back; None for good.
            event: the journal line to commit with it, where something was removed.
        """

    def forget(self, user_id: str) -> int:
        """Remove what is kept of one user; answers how many rows."""
