"""Changes of rows that are there already, over psycopg; see `usersync.backends.repairs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from psycopg import sql

from usersync.backends import Failure
from usersync.backends.postgres import journal
from usersync.backends.postgres.failures import condition_name
from usersync.backends.postgres.reach import triggers_of
from usersync.backends.postgres.rows import RowCursor, fetch_all, run_procedure
from usersync.backends.postgres.transactions import Transactions
from usersync.backends.repairs import Corrected, Correction, Ground, Pruned, RowChange, Touched
from usersync.config import Settings
from usersync.model import JournalEvent
from usersync.sql import compose, corrections, load, repairs
from usersync.sql.names import Event, Names, event, ours
from usersync.sql.profiles import email_column, table_name

#: What each kind does to a row.
_EVENTS: Mapping[str, Event] = {"orphans": "delete", "parked": "insert"}


class PostgresRepairs:
    """The corrections of one target.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
    """

    def __init__(self, transactions: Transactions, settings: Settings) -> None:
        self._transactions = transactions
        self._settings = settings

    def ground(self, correction: Correction) -> Ground:
        kind = _EVENTS.get(correction.kind, "update")
        relation = _relation(correction)
        named = ours(self._settings) | {"relation_text": sql.Literal(relation)}
        fired = event(kind, _written(correction)) | {"profiles_text": sql.Literal(relation)}

        def work(cursor: RowCursor) -> Ground:
            (row,) = fetch_all(cursor, compose(load("queries/repair_facts"), named))
            facts = row["facts"]
            may = facts["may_delete"] if kind == "delete" else facts["may_update"]
            return Ground(
                keeps=facts["keeps"],
                may=may,
                triggers=triggers_of(cursor, fired),
                facts=facts,
                read_only=facts["read_only"],
            )

        return self._transactions.read(work)

    def rows(self, correction: Correction, ground: Ground) -> tuple[RowChange, ...]:
        body = compose(load("queries/repair_plan"), self._names(correction, ground))
        output = self._transactions.read(lambda cursor: run_procedure(cursor, body, {}))
        return tuple(_row(*fields) for fields in output["rows"])

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
        body = compose(load("queries/repair_batch"), self._names(correction, ground))
        arguments = {
            "run_id": run_id,
            "rows": [[row.id, row.hash] for row in rows],
            "types": dict(_types(correction)),
            "max_failures": max_failures,
        }

        def work(cursor: RowCursor) -> Corrected:
            result = _corrected(run_procedure(cursor, body, arguments))
            if event is not None:
                journal.write(cursor, self._settings, replace(event, counts=counts(result)))
            return result

        return self._transactions.write(work)

    def runs(self, beginning: str) -> tuple[str, ...]:
        named = ours(self._settings) | {"beginning": sql.Literal(beginning)}
        query = compose(load("queries/repair_runs"), named)
        rows = self._transactions.read(lambda cursor: fetch_all(cursor, query))
        return tuple(row["run_id"] for row in rows)

    def touched(self, run_id: str) -> tuple[Touched, ...]:
        named = ours(self._settings) | {"run_id": sql.Literal(run_id)}
        query = compose(load("queries/repair_images"), named)
        rows = self._transactions.read(lambda cursor: fetch_all(cursor, query))
        return tuple(
            Touched(row["object"], row["is_parked"], tuple(row["columns"])) for row in rows
        )

    def due(self, days: int, parked_days: int | None) -> Pruned:
        query = self._aged("queries/repair_due", days, parked_days)
        rows = self._transactions.read(lambda cursor: fetch_all(cursor, query))
        return Pruned(**rows[0])

    def prune(self, days: int, parked_days: int | None, *, event: JournalEvent) -> Pruned:
        statement = self._aged("queries/repair_prune", days, parked_days)

        def work(cursor: RowCursor) -> Pruned:
            gone = Pruned(**fetch_all(cursor, statement)[0])
            if gone.any:
                counted = {"old values removed": gone.old_values, "parked removed": gone.parked}
                journal.write(cursor, self._settings, replace(event, counts=counted))
            return gone

        return self._transactions.write(work)

    def _aged(self, query: str, days: int, parked_days: int | None) -> sql.Composed:
        aged = {"days": sql.Literal(days), "parked_days": sql.Literal(parked_days)}
        return compose(load(query), ours(self._settings) | aged)

    def forget(self, user_id: str) -> int:
        named = ours(self._settings) | {"user_id": sql.Literal(user_id)}
        statement = compose(load("queries/repair_forget"), named)
        rows = self._transactions.write(lambda cursor: fetch_all(cursor, statement))
        return cast("int", rows[0]["removed"])

    def _names(self, correction: Correction, ground: Ground) -> Names:
        return repairs.names(
            self._settings,
            correction.kind,
            correction.settings,
            object_name=correction.name,
            column_types=_types(correction),
            facts=ground.facts,
            run_id=correction.run_id,
            columns=correction.columns,
        )


def counts(result: Corrected) -> dict[str, int]:
    """What a batch did, for the journal."""
    return {
        "changed": len(result.done),
        "moved": len(result.moved),
        "failed": len(result.failures),
    }


def _relation(correction: Correction) -> str:
    if correction.settings is None:
        return "auth.users"
    return table_name(correction.settings).as_string()


def _written(correction: Correction) -> Sequence[str] | None:
    """The columns that an update may write; None where it is none."""
    table = correction.settings
    if correction.kind == "tokens":
        return corrections.TOKENS
    if correction.kind == "images":
        return correction.columns
    if table is None or correction.kind in _EVENTS:
        return None
    if correction.kind == "emails":
        return [column for column in [email_column(table)] if column]
    return list(corrections.auth_sources(table))


def _types(correction: Correction) -> Mapping[str, str]:
    if correction.table is not None:
        return correction.table.column_types
    return dict.fromkeys(corrections.TOKENS, "text")


def _row(
    row_id: str,
    created_at: str | None,
    hash_: str,
    blocked: str | None,
    sqlstate: str | None,
    detail: str | None,
) -> RowChange:
    moment = _moment(created_at)
    return RowChange(row_id, moment, hash_, blocked or "", sqlstate or "", detail or "")


def _moment(text: str | None) -> datetime | None:
    """None also for what no date of Python is: ``infinity``, the year 10000."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _corrected(output: Mapping[str, Any]) -> Corrected:
    return Corrected(
        done=tuple(output["done"]),
        moved=tuple(output["moved"]),
        failures=tuple(
            Failure(one["id"], one["sqlstate"], condition_name(one["sqlstate"]), one["subject"])
            for one in output["failures"]
        ),
    )
