"""What the trigger that follows changes of users does, for one configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from usersync.config import FirstOf, LiteralValue, Metadata, UserColumn
from usersync.sql import profiles
from usersync.sql.fragments import body, fragment
from usersync.sql.shapes import record, table_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usersync.config import Settings, Source
    from usersync.sql.names import Names
    from usersync.sql.shapes import Shape


def names(settings: Settings, shapes: Sequence[Shape]) -> Names:
    """What the trigger on updates needs; empty when there is nothing to follow."""
    tables: list[sql.Composable] = []
    columns: list[str] = []
    conditions: list[sql.Composable] = []
    anything = False
    if not settings.users.anonymous:
        columns.append("is_anonymous")
        conditions.append(sql.SQL("old.is_anonymous and not new.is_anonymous"))
        tables += [
            fragment(
                "become_permanent",
                table_names(settings, shape) | {"on_error": record(settings, shape, indent=12)},
                indent=4,
            )
            for shape in shapes
        ]
    for shape in shapes:
        if not shape.followed:
            continue
        tables.append(_follow_table(settings, shape))
        for column in shape.followed:
            read = _columns_read(shape.settings.columns[column])
            anything = anything or read is None
            columns += [one for one in read or () if one not in columns]
    followed = [column for column in columns if column != "is_anonymous"]
    conditions += [
        sql.SQL("old.{0} is distinct from new.{0}").format(sql.Identifier(column))
        for column in followed
    ]
    if anything:
        conditions = [sql.SQL("old.* is distinct from new.*")]
    if not tables:
        return {}
    of = sql.SQL(" of {}").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    return {
        "follow_columns": sql.SQL("") if anything else of,
        "follow_condition": sql.SQL(" or ").join(conditions),
        "follow_body": body("follow", tables),
    }


def _follow_table(settings: Settings, shape: Shape) -> sql.Composable:
    # Names of our own, so that no column of the app can be meant by them.
    own = {column: f"followed_{number}" for number, column in enumerate(shape.followed, start=1)}
    differs = [
        sql.SQL("now_is.{0}::text is distinct from was.{0}::text").format(sql.Identifier(name))
        for name in own.values()
    ]
    assignments = [
        sql.SQL("{} = case when {} then now_is.{} else p.{} end").format(
            sql.Identifier(column), condition, sql.Identifier(name), sql.Identifier(column)
        )
        for (column, name), condition in zip(own.items(), differs, strict=True)
    ]
    values = [
        profiles.typed_value(shape.settings.columns[column], shape.column_types[column])
        for column in own
    ]
    return fragment(
        "follow_table",
        table_names(settings, shape)
        | {
            "values": sql.SQL(", ").join(values),
            "followed": sql.SQL(", ").join(map(sql.Identifier, own.values())),
            "assignments": sql.SQL(",\n        ").join(assignments),
            "differs": sql.SQL("({})").format(sql.SQL(" or ").join(differs)),
            "on_error": record(settings, shape, indent=8),
        },
        indent=4,
    )


def _columns_read(source: Source) -> tuple[str, ...] | None:
    """The columns of ``auth.users`` that a source reads; None when it may read any."""
    match source:
        case UserColumn(name=name):
            return (name,)
        case Metadata(root=root):
            return ({"user_metadata": "raw_user_meta_data"}.get(root, "raw_app_meta_data"),)
        case LiteralValue():
            return ()
        case FirstOf(sources=candidates):
            read = [_columns_read(candidate) for candidate in candidates]
            return None if None in read else tuple(one for part in read for one in part or ())
        case _:
            return None
