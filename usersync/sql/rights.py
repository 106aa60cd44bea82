"""The rights on a profile table that a sync, and the API, cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from usersync.sql import compose, load, profiles

if TYPE_CHECKING:
    from usersync.config import ProfileTable


def grants(table: ProfileTable) -> str:
    """The statements that give them."""
    named = {"profiles": profiles.table_name(table)}
    return compose(load("queries/grant_rights"), named).as_string()


def lacking(table: ProfileTable) -> str:
    """The query that tells which of them are lacking."""
    named = {"profiles_text": sql.Literal(profiles.table_name(table).as_string())}
    return compose(load("queries/rights_lacking"), named).as_string()
