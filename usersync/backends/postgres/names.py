"""What the query files may name: the table, its columns and the predicate, composed as SQL."""

from __future__ import annotations

from psycopg import sql

from usersync.backends import Cursor, Selection, Table
from usersync.config import ProfileTable, Users
from usersync.sql import names, profiles, users

Names = names.Names


def of_table(
    table: Table,
    predicate: Users,
    selection: Selection | None = None,
    role: str | None = None,
) -> Names:
    """Everything about one table that a query file may name.

    Args:
        table: the profile table.
        predicate: who needs a profile.
        selection: which of the missing users are meant; all when not given.
        role: the role of a new profile instead of the default one.
    """
    selection = selection or Selection()
    settings = table.settings
    newest_at = None if selection.newest_at is None else sql.Literal(selection.newest_at)
    return names.of_table(
        settings,
        table.column_types,
        predicate,
        in_share=users.in_share(selection.share),
        in_plan=users.in_plan(newest_at, literals(selection.last), selection.without),
        role=role,
        suffixed=table.suffixed,
    )


def of_settings(settings: ProfileTable) -> Names:
    """The table's names as texts, for questions to the catalog."""
    return {
        **names.event("insert"),
        "profiles_text": sql.Literal(profiles.table_name(settings).as_string()),
        "schema_text": sql.Literal(settings.schema_name),
        "table_text": sql.Literal(settings.table),
    }


def literals(cursor: Cursor | None) -> tuple[sql.Composable, sql.Composable] | None:
    """A cursor as the two values that a page begins behind."""
    if cursor is None:
        return None
    return sql.Literal(cursor.created_at), sql.Literal(cursor.user_id)
