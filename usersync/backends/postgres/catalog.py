"""The schema of the target over psycopg; see `usersync.backends.catalog.Catalog`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from usersync.backends.catalog import (
    Ask,
    Definitions,
    Direction,
    Footprint,
    Holder,
    LikelyTable,
    Patience,
    Survey,
    TriggerFunction,
    Waited,
)
from usersync.backends.postgres import (
    canary,
    checkup,
    definitions,
    fingerprint,
    footprint,
    holders,
    ledger,
    likely,
    own_sql,
    pausing,
    rights,
    survey,
)
from usersync.backends.postgres.repairs import PostgresRepairs
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.model import CheckResult, JournalEvent, Paused, Step
from usersync.sql.changes import Change


class PostgresCatalog:
    """What the migration reads, changes and proves in one target.

    Args:
        transactions: those of the door.
        settings: what holds in this target.
    """

    def __init__(self, transactions: Transactions, settings: Settings) -> None:
        self._transactions = transactions
        self._settings = settings

    @property
    def repairs(self) -> PostgresRepairs:
        return PostgresRepairs(self._transactions, self._settings)

    def survey(self, tables: tuple[ProfileTable, ...]) -> Survey:
        return survey.survey(self._transactions, self._settings, tables)

    def likely_tables(self) -> tuple[LikelyTable, ...]:
        return likely.likely_tables(self._transactions)

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
        return ledger.run_change(
            self._transactions,
            self._settings,
            change,
            direction,
            refuse=refuse,
            tables=tables,
            patience=patience,
            event=event,
            keep=keep or {},
            keep_in=keep_in,
            dump_to=dump or {},
        )

    def rehearse(
        self,
        todo: Sequence[tuple[Change, Direction]],
        *,
        refuse: Callable[[Survey], None],
        tables: tuple[ProfileTable, ...],
    ) -> tuple[Waited, tuple[Step, ...]]:
        return ledger.rehearse(
            self._transactions, self._settings, todo, refuse=refuse, tables=tables
        )

    def definitions(self, tables: tuple[ProfileTable, ...]) -> Definitions:
        return definitions.read(self._transactions, self._settings, tables)

    def footprint(self, lines: Sequence[JournalEvent] = ()) -> Footprint:
        return footprint.take(self._transactions, self._settings, lines)

    def fingerprint(self) -> Mapping[str, str]:
        return fingerprint.take(self._transactions)

    def difference(self, before: Mapping[str, str]) -> tuple[str, ...]:
        return fingerprint.difference(before, self.fingerprint())

    def statements(self, change: Change, direction: Direction) -> str:
        return ledger.transaction(self._settings, change, direction)

    def file(self, change: Change, direction: Direction) -> str:
        return ledger.file(self._settings, change, direction)

    def silence(self, function: str) -> None:
        ledger.silence(self._transactions, self._settings, function)

    def silencing(self, function: str) -> str:
        return ledger.silencing(function)

    def pushed(self, since: datetime, limit: int = 10) -> tuple[str, ...]:
        return survey.pushed(self._transactions, since, limit)

    def checks(
        self, tables: tuple[ProfileTable, ...], wanted: Collection[str] | None = None
    ) -> tuple[CheckResult, ...]:
        return checkup.run(self._transactions, self._settings, tables, wanted)

    def verify(self, changes: Sequence[Change]) -> tuple[CheckResult, ...]:
        return checkup.verify(self._transactions, self._settings, changes)

    def ask(
        self, name: str, header: Mapping[str, str], text: str, values: Mapping[str, Any]
    ) -> CheckResult:
        return own_sql.ask(self._transactions, self._settings, name, header, text, values)

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
        return own_sql.change(
            self._transactions,
            self._settings,
            text,
            values,
            max_rows=max_rows,
            verify=verify,
            event=event,
            keep=keep,
        )

    def grant(self, table: ProfileTable, *, event: JournalEvent, keep: bool) -> dict[str, int]:
        return rights.grant(self._transactions, self._settings, table, event=event, keep=keep)

    def trigger_functions(self) -> tuple[TriggerFunction, ...]:
        return pausing.functions(self._transactions)

    def paused(self, tables: tuple[ProfileTable, ...]) -> tuple[Paused, ...]:
        return pausing.paused(self._transactions, self._settings, tables)

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
        return pausing.pause(
            self._transactions,
            self._settings,
            function,
            since=since,
            by=by,
            reason=reason,
            event=event,
            keep=keep,
        )

    def saved(self, function: TriggerFunction) -> str | None:
        return pausing.saved(self._transactions, self._settings, function)

    def resume(
        self,
        function: TriggerFunction,
        tables: tuple[ProfileTable, ...],
        *,
        allow: Collection[str],
        event: JournalEvent,
        keep: bool = True,
    ) -> tuple[Step, ...]:
        return pausing.resume(
            self._transactions,
            self._settings,
            tables,
            function,
            allow=allow,
            event=event,
            keep=keep,
        )

    def holders(self) -> tuple[Holder, ...]:
        return holders.holders(self._transactions)

    def end(self, pid: int) -> bool | None:
        return holders.end(self._transactions, pid)

    def canary(
        self, tables: tuple[ProfileTable, ...], allow: Collection[str] | None
    ) -> tuple[Step, ...]:
        return canary.run(self._transactions, self._settings, tables, allow)
