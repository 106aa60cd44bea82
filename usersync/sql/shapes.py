"""A profile table as the changes of the migration need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from usersync.sql import profiles, unique, users
from usersync.sql.fragments import fragment

if TYPE_CHECKING:
    from usersync.config import ProfileTable, Settings
    from usersync.sql.names import Names
    from usersync.sql.unique import UniqueColumn


@dataclass(frozen=True, slots=True)
class Shape:
    """One profile table as the changes need it.

    ``column_types`` are those of the table that is there, or that will be made when ``made`` says
    that usersync made it, or shall.
    """

    settings: ProfileTable
    column_types: Mapping[str, str]
    made: bool = False
    suffixed: tuple[UniqueColumn, ...] = ()
    """Its columns with ``unique: suffix``."""

    @property
    def followed(self) -> tuple[str, ...]:
        """The columns that stay equal to their source."""
        if self.settings.follow is not None:
            return self.settings.follow
        email = profiles.email_column(self.settings)
        return (email,) if self.made and email else ()


def table_names(settings: Settings, shape: Shape) -> Names:
    """What the pieces about one table may name."""
    table = shape.settings
    return {
        "profiles": profiles.table_name(table),
        "key": sql.Identifier(table.key),
        "columns": profiles.column_list(table),
        "values": profiles.value_list(
            table, shape.column_types, given=unique.free_values(table, shape.suffixed)
        ),
        "needs_profile": users.needs_profile(settings.users),
    }


def insert(settings: Settings, shape: Shape, indent: int) -> sql.Composable:
    """The piece that makes the profile of the user ``new``."""
    name = "insert_suffixed" if shape.suffixed else "insert_profile"
    return fragment(name, table_names(settings, shape), indent)


def record(settings: Settings, shape: Shape, indent: int) -> sql.Composable:
    """The piece that writes a failure down."""
    return fragment(
        "record_failure",
        {
            "ours": sql.Identifier(settings.install.schema_name),
            "table_name": sql.Literal(shape.settings.name),
        },
        indent,
    )
