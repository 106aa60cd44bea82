"""Where the work happens: the few domain verbs that every door to a target answers.

Each call is one transaction. A door that cannot do something raises `Refused` and names the way
that can. Use-cases know this interface and nothing of SQL or HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from usersync.backends.catalog import Catalog
from usersync.config import ProfileTable
from usersync.model import CheckResult, JournalEvent, Status, TargetLine, Trigger, User


@dataclass(frozen=True, slots=True)
class Table:
    """A profile table that was found in the target and fits its configuration."""

    settings: ProfileTable
    column_types: Mapping[str, str]
    """The type of each column, without its length."""
    definition: str
    """Stands for columns, constraints, indexes, triggers and their functions."""
    user_blocks: int
    """Size of ``auth.users`` in heap blocks."""
    users_estimate: int
    """How many rows the planner believes ``auth.users`` to hold; 0 when it does not know."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last user of a page: pages go by sign-up time, users without one first."""

    created_at: datetime | None
    user_id: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the missing users are meant.

    ``newest_at`` leaves out users who signed up later; users without a date, or dated in the
    future, are always in. ``share`` is ``(number, of)``, numbered from 1. ``last`` is the last
    user, in the order of pages, of a plan that was limited in number. ``without`` are users who
    became visible after the plan although they signed up before its newest user did.
    """

    newest_at: datetime | None = None
    share: tuple[int, int] | None = None
    last: Cursor | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """The numbers of a plan, of one snapshot."""

    as_of: datetime
    total: int
    existing: int
    planned: int
    newer: int
    newest_at: datetime | None
    users_digest: int
    values_digest: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """A batch by place: the users in heap blocks ``first`` to before ``end``.

    ``all_missing`` says that nobody had a profile when the plan was made: then nobody is looked up
    first, and whoever has one by now is found by the clash.
    """

    first: int
    end: int
    all_missing: bool = False


@dataclass(frozen=True, slots=True)
class Ids:
    """A batch by name."""

    user_ids: tuple[str, ...]


Batch = Blocks | Ids


@dataclass(frozen=True, slots=True)
class Failure:
    """One profile that could not be made."""

    user_id: str
    sqlstate: str
    condition: str
    """Postgres's own name of the SQLSTATE."""
    subject: str
    """The constraint, column or function that refused it."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one committed batch did."""

    found: int
    """Users without a profile when the batch began."""
    created: int
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """One user that a reference on the command line may mean."""

    user: User
    skip_reason: str
    """Why the predicate leaves this user out; empty for one that needs a profile."""
    has_profile: bool
    role: str | None


@dataclass(frozen=True, slots=True)
class Access:
    """What a door sees before it is asked to do anything, for ``connect.check``."""

    user: str
    server_version: str
    latency_s: float
    sees_users: bool
    problems: tuple[tuple[str, str], ...] = ()
    """What is wrong and what to do about it."""


class Backend(Protocol):
    """One open door to one target."""

    @property
    def catalog(self) -> Catalog:
        """The schema of the target: what the migration reads, changes and proves.

        Raises:
            Refused: this door cannot.
        """

    @property
    def line(self) -> TargetLine:
        """Where this is, as the first line of every output says it."""

    @property
    def user(self) -> str:
        """As whom we are here."""

    @property
    def identity(self) -> str:
        """What tells this database from another, the same through every door and pooler."""

    def access(self, tables: tuple[ProfileTable, ...]) -> Access:
        """Who we are here and what we may do."""

    def table(self, settings: ProfileTable, *, writing: bool) -> Table:
        """Look the table up and hold it against its configuration.

        Raises:
            Refused: it is missing, or does not fit; all faults at once.
            CouldNotTell: row security or missing rights hide ``auth.users`` from us.
        """

    def status(self, table: Table, *, list_users: int) -> tuple[Status, tuple[CheckResult, ...]]:
        """Everything ``status`` says about one table, of one snapshot."""

    def quick_status(self, table: Table) -> Status:
        """The two counts alone."""

    def triggers(self, table: Table) -> tuple[Trigger, ...]:
        """What an insert into the table fires, and how far each reaches."""

    def plan(self, table: Table, selection: Selection) -> PlanCounts:
        """Count and fingerprint the users whose profile is missing."""

    def newest_users(
        self, table: Table, selection: Selection, limit: int
    ) -> tuple[tuple[str, int], ...]:
        """The last to sign up of the selected users, each with its share of the digest."""

    def remaining(self, table: Table, selection: Selection) -> tuple[int, int]:
        """How many of the selected users have no profile still, and how many came after them."""

    def missing_users(
        self,
        table: Table,
        selection: Selection,
        after: Cursor | None,
        limit: int,
        skip: int = 0,
    ) -> tuple[User, ...]:
        """One page of the users whose profile is missing, oldest first, after a cursor."""

    def create(
        self,
        table: Table,
        selection: Selection,
        batch: Batch,
        *,
        max_failures: int,
        role: str | None = None,
        event: JournalEvent | None = None,
    ) -> BatchResult:
        """Create the missing profiles of one batch and commit.

        Args:
            max_failures: failed creations after which the batch ends early.
            role: the role to give instead of the default one.
            event: the journal line to commit with it; its counts are filled in.
        """

    def find_users(self, table: Table, reference: str) -> tuple[Match, ...]:
        """The users, at most three, that an id, the start of one, or an address means."""

    def rehearsal(self, timeout_s: float) -> AbstractContextManager[Self]:
        """A door whose every `create` is a savepoint and whose end rolls everything back."""

    @property
    def most_rehearsed(self) -> int | None:
        """How many profiles a rehearsal can hold, in one batch; None for any number of batches."""

    def rehearsed_rows(self) -> int:
        """How many rows the rehearsal has written so far, in all tables."""

    def another(self) -> Self:
        """A second door to the same target, for a worker of its own."""

    @property
    def keeps_journal(self) -> bool:
        """Whether the target has our journal table."""

    def look_again(self) -> None:
        """Find out anew what the target has of ours: the migration has just changed it."""

    def exclusively(
        self, task: str, wait_s: float, *, for_all: bool = False
    ) -> AbstractContextManager[None]:
        """Be the only run of its kind on this target while the block lasts.

        Args:
            task: what runs, for whoever has to wait.
            wait_s: how long to wait for another run; 0 for not at all.
            for_all: hold it for everything that this door does meanwhile, the steps of a runbook.

        Raises:
            Busy: another run holds the lock; says who and since when.
        """

    def write_journal(self, event: JournalEvent) -> None:
        """Append one line to the target's journal."""

    def read_journal(self, limit: int) -> tuple[JournalEvent, ...]:
        """The last lines of the target's journal, newest first."""

    def forget(self, user_id: str) -> int:
        """Take a user's id out of every line of the target's journal; answers out of how many."""

    def prune(self, days: int) -> int:
        """Remove the lines of the target's journal that are older; answers how many."""

    def digest_used(self, digest: str) -> str | None:
        """The id of the run that a plan was approved for, if there was one."""

    def cancel(self) -> None:
        """End what runs now and try nothing again; safe from another thread."""

    def close(self) -> None:
        """Let go of the door; safe to call twice."""
