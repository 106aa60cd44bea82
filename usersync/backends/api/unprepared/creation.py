"""New profiles through PostgREST: one statement for many, halved until a bad row stands alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from usersync.backends import BatchResult, Failure
from usersync.backends.api.admin import Admin
from usersync.backends.api.unprepared.tables import RowRefused, Tables
from usersync.config import ProfileTable
from usersync.errors import UsersyncError

#: The user was deleted since the list was read.
_FOREIGN_KEY = "23503"

Row = Mapping[str, Any]


class Creation:
    """Creates the profiles of one batch.

    Each statement is a transaction of its own, so what went in before something else than a bad row
    broke is there: it is told, and the error kept for whoever asks next.

    Args:
        admin: the admin API.
        tables: the profile tables.
    """

    def __init__(self, admin: Admin, tables: Tables) -> None:
        self._admin = admin
        self._tables = tables
        self._kept: UsersyncError | None = None

    def refuse(self) -> None:
        """Raise what broke the last batch after something of it had been created."""
        error, self._kept = self._kept, None
        if error is not None:
            raise error

    def run(
        self,
        table: ProfileTable,
        rows: Sequence[Row],
        *,
        max_failures: int,
        settle: Callable[[str, bool], None],
    ) -> BatchResult:
        """Create these profiles.

        Args:
            table: the profile table.
            rows: one a user.
            max_failures: failed creations after which it ends early.
            settle: is told of each user that was tried, and whether the profile is wanted no more.
        """
        self.refuse()
        found = created = already_there = 0
        failures: list[Failure] = []
        # Left half first, so that of two users who want the same name the first one gets it.
        waiting = [list(rows)] if rows else []
        while waiting and len(failures) <= max_failures:
            some = waiting.pop()
            try:
                made, there = self._insert(table, some)
            except RowRefused as refused:
                if len(some) > 1:
                    middle = len(some) // 2
                    waiting += [some[middle:], some[:middle]]
                elif self._is_gone(table, some[0], refused):
                    settle(some[0][table.key], True)  # noqa: FBT003
                else:
                    failures.append(_failure(str(some[0][table.key]), refused))
                continue
            except UsersyncError as error:
                if not created and not failures:
                    raise
                self._kept = error
                break
            created += len(made)
            found += len(some) - len(there)
            already_there += len(there)
            for row in some:
                settle(row[table.key], row[table.key] in made or row[table.key] in there)
        return BatchResult(found + len(failures), created, tuple(failures), already_there)

    def _insert(
        self, table: ProfileTable, rows: Sequence[Row]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Who has a new profile, and who had one already."""
        made = self._tables.insert(table, rows)
        left = [row[table.key] for row in rows if row[table.key] not in made]
        # Neither new nor there: a trigger of the table threw it away.
        return made, self._tables.present(table, left)

    def _is_gone(self, table: ProfileTable, row: Row, refused: RowRefused) -> bool:
        return refused.sqlstate == _FOREIGN_KEY and self._admin.user(row[table.key]) is None


def _failure(user_id: str, refused: RowRefused) -> Failure:
    # The names of the SQLSTATEs are psycopg's, which is loaded only when a creation failed.
    from usersync.backends.postgres.failures import condition_name

    state = refused.sqlstate
    return Failure(user_id, state, condition_name(state), refused.subject)
