"""The code of the app's own functions, read over the API to judge what a trigger reaches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from usersync.backends.api.client import Caller, built
from usersync.config import ProfileTable, Settings
from usersync.model import Trigger
from usersync.triggers import (
    FunctionSource,
    Reference,
    TriggerSource,
    inserts_into,
    judge,
    written,
)

#: Where names without a schema are looked up by a function that says nothing of it.
_SEARCH_PATH = ("public", "extensions")


class App:
    """The functions of the app.

    Args:
        caller: that of the door.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def functions(self, oids: Collection[int]) -> list[FunctionSource]:
        """Functions by their oid."""
        return self._read(oids=list(oids)) if oids else []

    def look_up(
        self, references: Collection[Reference], schemas: Collection[str] | None
    ) -> list[FunctionSource]:
        """What stands behind references, in their own schemas or those that are searched."""
        return self._read(
            names=[name for _, name in references],
            schemas=[schema for schema, _ in references],
            search_path=[*(schemas or ()), *_SEARCH_PATH],
            anywhere=schemas is None,
        )

    def insert_triggers(self, table: str) -> tuple[Trigger, ...]:
        """What an insert into a profile table fires, judged by what it may reach."""
        fired = self._caller.rows("usersync_triggers", table=table)
        if not fired:
            return ()
        foreign = self._caller.rows("usersync_foreign_tables")
        own = [row["function_oid"] for row in fired if row["function_oid"] is not None]
        by_oid = {function.oid: function for function in self.functions(own)}
        return judge(
            [
                TriggerSource(row["name"], by_oid.get(row["function_oid"]), row["condition"] or "")
                for row in fired
            ],
            self.look_up,
            [row["name"] for row in foreign],
        )

    def own_writer(
        self, table: ProfileTable, settings: Settings, sign_up: Sequence[Mapping[str, Any]]
    ) -> str | None:
        """The app's own function that makes the profiles of a table, where one does.

        Args:
            table: the profile table.
            settings: what holds in the target.
            sign_up: the insert triggers on ``auth.users``, as ``queries/profile_table.sql`` tells.
        """
        theirs = [one for one in sign_up if one["schema"] != settings.install.schema_name]
        wanted = (table.schema_name, table.table)
        for function in self.functions([one["function_oid"] for one in theirs]):
            if inserts_into(function, self.look_up, [wanted]):
                return f"{function.name}()"
        return None

    def written(self, oids: Collection[int]) -> frozenset[Reference]:
        """The tables that these functions, and what they call, write to."""
        return frozenset().union(*(written(one, self.look_up) for one in self.functions(oids)))

    def _read(self, **given: object) -> list[FunctionSource]:
        return [built(FunctionSource, row) for row in self._caller.rows("usersync_code", **given)]
