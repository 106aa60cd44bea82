"""The schema of a target: the verbs that the migration is made of.

Each call is one transaction unless it says otherwise. Only a database connection has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from usersync.backends.footprint import Footprint
from usersync.backends.likely import ActingTrigger, LikelyTable
from usersync.backends.objects import (
    Definition,
    Definitions,
    Holder,
    Patience,
    TriggerFunction,
    Waited,
)
from usersync.backends.repairs import Repairs
from usersync.backends.survey import FunctionNow, LedgerEntry, Survey, UserTrigger
from usersync.config import ProfileTable
from usersync.model import CheckResult, JournalEvent, Paused, Step
from usersync.sql.changes import Change

Direction = Literal["apply", "revert"]

#: Runs a check of somebody's own: its name, the head of its file, its query, what is bound to it.
Ask = Callable[[str, Mapping[str, str], str, Mapping[str, Any]], CheckResult]


class Catalog(Protocol):
    """The schema of one target."""

    @property
    def repairs(self) -> Repairs:
        """Changes of rows that are there already, with their old values kept."""

    def survey(self, tables: tuple[ProfileTable, ...]) -> Survey:
        """What is installed, whose the triggers on ``auth.users`` are, what is paused."""

    def likely_tables(self) -> tuple[LikelyTable, ...]:
        """The tables that may hold one row per user, the likeliest first."""

    def run_change(
        self,
        change: Change,
        direction: Direction,
        *,
        refuse: Callable[[Survey], None],
        tables: tuple[ProfileTable, ...],
        patience: Patience,
        event: JournalEvent | None = None,
        keep: Mapping[str, str] | None = None,
        keep_in: Path | None = None,
        dump: Mapping[str, Path] | None = None,
    ) -> Waited:
        """Apply or revert one change as one transaction: its statements, the ledger, its check.

        Args:
            change: rendered; for revert, with the text that the ledger keeps.
            direction: which of its statements to run.
            refuse: looks at what is there under the lock, and raises when it must not go on.
            tables: the profile tables.
            patience: what the run has left for waits; what this change waits is taken off.
            event: the journal line to commit with it, where there is a journal then.
            keep: definitions that it overwrites or drops, by identity, to be kept as before-images.
            keep_in: the file that takes them where the target has no table for that.
            dump: tables that it drops, each with the file that takes its rows first.

        Raises:
            CouldNotTell: the lock was not to be had; nothing was done.
            StepFailed: it failed and was undone.
        """

    def rehearse(
        self,
        todo: Sequence[tuple[Change, Direction]],
        *,
        refuse: Callable[[Survey], None],
        tables: tuple[ProfileTable, ...],
    ) -> tuple[Waited, tuple[Step, ...]]:
        """Run changes and the canary in one transaction, and roll everything back."""

    def definitions(self, tables: tuple[ProfileTable, ...]) -> Definitions:
        """What a scratch copy is made of; no row is read."""

    def footprint(self, lines: Sequence[JournalEvent] = ()) -> Footprint:
        """Everything of ours that is there, and what of others stands on it.

        Args:
            lines: of a journal that is not the target's own, for the rights that it tells of.
        """

    def fingerprint(self) -> Mapping[str, str]:
        """Everything in the database that a migration might change, by identity."""

    def difference(self, before: Mapping[str, str]) -> tuple[str, ...]:
        """What has changed since a fingerprint was taken, a line each."""

    def statements(self, change: Change, direction: Direction) -> str:
        """Exactly what `run_change` runs, the journal line left out."""

    def file(self, change: Change, direction: Direction) -> str:
        """The same for what runs a file as one transaction: the Supabase CLI, ``psql -1``."""

    def silence(self, function: str) -> None:
        """Give a trigger function a body that does nothing; takes no lock on any table."""

    def silencing(self, function: str) -> str:
        """The statement of `silence`."""

    def pushed(self, since: datetime, limit: int = 10) -> tuple[str, ...]:
        """The migrations of the Supabase CLI since then; none where it keeps no history."""

    def checks(
        self, tables: tuple[ProfileTable, ...], wanted: Collection[str] | None = None
    ) -> tuple[CheckResult, ...]:
        """Run the checks of ``migration.verify``, all or those of these names."""

    def verify(self, changes: Sequence[Change]) -> tuple[CheckResult, ...]:
        """Run the checks of changes that were applied."""

    def ask(
        self, name: str, header: Mapping[str, str], text: str, values: Mapping[str, Any]
    ) -> CheckResult:
        """Run a check of somebody's own in a READ ONLY transaction.

        Args:
            name: what its findings are called by.
            header: the head of its file.
            text: one query; its columns are ``subject`` and ``detail``.
            values: what is bound to ``%(name)s`` in it.
        """

    def alter(
        self,
        text: str,
        values: Mapping[str, Any],
        *,
        max_rows: int,
        verify: Callable[[Ask], bool],
        event: JournalEvent | None,
        keep: bool,
    ) -> int:
        """Run statements of somebody's own as one transaction; answers how many rows it wrote.

        Args:
            text: the statements; one when there are values.
            values: what is bound to ``%(name)s`` in it.
            max_rows: more rows than this undo it.
            verify: looks, in the transaction, whether it did what it should.
            event: the journal line to commit with it, where there is a journal.
            keep: whether to commit; otherwise everything is rolled back.

        Raises:
            StepFailed: it failed, wrote too many rows or did not verify; it was undone.
        """

    def grant(self, table: ProfileTable, *, event: JournalEvent, keep: bool) -> dict[str, int]:
        """Give the rights on a profile table that a sync and the API need, as one transaction.

        Args:
            table: the profile table.
            event: the journal line to commit with it; what was lacking is filled in.
            keep: whether to commit; otherwise everything is rolled back.

        Returns:
            What its line of the journal counts.

        Raises:
            StepFailed: some are lacking all the same; nothing was given.
        """

    def holders(self) -> tuple[Holder, ...]:
        """Whose transactions hold a lock on ``auth.users`` for longer than a second."""

    def end(self, pid: int) -> bool | None:
        """End such a session; None when it holds no lock there any more."""

    def canary(
        self, tables: tuple[ProfileTable, ...], allow: Collection[str] | None
    ) -> tuple[Step, ...]:
        """Sign up, change and delete users as GoTrue does, and roll everything back.

        Args:
            tables: the profile tables.
            allow: functions that may fire although ROLLBACK would not undo what they do; None for
                all, in a database that is thrown away.

        Raises:
            Refused: ROLLBACK would not undo what a trigger does, and it was not allowed.
        """

    def trigger_functions(self) -> tuple[TriggerFunction, ...]:
        """Every function that a trigger on ``auth.users`` calls, and those paused anywhere."""

    def paused(self, tables: tuple[ProfileTable, ...]) -> tuple[Paused, ...]:
        """What is paused, since when, by whom, and who signed up without a profile meanwhile."""

    def pause(
        self,
        function: TriggerFunction,
        *,
        since: datetime,
        by: str,
        reason: str,
        event: JournalEvent,
        keep: bool = True,
    ) -> Paused:
        """Replace the body of a trigger function by one that does nothing; locks no table.

        Args:
            function: as `trigger_functions` found it.
            since: now.
            by: who does it.
            reason: why; may be empty.
            event: the journal line to commit with it, where there is a journal.
            keep: whether to commit; otherwise everything is rolled back.

        Raises:
            Refused: it could not be put back, or is not what it was; nothing was done.
        """

    def saved(self, function: TriggerFunction) -> str | None:
        """What the target keeps of a function that was paused and never resumed."""

    def resume(
        self,
        function: TriggerFunction,
        tables: tuple[ProfileTable, ...],
        *,
        allow: Collection[str],
        event: JournalEvent,
        keep: bool = True,
    ) -> tuple[Step, ...]:
        """Put the saved definition back, byte for byte, when the canary passes with it.

        Args:
            function: which is paused.
            tables: the profile tables.
            allow: functions that may run although ROLLBACK would not undo what they do.
            event: the journal line to commit with it, where there is a journal.
            keep: whether to commit; otherwise everything is rolled back.

        Returns:
            The steps of the canary; when one failed, the function is still paused.
        """


__all__ = [
    "ActingTrigger",
    "Ask",
    "Catalog",
    "Definition",
    "Definitions",
    "Direction",
    "Footprint",
    "FunctionNow",
    "Holder",
    "LedgerEntry",
    "LikelyTable",
    "Patience",
    "Survey",
    "TriggerFunction",
    "UserTrigger",
    "Waited",
]
