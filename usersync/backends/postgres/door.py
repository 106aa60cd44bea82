"""The direct door: every domain verb as one transaction over psycopg."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self, cast

from psycopg import sql

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
from usersync.backends.postgres import journal, names, own_function
from usersync.backends.postgres.address import Address
from usersync.backends.postgres.catalog import PostgresCatalog
from usersync.backends.postgres.connection import Connection, connect
from usersync.backends.postgres.exclusive import alone_on_target
from usersync.backends.postgres.findings import run_checks
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all, run_procedure
from usersync.backends.postgres.transactions import Transactions
from usersync.backends.postgres.validation import refuse_bad_values
from usersync.config import ProfileTable, Target
from usersync.model import (
    CheckResult,
    Effect,
    JournalEvent,
    Status,
    TargetLine,
    Trigger,
    User,
)
from usersync.sql import compose, load, pages, profiles, unique, users

#: How long a first connection is tried.
_FIRST_CONNECTION_S = 3.0

#: A growing, analysed profile table lures the planner into nested sequential scans.
_NO_NESTED_LOOP = "set local enable_nestloop = off"


class PostgresDoor:
    """One connection to one target; see `usersync.backends.Backend` for what each verb means.

    Args:
        target: where to connect and the settings that hold there.
    """

    def __init__(self, target: Target) -> None:
        assert target.db_url is not None
        self._target = target
        self._url = target.db_url.get_secret_value()
        self._settings = target.settings
        self._ours = sql.Identifier(target.settings.install.schema_name)
        self._address = Address.parse(self._url)
        self._was_open = False
        self._is_alone = False
        self._transactions = Transactions(self._open, target.settings)
        self.look_again()

    def _open(self, cancelled: threading.Event) -> Connection:
        # Nothing is lost by giving up early on a first connection; later ones may meet a restart.
        first_try_s = min(_FIRST_CONNECTION_S, self._settings.retry_s)
        connection = connect(
            self._url,
            connect_timeout_s=self._settings.connect_timeout_s,
            retry_s=self._settings.retry_s if self._was_open else first_try_s,
            cancelled=cancelled,
        )
        self._was_open = True
        return connection

    # -- where we are ------------------------------------------------------------------------

    def refuse(self, effect: Effect, task: str) -> None:
        """Everything can be done over a connection."""

    @property
    def line(self) -> TargetLine:
        return TargetLine(
            name=self._target.name,
            environment=self._target.environment,
            host=self._address.label,
            door=self._address.door(self.user),
        )

    @property
    def identity(self) -> str:
        return f"{self._address.identity}/{self._address.database}"

    def access(self, tables: tuple[ProfileTable, ...]) -> Access:
        started = time.perf_counter()
        self._query(sql.SQL("select 1 as one"))
        latency_s = time.perf_counter() - started
        beyond = f"{self.user} is a superuser; postgres will do" if self._superuser else ""
        return access.look(
            tables,
            self._facts,
            user=self.user,
            server_version=self._server_version,
            latency_s=latency_s,
            beyond=beyond,
        )

    def table(self, settings: ProfileTable, *, writing: bool) -> Table:
        facts = self._facts(settings)
        inspection.refuse(inspection.problems(facts, settings, self.user, writing=writing))
        table = inspection.table(facts, settings)
        refuse_bad_values(self._transactions, table)
        return table

    def _facts(self, settings: ProfileTable) -> Mapping[str, Any]:
        query = compose(load("queries/profile_table"), names.of_settings(settings))

        def work(cursor: RowCursor) -> dict[str, Any]:
            facts: dict[str, Any] = fetch_all(cursor, query)[0]["facts"]
            used = own_function.used(cursor, self._settings, settings, facts["sign_up"])
            facts |= {"own_function": used, "unique": ()}
            if profiles.suffixed(settings):
                # Expressions are printed with the schemas that a trigger needs.
                cursor.execute("set local search_path = ''")
                indexes = compose(load("queries/unique_indexes"), names.of_settings(settings))
                facts["unique"] = fetch_all(cursor, indexes)
            return facts

        return self._transactions.read(work)

    @property
    def catalog(self) -> PostgresCatalog:
        return PostgresCatalog(self._transactions, self._settings)

    # -- reading -----------------------------------------------------------------------------

    def status(self, table: Table, *, list_users: int) -> tuple[Status, tuple[CheckResult, ...]]:
        named = self._names(table)

        def work(cursor: RowCursor) -> tuple[Status, tuple[CheckResult, ...]]:
            # A handful of groups, which the planner takes for hundreds and would sort a million
            # rows for.
            cursor.execute("set local enable_sort = off")
            rows = fetch_all(cursor, compose(load("queries/status"), named))
            cursor.execute("set local enable_sort = on")
            as_of = fetch_all(cursor, sql.SQL("select pg_catalog.now() as now"))[0]["now"]
            counts = status.status(rows, as_of, users.skip_reasons(self._settings.users))
            if counts.missing:
                rows = fetch_all(cursor, compose(load("queries/missing"), named))
                detail = status.missing(rows, as_of)
                if list_users:
                    listed = self._missing_users(cursor, table, Selection(), None, list_users, 0)
                    detail = replace(detail, users=listed)
                counts = replace(counts, missing_detail=detail)
            today = datetime.now(UTC).date()
            found = status.checks(counts)
            return counts, run_checks(cursor, found, named, self._settings.accept, today)

        return self._transactions.read(work)

    def quick_status(self, table: Table) -> Status:
        row = self._query(compose(load("queries/status_quick"), self._names(table)))[0]
        return Status(as_of=row["as_of"], total=row["total"], existing=row["existing"])

    def triggers(self, table: Table) -> tuple[Trigger, ...]:
        return self._transactions.read(lambda cursor: own_function.fired(cursor, table))

    def plan(self, table: Table, selection: Selection, *, listed: int = 0) -> PlanCounts:
        named = self._names(table, selection) | {"listed": sql.Literal(listed)}
        query = compose(load("queries/plan"), named)

        def work(cursor: RowCursor) -> PlanCounts:
            cursor.execute(_NO_NESTED_LOOP)
            return answers.plan(fetch_all(cursor, query)[0])

        return self._transactions.read(work)

    def wishes(self, table: Table, selection: Selection, spare: int) -> tuple[Wish, ...]:
        named, more = self._names(table, selection), sql.Literal(spare)
        named |= {
            "spare": more,
            "wishes": unique.wishes(table.settings, table.suffixed, named, more),
        }

        def work(cursor: RowCursor) -> tuple[Wish, ...]:
            cursor.execute(_NO_NESTED_LOOP)
            cursor.execute("set local jit = off")
            return tuple(
                map(answers.wish, fetch_all(cursor, compose(load("queries/wishes"), named)))
            )

        return self._transactions.read(work)

    def touched_users(
        self, table: Table, selection: Selection, limit: int
    ) -> tuple[tuple[str, int], ...]:
        named = self._names(table, selection) | {"list_length": sql.Literal(limit)}
        rows = self._query(compose(load("queries/touched_users"), named))
        return tuple((row["id"], int(row["users_digest"], 16)) for row in rows)

    def remaining(self, table: Table, selection: Selection) -> tuple[int, int]:
        query = compose(load("queries/remaining"), self._names(table, selection))

        def work(cursor: RowCursor) -> tuple[int, int]:
            cursor.execute(_NO_NESTED_LOOP)
            (row,) = fetch_all(cursor, query)
            return row["remaining"], row["newer"]

        return self._transactions.read(work)

    def profiles_there(self, table: Table, selection: Selection) -> int:
        query = compose(load("queries/profiles_there"), self._names(table, selection))
        return cast("int", self._query(query)[0]["profiles"])

    def missing_users(
        self,
        table: Table,
        selection: Selection,
        after: Cursor | None,
        limit: int,
        skip: int = 0,
    ) -> tuple[User, ...]:
        return self._transactions.read(
            lambda cursor: self._missing_users(cursor, table, selection, after, limit, skip)
        )

    def _missing_users(
        self,
        cursor: RowCursor,
        table: Table,
        selection: Selection,
        after: Cursor | None,
        limit: int,
        skip: int,
    ) -> tuple[User, ...]:
        named = self._names(table, selection) | {
            "after": users.after(names.literals(after)),
            "page_size": sql.Literal(limit),
            "skip": sql.Literal(skip),
        }
        cursor.execute(_NO_NESTED_LOOP)
        return tuple(
            answers.user(row)
            for row in fetch_all(cursor, compose(load("queries/missing_users"), named))
        )

    def find_users(self, table: Table, reference: str) -> tuple[Match, ...]:
        role = table.settings.role
        named = self._names(table) | {
            "reference": users.matches(reference),
            "role": sql.SQL("p.{}::text").format(sql.Identifier(role.column))
            if role
            else sql.SQL("null::text"),
        }
        return tuple(
            answers.match(row) for row in self._query(compose(load("queries/find_users"), named))
        )

    def account(self, table: Table, user_id: str, flags: tuple[str, ...]) -> Account | None:
        named = self._names(table) | {
            "user_id": sql.Literal(user_id),
            "flags": sql.SQL("{}::text[]").format(sql.Literal(list(flags))),
        }
        there = {"failures_text": sql.Literal(f"{self._ours.as_string()}.failures")}
        recorded = {"ours": self._ours, "table_text": sql.Literal(table.settings.name)} | named

        def work(cursor: RowCursor) -> Account | None:
            rows = fetch_all(cursor, compose(load("queries/account"), named))
            readable = fetch_all(cursor, compose(load("queries/records"), there))[0]["readable"]
            failures = compose(load("queries/recorded"), recorded) if readable else None
            found = fetch_all(cursor, failures) if failures else ()
            return answers.account(rows[0], found) if rows else None

        return self._transactions.read(work)

    def left_behind(self, table: Table, user_id: str) -> bool:
        named = self._names(table) | {"user_id": sql.Literal(user_id)}
        (row,) = self._query(compose(load("queries/left_behind"), named))
        return bool(row["left_behind"])

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
        page: dict[str, Any]
        if isinstance(batch, Blocks):
            how, page = pages.BY_BLOCKS, {"first_block": batch.first, "end_block": batch.end}
        else:
            how, page = pages.BY_IDS, {"user_ids": list(batch.user_ids)}
            if numbers is not None:
                page["numbers"] = answers.numbers_of(numbers, batch.user_ids)
        named = self._names(table, selection, role) | how | pages.ISOLATION
        looked_up = not (isinstance(batch, Blocks) and batch.all_missing)
        named["is_missing"] = pages.is_missing(named) if looked_up else sql.SQL("true")
        if table.own_function is None:
            body = compose(load("queries/create_batch"), named)
        else:
            named |= own_function.names(
                table.own_function, how, keep=not self._transactions.is_rehearsal
            )
            body = compose(load("queries/create_by_function"), named)

        def work(cursor: RowCursor) -> BatchResult:
            output = run_procedure(cursor, body, {"max_failures": max_failures} | page)
            result = answers.batch_result(output)
            if event is not None and self.keeps_journal:
                cursor.execute(self._line(journal.counted(event, result)))
            return result

        return self._transactions.write(work)

    @contextlib.contextmanager
    def rehearsal(self, timeout_s: float) -> Iterator[Self]:
        with self._transactions.rolled_back(timeout_s):
            yield self

    most_rehearsed: int | None = None
    remarks: tuple[str, ...] = ()

    def rehearsed_rows(self) -> int:
        """How many rows this rehearsal has written so far, in all tables."""
        return cast("int", self._query(compose(load("queries/rows_written"), {}))[0]["rows"])

    def look_again(self) -> None:
        named = {"ours_text": sql.Literal(self._settings.install.schema_name)}
        facts = self._query(compose(load("queries/access"), named))[0]
        self.user = cast("str", facts["current_user"])
        self._server_version = cast("str", facts["server_version"])
        self.keeps_journal = cast("bool", facts["journal"])
        self._journal_is_whole = cast("bool", facts["journal_names_approver"])
        self._superuser = cast("bool", facts["superuser"])

    @contextlib.contextmanager
    def exclusively(self, task: str, wait_s: float, *, for_all: bool = False) -> Iterator[None]:
        if self._is_alone:
            yield
            return
        with alone_on_target(lambda: self._open(threading.Event()), self._ours, task, wait_s):
            self._is_alone = for_all
            try:
                yield
            finally:
                self._is_alone = False

    # -- the journal -------------------------------------------------------------------------

    def write_journal(self, event: JournalEvent) -> None:
        self._transactions.write(lambda cursor: cursor.execute(self._line(event)))

    def _line(self, event: JournalEvent) -> sql.Composed:
        return journal.append(event, self._ours, is_whole=self._journal_is_whole)

    def read_journal(self, limit: int) -> tuple[JournalEvent, ...]:
        rows = self._query(
            compose(load("queries/journal_read"), {"ours": self._ours, "limit": sql.Literal(limit)})
        )
        return tuple(answers.journal_line(row) for row in rows)

    def forget(self, user_id: str) -> int:
        return journal.forget(self._transactions, self._ours, user_id)

    def prune(self, days: int) -> int:
        return journal.prune(self._transactions, self._ours, days)

    def digest_used(self, digest: str) -> str | None:
        named = {"ours": self._ours, "digest": sql.Literal(digest)}
        rows = self._query(compose(load("queries/journal_digest"), named))
        return str(rows[0]["run_id"]) if rows else None

    # -- the door itself ---------------------------------------------------------------------

    def another(self) -> Self:
        other = type(self)(self._target)
        other._is_alone = self._is_alone
        return other

    def cancel(self) -> None:
        self._transactions.cancel()

    def close(self) -> None:
        self._transactions.close()

    def _query(self, query: sql.Composed | sql.SQL) -> list[Row]:
        return self._transactions.read(lambda cursor: fetch_all(cursor, query))

    def _names(
        self, table: Table, selection: Selection | None = None, role: str | None = None
    ) -> names.Names:
        return names.of_table(table, self._settings.users, selection, role)
