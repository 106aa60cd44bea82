"""The door to a project without our functions: the Auth server's list of users, and PostgREST.

It answers what can be told from ids and mapped fields, says what it cannot see, and never guesses.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Self, cast

from usersync.backends import (
    Access,
    Account,
    Batch,
    BatchResult,
    Cursor,
    Ids,
    Match,
    Numbers,
    PlanCounts,
    Selection,
    Table,
    Wish,
    inspection,
    status,
)
from usersync.backends.api.account import account
from usersync.backends.api.admin import Admin
from usersync.backends.api.project import Project
from usersync.backends.api.unprepared import findings, predicate, values
from usersync.backends.api.unprepared.catalog import NoCatalog
from usersync.backends.api.unprepared.creation import Creation
from usersync.backends.api.unprepared.lists import Lists
from usersync.backends.api.unprepared.people import People
from usersync.backends.api.unprepared.planned import Planned
from usersync.backends.api.unprepared.tables import Tables
from usersync.backends.api.unprepared.ways import functions_or_connection
from usersync.backends.catalog import Catalog
from usersync.config import ProfileTable, Target
from usersync.digest import fingerprint
from usersync.errors import CouldNotTell, Refused, UsersyncError
from usersync.model import CheckResult, Effect, JournalEvent, Status, TargetLine, Trigger, User
from usersync.sql import profiles, users

#: What an insert fires, none of which can be seen this way.
UNSEEN = Trigger("unseen", "", "undecided", "the API does not show the triggers of a table")

_NO_LOCK = (
    "no lock can be held this way: an approved run of somebody else at the same time goes"
    " unnoticed; no profile is made twice"
)


class UnpreparedDoor:
    """The API of one target before the migration; see `usersync.backends.Backend` for each verb.

    Args:
        target: where to call and the settings that hold there.
        missing: says that our functions are not there, and how they get there.
        say: tells whoever watches.
        attended: whether somebody is at a terminal.
    """

    user = "service_role"
    keeps_journal = False
    most_rehearsed: int | None = 0

    def __init__(
        self, target: Target, missing: CouldNotTell, *, say: Callable[[str], None], attended: bool
    ) -> None:
        assert target.api is not None
        self._target = target
        self._settings = target.settings
        self._missing = missing
        self._project = Project(target.api, target.settings)
        self._admin = Admin(self._project)
        self._tables = Tables(self._project)
        self._lists = Lists(self._admin, self._tables, target.settings, say, attended)
        self._creation = Creation(self._admin, self._tables)
        self._people = People(self._admin, self._tables, self._lists, target.settings.users)
        self._remarks: list[str] = []
        self._is_first = True

    def refuse(self, effect: Effect, task: str) -> None:  # noqa: ARG002
        if effect == "schema":
            # Not what could not be told: through this door it cannot be done.
            raise Refused(self._missing.message, self._missing.next_step)

    # -- where we are ------------------------------------------------------------------------

    @property
    def line(self) -> TargetLine:
        return TargetLine(
            name=self._target.name,
            environment=self._target.environment,
            host=self._project.address.host,
            door=f"API with a {self._project.key.kind}, usersync not installed there",
        )

    @property
    def identity(self) -> str:
        return f"{self._project.address.project_ref or self._project.address.host}/postgres"

    @property
    def remarks(self) -> tuple[str, ...]:
        took = self._lists.took
        return (*dict.fromkeys(self._remarks), *([f"listed over the API: {took}"] if took else []))

    @property
    def catalog(self) -> Catalog:
        return cast("Catalog", NoCatalog(self._missing))

    def look_again(self) -> None:
        """What the target has of ours was looked for when the door was chosen."""

    def access(self, tables: tuple[ProfileTable, ...]) -> Access:
        started = time.perf_counter()
        self._admin.page(1, 1)
        latency_s = time.perf_counter() - started
        problems = [(self._missing.message, self._missing.next_step)]
        for settings in tables:
            try:
                self.table(settings, writing=True)
            except UsersyncError as error:
                problems.append((error.message, error.next_step))
        return Access(
            user=self.user,
            server_version="(the API tells no version)",
            latency_s=latency_s,
            sees_users=True,
            problems=tuple(problems),
            unseen="not seen this way: the Auth server lists the users, no role of the database",
        )

    def table(self, settings: ProfileTable, *, writing: bool) -> Table:
        predicate.refuse_unseen(self._settings.users, functions_or_connection(self._settings))
        if not writing:
            return Table(settings, {}, "", 0, 0)
        values.refuse_unseen(settings, functions_or_connection(self._settings))
        if settings.create == "own_function":
            raise inspection.own_function_needs_connection(settings, None)
        columns = [settings.key, *profiles.sources(settings)]
        self._tables.count(settings, columns)
        shape = self._tables.shape(settings)
        definition = fingerprint(shape.definition, length=32)
        return Table(settings, shape.column_types, definition, 0, 0)

    # -- reading -----------------------------------------------------------------------------

    def status(self, table: Table, *, list_users: int) -> tuple[Status, tuple[CheckResult, ...]]:
        planned = self._lists.of(table.settings, None)
        listed = planned.listed
        reasons = users.skip_reasons(self._settings.users)
        counts = status.status(listed.status_rows(), listed.as_of, reasons)
        if counts.missing:
            detail = status.missing(listed.missing_rows(), listed.as_of)
            if list_users:
                detail = replace(detail, users=planned.page(Selection(), None, list_users, 0))
            counts = replace(counts, missing_detail=detail)
        self._remarks += findings.unseen(listed)
        return counts, findings.found(listed, self._settings)

    def quick_status(self, table: Table) -> Status:
        page = self._admin.page(1, 1)
        there = self._tables.count(table.settings, [table.settings.key])
        self._remarks.append(
            "two counts and no more: among these users are those who need no profile (anonymous,"
            " soft-deleted, excluded), among these profiles those of nobody, and one may hide the"
            f" other; {page.total:,} users and {there:,} profiles are there"
        )
        return Status(as_of=page.at, total=page.total, existing=min(there, page.total))

    def triggers(self, table: Table) -> tuple[Trigger, ...]:  # noqa: ARG002
        return (UNSEEN,)

    def plan(self, table: Table, selection: Selection, *, listed: int = 0) -> PlanCounts:
        return self._planned(table).counts(selection, digests=True, listed=listed)

    def wishes(
        self,
        table: Table,
        selection: Selection,  # noqa: ARG002
        spare: int,  # noqa: ARG002
    ) -> tuple[Wish, ...]:
        """A table with ``unique: suffix`` was refused."""
        assert not table.suffixed
        return ()

    def touched_users(
        self, table: Table, selection: Selection, limit: int
    ) -> tuple[tuple[str, int], ...]:
        return self._planned(table).newest(selection, limit)

    def remaining(self, table: Table, selection: Selection) -> tuple[int, int]:
        self._creation.refuse()
        return self._planned(table).remaining(selection)

    def profiles_there(self, table: Table, selection: Selection) -> int:  # noqa: ARG002
        """Nobody is asked: each batch says who of it was there already."""
        return 0

    def missing_users(
        self,
        table: Table,
        selection: Selection,
        after: Cursor | None,
        limit: int,
        skip: int = 0,
    ) -> tuple[User, ...]:
        return self._planned(table).page(selection, after, limit, skip)

    def find_users(self, table: Table, reference: str) -> tuple[Match, ...]:
        return self._people.find(table.settings, reference)

    def account(
        self,
        table: Table,  # noqa: ARG002 - of the profile only what find_users answers is read
        user_id: str,
        flags: tuple[str, ...],  # noqa: ARG002
    ) -> Account | None:
        user = self._people.one(user_id)
        return None if user is None else account(user)

    def left_behind(self, table: Table, user_id: str) -> bool:
        gone = self._people.one(user_id) is None
        return gone and bool(self._tables.present(table.settings, [user_id]))

    # -- writing -----------------------------------------------------------------------------

    def create(
        self,
        table: Table,
        selection: Selection,  # noqa: ARG002 - a batch is users of the selection by name
        batch: Batch,
        *,
        max_failures: int,
        role: str | None = None,
        event: JournalEvent | None = None,  # noqa: ARG002 - the journal is the file
        numbers: Numbers | None = None,  # noqa: ARG002 - none of its tables needs any
    ) -> BatchResult:
        assert isinstance(batch, Ids)
        planned = self._lists.made(table.settings, _json_columns(table))
        rows = [self._row(table, user_id, planned, role) for user_id in batch.user_ids]

        def settle(user_id: str, has_profile: bool) -> None:
            if planned is not None:
                planned.settle(user_id, has_profile=has_profile)

        return self._creation.run(
            table.settings,
            [row for row in rows if row is not None],
            max_failures=max_failures,
            settle=settle,
        )

    def rehearsal(self, timeout_s: float) -> AbstractContextManager[Self]:  # noqa: ARG002
        raise Refused("nothing can be rehearsed this way", functions_or_connection(self._settings))

    def rehearsed_rows(self) -> int:
        return 0

    @contextmanager
    def exclusively(
        self,
        task: str,
        wait_s: float,  # noqa: ARG002
        *,
        for_all: bool = False,  # noqa: ARG002
    ) -> Iterator[None]:
        if task:
            self._remarks.append(_NO_LOCK)
        yield

    # -- the journal: in the file ------------------------------------------------------------

    def write_journal(self, event: JournalEvent) -> None:
        raise AssertionError(f"the target has no journal for {event.task}")

    def read_journal(self, limit: int) -> tuple[JournalEvent, ...]:  # noqa: ARG002
        return ()

    def forget(self, user_id: str) -> int:  # noqa: ARG002
        raise self._missing

    def prune(self, days: int) -> int:  # noqa: ARG002
        return 0

    def digest_used(self, digest: str) -> str | None:  # noqa: ARG002
        return None

    # -- the door itself ---------------------------------------------------------------------

    def another(self) -> Self:
        other = copy.copy(self)
        other._is_first = False
        return other

    def cancel(self) -> None:
        self._project.cancel()

    def close(self) -> None:
        if self._is_first:
            self._project.close()

    def _planned(self, table: Table) -> Planned:
        """The list with the values of new profiles; without, where only reading is meant."""
        if not table.definition:
            return self._lists.of(table.settings, None)
        return self._lists.of(table.settings, _json_columns(table))

    def _row(
        self, table: Table, user_id: str, planned: Planned | None, role: str | None
    ) -> dict[str, Any] | None:
        """The new profile of somebody; None for one who is gone, or needs none any more."""
        values_there = None if planned is None else planned.values(user_id)
        if values_there is not None:
            told = dict(zip(profiles.sources(table.settings), values_there, strict=True))
        else:
            user = self._people.one(user_id)
            if user is None or predicate.skip_number(self._settings.users)(user):
                return None
            told = values.row_of(table.settings, _json_columns(table))(user)
        if role is not None and table.settings.role is not None:
            told = told | {table.settings.role.column: role}
        return {table.settings.key: user_id, **told}


def _json_columns(table: Table) -> frozenset[str]:
    return frozenset(
        column for column, kind in table.column_types.items() if kind in ("json", "jsonb")
    )
