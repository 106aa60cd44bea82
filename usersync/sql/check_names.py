"""What a check may name: one profile table, everything of ours, and the predicate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psycopg import sql

from usersync.sql import profiles, users
from usersync.sql.names import ours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usersync.config import ProfileTable, Settings
    from usersync.sql.names import Names


#: An insert into one table, named with its schema or found by the search path.
INSERT_PATTERN = r'insert\s+into\s+("?%s"?\s*\.\s*)?"?%s"?(?![\w.$"])'


def check_names(
    settings: Settings,
    tables: Sequence[ProfileTable],
    table: ProfileTable,
    broken: tuple[sql.Composable, sql.Composable],
) -> Names:
    """Everything that a check about one table may name.

    Args:
        settings: what holds in the target.
        tables: all of its profile tables.
        table: the one that is asked about.
        broken: its columns whose ``sql:`` value does not prepare, and why, as arrays of texts.
    """
    email = profiles.email_column(table)
    column = sql.SQL("p.{}::text").format(sql.Identifier(email)) if email else sql.SQL("null::text")
    return {
        "profiles_text": sql.Literal(profiles.table_name(table).as_string()),
        "schema_text": sql.Literal(table.schema_name),
        "table_text": sql.Literal(table.table),
        **ours(settings),
        "table_name": sql.Literal(table.name),
        "table_pattern": sql.Literal(_escaped(table.table)),
        "insert_pattern": sql.Literal(
            INSERT_PATTERN % (_escaped(table.schema_name), _escaped(table.table))
        ),
        "profiles": profiles.table_name(table),
        "key": sql.Identifier(table.key),
        "key_text": sql.Literal(table.key),
        "email_text": sql.Literal(email or ""),
        "needs_profile": users.needs_profile(settings.users),
        "skip_reason": users.skip_reason(settings.users),
        "email_differs": users.email_differs(email, table.key),
        "user_email": users.masked(sql.SQL("u.email")),
        "profile_email": users.masked(column),
        "profile_email_is": column,
        "anonymous": sql.Literal(settings.users.anonymous),
        "null_columns": _null_columns(table),
        "without_profile": _without_profile(tables),
        "broken_columns": broken[0],
        "broken_reasons": broken[1],
    }


def _escaped(name: str) -> str:
    """A name as a part of a regular expression of Postgres."""
    return re.sub(r"(\W)", r"\\\1", name)


def _null_columns(table: ProfileTable) -> sql.Composed:
    """The columns for which a user has nothing, as an array."""
    cases = [
        sql.SQL("case when ({}) is null then {}::text end").format(
            profiles.value(source), sql.Literal(column)
        )
        for column, source in profiles.sources(table).items()
    ]
    listed = sql.SQL(", ").join([*cases, sql.SQL("null::text")])
    return sql.SQL("(array_remove(array[{}], null))").format(listed)


def _without_profile(tables: Sequence[ProfileTable]) -> sql.Composed:
    """True for a recorded failure whose user is there and still has no profile."""
    stand = [
        sql.SQL(
            "f.profile_table = {} and not exists (select from {} as p where p.{} = f.user_id)"
        ).format(sql.Literal(table.name), profiles.table_name(table), sql.Identifier(table.key))
        for table in tables
    ]
    return sql.SQL("exists (select from auth.users as u where u.id = f.user_id) and ({})").format(
        sql.SQL(" or ").join(stand)
    )
