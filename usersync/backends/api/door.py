"""The second door: every domain verb as one call of a function that the migration installed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Self, cast

from usersync.backends import (
    Access,
    Batch,
    BatchResult,
    Blocks,
    Cursor,
    Match,
    PlanCounts,
    Selection,
    Table,
    answers,
    inspection,
    status,
)
from usersync.backends.api.catalog import ApiCatalog
from usersync.backends.api.client import Caller, natural
from usersync.backends.api.code import App
from usersync.backends.catalog import Catalog
from usersync.config import ProfileTable, Target
from usersync.errors import Refused
from usersync.model import CheckResult, JournalEvent, Status, TargetLine, Trigger, User
from usersync.sql import changes, users
from usersync.triggers import TriggerSource, judge

#: What the server should not have to send at once.
_PAGE_ROWS = 10_000


class ApiDoor:
    """The API of one target; see `usersync.backends.Backend` for what each verb means.

    Args:
        target: where to call and the settings that hold there.
    """

    def __init__(self, target: Target) -> None:
        assert target.api is not None
        self._target = target
        self._settings = target.settings
        configuration = changes.configuration(target.settings, target.profiles)
        self._caller = Caller(target.api, target.settings, configuration)
        self._rehearsing = False
        self._rehearsed_rows = 0
        self.look_again()

    # -- where we are ------------------------------------------------------------------------

    @property
    def line(self) -> TargetLine:
        return TargetLine(
            name=self._target.name,
            environment=self._target.environment,
            host=self._caller.address.host,
            door=f"API with a {self._caller.key.kind}, as {self.user}",
        )

    @property
    def identity(self) -> str:
        return f"{self._caller.address.project_ref or self._caller.address.host}/postgres"

    def look_again(self) -> None:
        started = time.perf_counter()
        (facts,) = self._caller.rows("usersync_access")
        self._latency_s = time.perf_counter() - started
        self.user: str = facts["current_user"]
        self._server_version: str = facts["server_version"]
        self.keeps_journal: bool = facts["journal"]

    def access(self, tables: tuple[ProfileTable, ...]) -> Access:
        problems: list[tuple[str, str]] = []
        sees_users = True
        for table in tables:
            facts = self._facts(table)
            found = inspection.problems(facts, table, self.user, writing=True)
            problems += [(problem.message, problem.next_step) for problem in found]
            sees_users = sees_users and inspection.sees_users(facts)
        unique = tuple(dict.fromkeys(problems))
        return Access(self.user, self._server_version, self._latency_s, sees_users, unique)

    def table(self, settings: ProfileTable, *, writing: bool) -> Table:
        facts = self._facts(settings)
        inspection.refuse(inspection.problems(facts, settings, self.user, writing=writing))
        return inspection.table(facts, settings)

    @property
    def catalog(self) -> Catalog:
        return cast("Catalog", ApiCatalog(self._caller, self._settings))

    # -- reading -----------------------------------------------------------------------------

    def status(self, table: Table, *, list_users: int) -> tuple[Status, tuple[CheckResult, ...]]:
        answer = self._caller.call("usersync_status", table=table.settings.name)
        rows = [natural(row) for row in answer["rows"]]
        as_of = datetime.fromisoformat(answer["as_of"])
        counts = status.status(rows, as_of, users.skip_reasons(self._settings.users))
        if counts.missing:
            detail = status.missing(self._rows("usersync_missing", table), as_of)
            if list_users:
                listed = self.missing_users(table, Selection(), None, list_users)
                detail = replace(detail, users=listed)
            counts = replace(counts, missing_detail=detail)
        return counts, self.catalog.checks((table.settings,), status.checks(counts))

    def quick_status(self, table: Table) -> Status:
        (row,) = self._rows("usersync_status_quick", table)
        return Status(as_of=row["as_of"], total=row["total"], existing=row["existing"])

    def triggers(self, table: Table) -> tuple[Trigger, ...]:
        fired = self._rows("usersync_triggers", table)
        if not fired:
            return ()
        foreign = self._rows("usersync_foreign_tables", table)
        app = App(self._caller)
        own = [row["function_oid"] for row in fired if row["function_oid"] is not None]
        by_oid = {function.oid: function for function in app.functions(own)}
        return judge(
            [
                TriggerSource(row["name"], by_oid.get(row["function_oid"]), row["condition"] or "")
                for row in fired
            ],
            app.look_up,
            [row["name"] for row in foreign],
        )

    def plan(self, table: Table, selection: Selection) -> PlanCounts:
        (row,) = self._rows("usersync_plan", table, **_selected(selection))
        return PlanCounts(**row)

    def newest_users(
        self, table: Table, selection: Selection, limit: int
    ) -> tuple[tuple[str, int], ...]:
        rows = self._rows("usersync_newest_users", table, **_selected(selection), limit=limit)
        return tuple((row["id"], row["users_digest"]) for row in rows)

    def remaining(self, table: Table, selection: Selection) -> tuple[int, int]:
        (row,) = self._rows("usersync_remaining", table, **_selected(selection))
        return row["remaining"], row["newer"]

    def missing_users(
        self,
        table: Table,
        selection: Selection,
        after: Cursor | None,
        limit: int,
        skip: int = 0,
    ) -> tuple[User, ...]:
        found: list[User] = []
        while len(found) < limit:
            wanted = min(limit - len(found), _PAGE_ROWS)
            rows = self._rows(
                "usersync_missing_users",
                table,
                **_selected(selection),
                after_id=after.user_id if after else None,
                after_created_at=after.created_at if after else None,
                limit=wanted,
                skip=skip,
            )
            found += [answers.user(row) for row in rows]
            if len(rows) < wanted:
                break
            after, skip = Cursor(found[-1].created_at, found[-1].id), 0
        return tuple(found)

    def find_users(self, table: Table, reference: str) -> tuple[Match, ...]:
        if "@" in reference:
            meant = {"email": reference}
        else:
            digits = reference.replace("-", "")
            meant = {"first_id": digits.ljust(32, "0"), "last_id": digits.ljust(32, "f")}
        rows = self._rows("usersync_find_users", table, **meant)
        return tuple(answers.match(row) for row in rows)

    # -- writing -----------------------------------------------------------------------------

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
        given: dict[str, Any] = _selected(selection) | {
            "table": table.settings.name,
            "max_failures": max_failures,
            "role": role,
            "rehearse": self._rehearsing or None,
        }
        if event is not None and self.keeps_journal:
            given["event"] = _line(event)
        if isinstance(batch, Blocks):
            given |= {
                "first_block": batch.first,
                "end_block": batch.end,
                "all_missing": batch.all_missing or None,
            }
            output = self._caller.call("usersync_create_blocks", **given)
        else:
            given["user_ids"] = list(batch.user_ids)
            output = self._caller.call("usersync_create", **given)
        self._rehearsed_rows += output.get("rows_written", 0)
        return answers.batch_result(output)

    @contextlib.contextmanager
    def rehearsal(self, timeout_s: float) -> Iterator[Self]:  # noqa: ARG002 - the functions have one
        self._rehearsing, self._rehearsed_rows = True, 0
        try:
            yield self
        finally:
            self._rehearsing = False

    most_rehearsed: int | None = _PAGE_ROWS

    def rehearsed_rows(self) -> int:
        return self._rehearsed_rows

    @contextlib.contextmanager
    def exclusively(self, task: str, *_: float, for_all: bool = False) -> Iterator[None]:
        if task or for_all:
            raise _only_over_a_connection(f"{task}, which must be the only run of its kind,")
        yield

    # -- the journal -------------------------------------------------------------------------

    def forget(self, user_id: str) -> int:  # noqa: ARG002
        raise _only_over_a_connection("journal.forget")

    def prune(self, days: int) -> int:  # noqa: ARG002
        return 0  # the next run over a connection does it

    def write_journal(self, event: JournalEvent) -> None:
        self._caller.call("usersync_journal_append", event=_line(event))

    def read_journal(self, limit: int) -> tuple[JournalEvent, ...]:
        rows = self._caller.rows("usersync_journal", limit=limit)
        return tuple(answers.journal_line(row) for row in rows)

    def digest_used(self, digest: str) -> str | None:
        rows = self._caller.rows("usersync_journal_digest", digest=digest)
        return str(rows[0]["run_id"]) if rows else None

    # -- the door itself ---------------------------------------------------------------------

    def another(self) -> Self:
        return type(self)(self._target)

    def cancel(self) -> None:
        self._caller.cancel()

    def close(self) -> None:
        self._caller.close()

    def _facts(self, settings: ProfileTable) -> Mapping[str, Any]:
        (row,) = self._caller.rows("usersync_table", table=settings.name)
        facts: Mapping[str, Any] = row["facts"]
        return facts

    def _rows(self, function: str, table: Table, **given: Any) -> list[dict[str, Any]]:
        return self._caller.rows(function, table=table.settings.name, **given)


def _selected(selection: Selection) -> dict[str, Any]:
    """Which users are meant, as the functions take it."""
    last = selection.last
    return {
        "newest_at": selection.newest_at,
        "share": list(selection.share) if selection.share else None,
        "last_id": last.user_id if last else None,
        "last_created_at": last.created_at if last else None,
        "without": list(selection.without) or None,
    }


def _line(event: JournalEvent) -> dict[str, Any]:
    """A line of the journal as JSON."""
    line = asdict(event)
    return line | {"at": event.at.isoformat(), "user_ids": list(event.user_ids)}


def _only_over_a_connection(what: str) -> Refused:
    return Refused(
        f"{what} needs a database connection, and this target is reached over its API",
        "set SUPABASE_DB_URL to the connection string of the session pooler (Connect, in the"
        " dashboard)",
    )
