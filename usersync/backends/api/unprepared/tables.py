"""The profile table through PostgREST: what it is like, whose profiles are there, new ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from usersync.backends.api.project import Project
from usersync.backends.api.transport import BadAnswer
from usersync.backends.api.unprepared import problems
from usersync.config import ProfileTable
from usersync.errors import CouldNotTell, UsersyncError

#: PostgREST on Supabase cuts every answer here (max-rows).
PAGE_ROWS = 1_000

#: Ids in one address: gateways take some 8 KB.
_IDS_A_REQUEST = 100

#: Bad data, a broken constraint, too large for an index, raised on purpose by a trigger.
_OF_A_ROW = ("22", "23", "54", "P0")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the API tells of a table: its columns, each with its type; empty when it tells none."""

    column_types: Mapping[str, str]
    definition: str


class RowRefused(Exception):
    """Postgres refused a row of an insert.

    Args:
        sqlstate: why.
        subject: the constraint, column or type.
    """

    def __init__(self, sqlstate: str, subject: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate
        self.subject = subject


class Tables:
    """The tables of one project.

    Args:
        project: where they are.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.requests = 0

    def count(self, table: ProfileTable, columns: Sequence[str]) -> int:
        """How many profiles there are, counted; every column that is named is there.

        Raises:
            Refused: the table or a column is missing, or the API does not show it.
            CouldNotTell: the key may not read it.
        """
        # Asked without rows, so that the count is one request whatever the table holds.
        builder = self._reading(table).select(*map(_quoted, columns), count="exact", head=True)
        self.requests += 1
        try:
            counted: int | None = builder.execute().count
        except Exception as error:
            # The answer to HEAD has no words: ask again for the reason.
            self._why(table, columns)
            raise self._explained(error, table) from error
        if counted is None:
            raise CouldNotTell(f"{self._project.address.host} does not count its rows")
        return counted

    def shape(self, table: ProfileTable) -> Shape:
        """The columns as the API describes them."""
        self.requests += 1
        try:
            response = self._project.reading.get(
                f"{self._project.address.base_url}/rest/v1/",
                headers={**self._project.headers, "Accept-Profile": table.schema_name},
            )
            told = response.json()
        except (BadAnswer, ValueError):
            told = {}
        except Exception as error:
            raise self._project.explained(error) from error
        definition = told.get("definitions", {}).get(table.table, {})
        described = definition.get("properties", {})
        columns = sorted(
            (name, str(one.get("format", "")), str(one.get("default", "")))
            for name, one in described.items()
        )
        types = {name: kind for name, kind, _ in columns}
        return Shape(types, repr((columns, sorted(definition.get("required", ())))))

    def keys(
        self, table: ProfileTable, email_column: str | None
    ) -> Iterator[tuple[str, str | None]]:
        """Whose profiles are there, in the order of the key, each with its address."""
        columns = [table.key, *([email_column] if email_column else [])]
        after = None
        while True:
            builder = self._reading(table).select(*map(_quoted, columns))
            if after is not None:
                builder = builder.gt(_quoted(table.key), after)
            rows = self._rows(builder.order(_quoted(table.key)).limit(PAGE_ROWS), table)
            for row in rows:
                # A profile without a key belongs to nobody; they come last.
                if row[table.key] is None:
                    return
                yield row[table.key], row[email_column] if email_column else None
            if len(rows) < PAGE_ROWS:
                return
            after = rows[-1][table.key]

    def present(self, table: ProfileTable, ids: Sequence[str]) -> frozenset[str]:
        """Who of these users has a profile now."""
        found: set[str] = set()
        for start in range(0, len(ids), _IDS_A_REQUEST):
            some = ids[start : start + _IDS_A_REQUEST]
            builder = self._reading(table).select(_quoted(table.key))
            rows = self._rows(builder.in_(_quoted(table.key), some), table)
            found |= {row[table.key] for row in rows}
        return frozenset(found)

    def role(self, table: ProfileTable, user_id: str) -> tuple[bool, str | None]:
        """Whether somebody has a profile, and the role in it."""
        columns = [table.key, *([table.role.column] if table.role else [])]
        builder = self._reading(table).select(*map(_quoted, columns))
        rows = self._rows(builder.eq(_quoted(table.key), user_id), table)
        role = rows[0][table.role.column] if rows and table.role else None
        return bool(rows), None if role is None else str(role)

    def insert(self, table: ProfileTable, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Insert rows in one statement; whose key was taken is left alone.

        Returns:
            The keys of those that are new.

        Raises:
            RowRefused: Postgres refused one of them, and nothing was inserted.
        """
        self._project.refuse_cancelled()
        source = self._project.tables_writing.schema(table.schema_name).table(table.table)
        self.requests += 1
        try:
            made = (
                source.upsert(
                    [dict(row) for row in rows],
                    ignore_duplicates=True,
                    on_conflict=table.key,
                    default_to_null=False,
                )
                .select(_quoted(table.key))
                .execute()
                .data
            )
        except Exception as error:
            if isinstance(error, BadAnswer) and error.code[:2] in _OF_A_ROW:
                raise RowRefused(error.code, problems.subject(error.code, error.message)) from None
            raise self._explained(error, table) from error
        return frozenset(row[table.key] for row in cast("list[dict[str, str]]", made))

    def _reading(self, table: ProfileTable) -> Any:
        self._project.refuse_cancelled()
        return self._project.tables_reading.schema(table.schema_name).table(table.table)

    def _rows(self, builder: Any, table: ProfileTable) -> list[dict[str, Any]]:
        self.requests += 1
        try:
            rows: list[dict[str, Any]] = builder.execute().data
        except Exception as error:
            raise self._explained(error, table) from error
        return rows

    def _why(self, table: ProfileTable, columns: Sequence[str]) -> None:
        """The same question in a form whose error has words; nothing when it passes."""
        self._rows(self._reading(table).select(*map(_quoted, columns)).limit(1), table)

    def _explained(self, error: Exception, table: ProfileTable) -> UsersyncError:
        code = message = ""
        if isinstance(error, BadAnswer):
            code, message = error.code or str(error.status), error.message
        return problems.explain(code, message, table) or self._project.explained(error)


def _quoted(column: str) -> str:
    """A column as PostgREST takes it, whatever its name."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column):
        return column
    escaped = column.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
