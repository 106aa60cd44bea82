"""Where the work happens: the few domain verbs that every door to a target answers.

Each call is one transaction. A door that cannot do something raises `Refused` and names the way
that can. Use-cases know this interface and nothing of SQL or HTTP.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, Self

from usersync.backends.catalog import Catalog
from usersync.backends.terms import (
    Access,
    Account,
    Batch,
    BatchResult,
    Blocks,
    Cursor,
    Failure,
    Ids,
    Match,
    Numbers,
    OwnFunction,
    PlanCounts,
    Recorded,
    Selection,
    Table,
    Wish,
)
from usersync.config import ProfileTable
from usersync.model import (
    CheckResult,
    Effect,
    JournalEvent,
    Status,
    TargetLine,
    Trigger,
    User,
)


class Backend(Protocol):
    """One open door to one target."""

    @property
    def catalog(self) -> Catalog:
        """The schema of the target: what the migration reads, changes and proves.

        Raises:
            Refused: this door cannot.
        """

    def refuse(self, effect: Effect, task: str) -> None:
        """Raise, before anything is done, when this door carries no such operations out.

        Args:
            effect: what the operation may change.
            task: what was asked for.

        Raises:
            UsersyncError: it does not; names the ways that can.
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

    @property
    def remarks(self) -> tuple[str, ...]:
        """What this door could not see or do, a line each, for the end of every output."""

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

    def plan(self, table: Table, selection: Selection, *, listed: int = 0) -> PlanCounts:
        """Count and fingerprint the users whose profile is missing, of one snapshot.

        Args:
            listed: name the users when there are no more than so many.
        """

    def wishes(self, table: Table, selection: Selection, spare: int) -> tuple[Wish, ...]:
        """The texts that several users of a plan want in a column with ``unique: suffix``, or that
        a profile has.

        Args:
            spare: how many more free numbers to tell than users want the text.
        """

    def touched_users(
        self, table: Table, selection: Selection, limit: int
    ) -> tuple[tuple[str, int], ...]:
        """Of the last selected users to sign up those who were added or changed last, each with
        its share of the digest.
        """

    def remaining(self, table: Table, selection: Selection) -> tuple[int, int]:
        """How many of the selected users have no profile still, and how many came after them."""

    def profiles_there(self, table: Table, selection: Selection) -> int:
        """How many users of the selection's time and share have a profile, planned or not."""

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
        numbers: Numbers | None = None,
    ) -> BatchResult:
        """Create the missing profiles of one batch and commit.

        Args:
            max_failures: failed creations after which the batch ends early.
            role: the role to give instead of the default one.
            event: the journal line to commit with it; its counts are filled in.
            numbers: those behind the values of columns with ``unique: suffix``, as planned; when
                not given each user gets the first that is free.
        """

    def find_users(self, table: Table, reference: str) -> tuple[Match, ...]:
        """The users, at most three, that an id, the start of one, or an address means."""

    def account(self, table: Table, user_id: str, flags: tuple[str, ...]) -> Account | None:
        """How a user's account stands; None when the user is gone.

        Args:
            flags: columns of the profile to read.
        """

    def left_behind(self, table: Table, user_id: str) -> bool:
        """Whether there is a profile of a user who is gone."""

    def rehearsal(self, timeout_s: float) -> AbstractContextManager[Self]:
        """A door whose every `create` is a savepoint and whose end rolls everything back."""

    @property
    def most_rehearsed(self) -> int | None:
        """How many profiles a rehearsal can hold, in one batch; None for any number of batches.

        0 for a door that cannot rehearse.
        """

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


__all__ = [
    "Access",
    "Account",
    "Backend",
    "Batch",
    "BatchResult",
    "Blocks",
    "Catalog",
    "Cursor",
    "Failure",
    "Ids",
    "Match",
    "Numbers",
    "OwnFunction",
    "PlanCounts",
    "Recorded",
    "Selection",
    "Table",
    "Wish",
]
