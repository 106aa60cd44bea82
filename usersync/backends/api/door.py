"""The second door: every domain verb as one call of a function that the migration installed."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Self, cast

from usersync.backends import (
    Access,
    Account,
    Batch,
    BatchResult,
    Blocks,
    Cursor,
    Match,
    Numbers,
    PlanCounts,
    Selection,
    Table,
    Wish,
    access,
    answers,
    inspection,
    status,
)
from usersync.backends.api import given, keys
from usersync.backends.api.account import account
from usersync.backends.api.admin import Admin
from usersync.backends.api.batches import Batches
from usersync.backends.api.catalog import ApiCatalog, left_behind, needs_connection
from usersync.backends.api.client import Caller, built, natural
from usersync.backends.api.code import App
from usersync.backends.api.lease import held
from usersync.backends.api.project import Project
from usersync.backends.catalog import Catalog
from usersync.config import ProfileTable, Target
from usersync.model import CheckResult, Effect, JournalEvent, Status, TargetLine, Trigger, User
from usersync.sql import changes, profiles, users

#: What the server should not have to send at once.
_PAGE_ROWS = 10_000


class ApiDoor:
    """The API of one target; see `usersync.backends.Backend` for what each verb means.

    Args:
        target: where to call and the settings that hold there.
        read_only: whether anything that could write is refused before it leaves.
    """

    def __init__(self, target: Target, *, read_only: bool = False) -> None:
        assert target.api is not None
        self._target = target
        self._read_only = read_only
        self._settings = target.settings
        configuration = changes.configuration(target.settings, target.profiles)
        self._caller = Caller(target.api, target.settings, configuration, read_only=read_only)
        self._batches = Batches(self._caller, target.settings.retry_s, self._caller.pause)
        self._others: list[Self] = []
        self._rehearsing = False
        self._rehearsed_rows = 0
        with contextlib.ExitStack() as unless_open:
            unless_open.callback(self.close)
            self.look_again()
            unless_open.pop_all()

    # -- where we are ------------------------------------------------------------------------

    @property
    def most_rehearsed(self) -> int | None:
        return 0 if self._read_only else _PAGE_ROWS

    def refuse(self, effect: Effect, task: str) -> None:
        if effect == "schema":
            raise needs_connection(task)

    @property
    def line(self) -> TargetLine:
        return TargetLine(
            name=self._target.name,
            environment=self._target.environment,
            host=self._caller.address.host,
            door=f"API with a {self._caller.key.kind}, as {self.user}",
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        count = self._caller.requests + sum(one._caller.requests for one in self._others)
        return (f"Requests: {count:,}",)

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
        return access.look(
            tables,
            self._facts,
            user=self.user,
            server_version=self._server_version,
            latency_s=self._latency_s,
            beyond=keys.BEYOND,
        )

    def table(self, settings: ProfileTable, *, writing: bool) -> Table:
        facts = self._facts(settings)
        if writing:
            self._refuse_own_function(settings, facts)
        inspection.refuse(inspection.problems(facts, settings, self.user, writing=writing))
        if profiles.expressions(settings):
            self._refuse_broken(settings)
        return inspection.table(facts, settings)

    def _refuse_own_function(self, settings: ProfileTable, facts: Mapping[str, Any]) -> None:
        """Refuse to make profiles from columns that a function of the app makes."""
        own, kept = settings.create, self._settings.trigger in (None, "keep")
        if own == "columns" or (own is None and not kept):
            return
        sign_up = facts.get("sign_up", ())
        function = App(self._caller).own_writer(settings, self._settings, sign_up)
        if function or own:
            raise inspection.own_function_needs_connection(settings, function)

    def _refuse_broken(self, settings: ProfileTable) -> None:
        """Refuse a mapping whose expressions mean nothing (any more)."""
        (found,) = self.catalog.checks((settings,), ("expression_does_not_prepare",))
        what = "the sql: expression does not prepare"
        for one in found.findings:
            raise inspection.bad_value(settings, one.subject, what, one.detail)

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
        return App(self._caller).insert_triggers(table.settings.name)

    def plan(self, table: Table, selection: Selection, *, listed: int = 0) -> PlanCounts:
        (row,) = self._rows("usersync_plan", table, **given.selected(selection), listed=listed)
        return built(lambda **fields: answers.plan(fields), row)

    def wishes(self, table: Table, selection: Selection, spare: int) -> tuple[Wish, ...]:
        rows = self._rows("usersync_wishes", table, **given.selected(selection), spare=spare)
        return tuple(map(answers.wish, rows))

    def touched_users(
        self, table: Table, selection: Selection, limit: int
    ) -> tuple[tuple[str, int], ...]:
        rows = self._rows("usersync_touched_users", table, **given.selected(selection), limit=limit)
        return tuple((row["id"], int(row["users_digest"], 16)) for row in rows)

    def remaining(self, table: Table, selection: Selection) -> tuple[int, int]:
        (row,) = self._rows("usersync_remaining", table, **given.selected(selection))
        return row["remaining"], row["newer"]

    def profiles_there(self, table: Table, selection: Selection) -> int:
        (row,) = self._rows("usersync_profiles_there", table, **given.selected(selection))
        return cast("int", row["profiles"])

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
                **given.selected(selection),
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

    def account(
        self,
        table: Table,  # noqa: ARG002 - our functions tell of nobody's account; the Auth server does
        user_id: str,
        flags: tuple[str, ...],  # noqa: ARG002
    ) -> Account | None:
        assert self._target.api is not None
        with contextlib.closing(Project(self._target.api, self._settings)) as project:
            user = Admin(project).user(user_id)
        return None if user is None else account(user)

    def left_behind(self, table: Table, user_id: str) -> bool:
        return left_behind(self._caller, table.settings, user_id)

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
        numbers: Numbers | None = None,
    ) -> BatchResult:
        sent: dict[str, Any] = given.selected(selection) | {
            "table": table.settings.name,
            "max_failures": max_failures,
            "role": role,
            "rehearse": self._rehearsing or None,
        }
        if event is not None and self.keeps_journal:
            sent["event"] = given.line(event)
        if isinstance(batch, Blocks):
            sent |= {
                "first_block": batch.first,
                "end_block": batch.end,
                "all_missing": batch.all_missing or None,
            }
            output = self._batches.create("usersync_create_blocks", sent)
        else:
            sent["user_ids"] = list(batch.user_ids)
            if numbers is not None:
                sent["numbers"] = answers.numbers_of(numbers, batch.user_ids)
            output = self._batches.create("usersync_create", sent)
        self._rehearsed_rows += output.get("rows_written", 0)
        return answers.batch_result(output)

    @contextlib.contextmanager
    def rehearsal(self, timeout_s: float) -> Iterator[Self]:  # noqa: ARG002 - the functions have one
        self._rehearsing, self._rehearsed_rows = True, 0
        try:
            yield self
        finally:
            self._rehearsing = False

    def rehearsed_rows(self) -> int:
        return self._rehearsed_rows

    @contextlib.contextmanager
    def exclusively(self, task: str, wait_s: float, *, for_all: bool = False) -> Iterator[None]:
        if self._batches.is_alone:
            yield
            return
        holder = str(uuid.uuid4())
        with held(self._caller, holder, f"usersync {task}", wait_s):
            self._batches.lease, self._batches.is_alone = holder, for_all
            try:
                yield
            finally:
                self._batches.lease, self._batches.is_alone = None, False

    # -- the journal -------------------------------------------------------------------------

    def forget(self, user_id: str) -> int:  # noqa: ARG002
        raise needs_connection("journal.forget")

    def prune(self, days: int) -> int:  # noqa: ARG002
        return 0  # the next run over a connection does it

    def write_journal(self, event: JournalEvent) -> None:
        self._caller.call("usersync_journal_append", event=given.line(event))

    def read_journal(self, limit: int) -> tuple[JournalEvent, ...]:
        rows = self._caller.rows("usersync_journal", limit=limit)
        return tuple(answers.journal_line(row) for row in rows)

    def digest_used(self, digest: str) -> str | None:
        rows = self._caller.rows("usersync_journal_digest", digest=digest)
        return str(rows[0]["run_id"]) if rows else None

    # -- the door itself ---------------------------------------------------------------------

    def another(self) -> Self:
        other = type(self)(self._target, read_only=self._read_only)
        other._batches = self._batches.through(other._caller)
        self._others.append(other)
        return other

    def cancel(self) -> None:
        self._caller.cancel()

    def close(self) -> None:
        self._caller.close()

    def _facts(self, settings: ProfileTable) -> Mapping[str, Any]:
        (row,) = self._caller.rows("usersync_table", table=settings.name)
        facts: dict[str, Any] = row["facts"]
        if profiles.suffixed(settings):
            rows = self._caller.rows("usersync_unique_indexes", table=settings.name)
            facts["unique"] = rows
        return facts

    def _rows(self, function: str, table: Table, **rest: Any) -> list[dict[str, Any]]:
        return self._caller.rows(function, table=table.settings.name, **rest)
