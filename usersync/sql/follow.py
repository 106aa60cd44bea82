"""What the trigger that follows changes of users does, for one configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from usersync.config import FirstOf, LiteralValue, Metadata, Suffixed, UserColumn
from usersync.sql import profiles, unique
from usersync.sql.fragments import body, fragment
from usersync.sql.shapes import insert, record, table_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usersync.config import Settings, Source
    from usersync.sql.names import Names
    from usersync.sql.shapes import Shape


def names(settings: Settings, shapes: Sequence[Shape]) -> Names:
    """What the trigger on updates needs; empty when there is nothing to follow."""
    tables: list[sql.Composable] = []
    columns: list[str] = []
    anything = False
    becoming: sql.Composable = sql.SQL("")
    if not settings.users.anonymous:
        columns += ["is_anonymous", "email", "phone"]
        becoming = fragment("becoming", {}, indent=4)
        tables += [_become_permanent(settings, shape) for shape in shapes]
    for shape in shapes:
        if not shape.followed:
            continue
        named = _kept_equal(shape, shape.followed) | {"on_error": record(settings, shape, indent=8)}
        tables.append(fragment("follow_table", named, indent=4))
        for column in shape.followed:
            read = _columns_read(shape.settings.columns[column])
            anything = anything or read is None
            columns += [one for one in read or () if one not in columns]
    if not tables:
        return {}
    conditions = [
        sql.SQL("old.is_anonymous and not new.is_anonymous")
        if column == "is_anonymous"
        else sql.SQL("old.{0} is distinct from new.{0}").format(sql.Identifier(column))
        for column in columns
    ]
    if anything:
        conditions = [sql.SQL("old.* is distinct from new.*")]
    of = sql.SQL(" of {}").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    return {
        "follow_columns": sql.SQL("") if anything else of,
        "follow_condition": sql.SQL(" or ").join(conditions),
        "follow_body": body("follow", tables, becoming=becoming),
    }


def _become_permanent(settings: Settings, shape: Shape) -> sql.Composable:
    """What gives a user a profile in one table, and completes it with what comes later."""
    table = shape.settings
    later = [
        column
        for column, source in table.columns.items()
        if column not in shape.followed and _columns_read(source) != ()
    ]
    complete: sql.Composable = sql.SQL("")
    if later:
        complete = fragment("complete_table", _kept_equal(shape, later, as_made=True), indent=12)
    named = table_names(settings, shape) | {
        "ours": sql.Identifier(settings.install.schema_name),
        "table_name": sql.Literal(table.name),
        "insert": insert(settings, shape, indent=16),
        "complete": complete,
        "on_error": record(settings, shape, indent=12),
    }
    return fragment("become_permanent", named, indent=4)


def _kept_equal(shape: Shape, columns: Sequence[str], *, as_made: bool = False) -> Names:
    """What sets columns to their sources where these have changed.

    Args:
        shape: the table.
        columns: of it.
        as_made: only where the column still holds what its source was before.
    """
    table = shape.settings
    # Names of our own, so that no column of the app can be meant by them.
    own = {column: f"followed_{number}" for number, column in enumerate(columns, start=1)}
    moved = "now_is.{name}::text is distinct from was.{name}::text"
    if as_made:
        moved += " and p.{column}::text is not distinct from was.{name}::text"
    differs = [
        sql.SQL(moved).format(name=sql.Identifier(name), column=sql.Identifier(column))
        for column, name in own.items()
    ]
    now_is = {
        one.name: unique.free_value(table, one, sql.SQL("{}::text").format(_now_is(own[one.name])))
        for one in shape.suffixed
        if one.name in own
    }
    assignments = [
        sql.SQL("{0} = case when {1} then {2} else p.{0} end").format(
            sql.Identifier(column), condition, now_is.get(column) or _now_is(name)
        )
        for (column, name), condition in zip(own.items(), differs, strict=True)
    ]
    values = [profiles.typed_value(table.columns[one], shape.column_types[one]) for one in columns]
    return {
        "profiles": profiles.table_name(table),
        "key": sql.Identifier(table.key),
        "values": sql.SQL(", ").join(values),
        "names": sql.SQL(", ").join(map(sql.Identifier, own.values())),
        "assignments": sql.SQL(",\n        ").join(assignments),
        "differs": sql.SQL("({})").format(sql.SQL(" or ").join(differs)),
    }


def _now_is(name: str) -> sql.Composable:
    return sql.SQL("now_is.{}").format(sql.Identifier(name))


def _columns_read(source: Source) -> tuple[str, ...] | None:
    """The columns of ``auth.users`` that a source reads; None when it may read any."""
    match source:
        case UserColumn(name=name):
            return (name,)
        case Metadata(root=root):
            return ({"user_metadata": "raw_user_meta_data"}.get(root, "raw_app_meta_data"),)
        case LiteralValue():
            return ()
        case Suffixed(source=inner):
            return _columns_read(inner)
        case FirstOf(sources=candidates):
            read = [_columns_read(candidate) for candidate in candidates]
            return None if None in read else tuple(one for part in read for one in part or ())
        case _:
            return None
