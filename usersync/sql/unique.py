"""Columns with ``unique: suffix`` as SQL: what an index takes for the same, and what is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from usersync.sql import profiles
from usersync.sql.fragments import fragment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from usersync.config import ProfileTable
    from usersync.sql.names import Names

#: The number behind a text that nobody gets, whatever its length.
_MOST = 1_000_000

_NO_WISHES = sql.SQL(
    "(select null::text as column_name, null::text as wanted, null::jsonb as users,"
    " null::bigint as room, null::jsonb as free where false)"
)


@dataclass(frozen=True, slots=True)
class UniqueIndex:
    """What one unique index holds to be the same; texts are as Postgres printed them."""

    expression: str | None
    """Over the column; None for the column itself."""
    collation: str | None
    equals: str
    """Its operator, such as ``operator(pg_catalog.=)``."""


@dataclass(frozen=True, slots=True)
class UniqueColumn:
    """One column of which no two profiles may have the same value."""

    name: str
    type: str
    collation: str
    length: int | None
    """The most characters it takes; None for any number."""
    indexes: tuple[UniqueIndex, ...]

    @property
    def most(self) -> int:
        """The highest number that fits behind a text."""
        return _MOST if self.length is None else max(min(10 ** (self.length - 1) - 1, _MOST), 1)


def new_columns(table: ProfileTable, column_types: Mapping[str, str]) -> tuple[UniqueColumn, ...]:
    """The columns with ``unique: suffix`` of a table that usersync makes."""
    default = 'pg_catalog."default"'
    index = UniqueIndex(None, default, "operator(pg_catalog.=)")
    return tuple(
        UniqueColumn(column, column_types[column], default, None, (index,))
        for column in profiles.suffixed(table)
    )


def numbered(value: str, number: int, length: int | None) -> str:
    """A text with a number behind it, cut as `numbered_value.sql` cuts it."""
    if number == 1:
        return value
    behind = f"_{number}"
    return value[: None if length is None else max(length - len(behind), 0)] + behind


def free_values(table: ProfileTable, columns: Sequence[UniqueColumn]) -> dict[str, sql.Composable]:
    """Per column the first value that no profile has, over the row ``u``."""
    return {one.name: free_value(table, one, _base(table, one)) for one in columns}


def free_value(table: ProfileTable, column: UniqueColumn, base: sql.Composable) -> sql.Composable:
    """The first value of a column that no profile has.

    Args:
        table: the profile table.
        column: of it.
        base: what is wanted, as text.
    """
    named = {
        "base": base,
        "next": _numbered(column, sql.SQL("t.wanted"), sql.SQL("t.number + 1")),
        "is_taken": _is_taken(table, column, "t.value"),
        "most": sql.Literal(column.most),
        "type": sql.SQL(column.type),
    }
    return fragment("free_value", named)


def given_values(table: ProfileTable, columns: Sequence[UniqueColumn]) -> dict[str, sql.Composable]:
    """Per column what the ``input`` of a batch gives the user ``u``."""
    return {
        one.name: fragment(
            "given_value",
            {
                "free_value": free_value(table, one, _base(table, one)),
                "numbered": _numbered(
                    one, sql.SQL("usersync_given.value"), sql.SQL("usersync_given.number")
                ),
                "base": _base(table, one),
                "column_text": sql.Literal(one.name),
                "type": sql.SQL(one.type),
            },
        )
        for one in columns
    }


def wishes(
    table: ProfileTable, columns: Sequence[UniqueColumn], named: Names, spare: sql.Composable
) -> sql.Composable:
    """Who of a plan wants which value, for every column, as something to select from.

    Args:
        table: the profile table.
        columns: those with ``unique: suffix``.
        named: what a query about the plan may name.
        spare: how many more free numbers to tell than there are users who want the text.
    """
    if not columns:
        return _NO_WISHES
    selects = [_wishes(table, one, named | {"spare": spare}) for one in columns]
    return sql.SQL("({})").format(sql.SQL("\nunion all\n").join(selects))


def _wishes(table: ProfileTable, column: UniqueColumn, named: Names) -> sql.Composable:
    ranks = [
        sql.SQL("dense_rank() over (order by {})").format(_key(column, index, "t.value"))
        for index in column.indexes
    ]
    crowds = [
        sql.SQL("count(*) over (partition by m.marks[{}])").format(sql.Literal(number))
        for number in range(1, len(column.indexes) + 1)
    ]
    fits: sql.Composable = sql.SQL("w.value is not null")
    if column.length is not None:
        fits += sql.SQL(" and char_length(w.value) <= {}").format(sql.Literal(column.length))
    return fragment(
        "wishes",
        named
        | {
            "base": _base(table, column),
            "key_of_text": _key(column, column.indexes[0], "t.value"),
            "fits": fits,
            "is_taken": _is_taken(table, column, "t.value"),
            "next": _numbered(column, sql.SQL("s.wanted"), sql.SQL("s.number + 1")),
            "most": sql.Literal(column.most),
            "marks": sql.SQL(", ").join(ranks),
            "crowd": sql.SQL("greatest({})").format(sql.SQL(", ").join(crowds)),
            "column_text": sql.Literal(column.name),
        },
    )


def _base(table: ProfileTable, column: UniqueColumn) -> sql.Composable:
    """What a user's source says, as the column would hold it, as text."""
    value = profiles.typed_value(table.columns[column.name], column.type)
    if column.length is None:
        return sql.SQL("({})::text").format(value)
    # Postgres itself cuts what is too long by blanks alone.
    return sql.SQL(
        "(select left(usersync_text.value, greatest(char_length(rtrim(usersync_text.value)), {}))"
        " from (select ({})::text as value) as usersync_text)"
    ).format(sql.Literal(column.length), value)


def _numbered(
    column: UniqueColumn, value: sql.Composable, number: sql.Composable
) -> sql.Composable:
    cut = value
    if column.length is not None:
        cut = sql.SQL("left({}, greatest({} - char_length(({})::text), 0))").format(
            value, sql.Literal(column.length - 1), number
        )
    return fragment("numbered_value", {"number": number, "value": value, "cut": cut})


def _is_taken(table: ProfileTable, column: UniqueColumn, value: str) -> sql.Composable:
    """Whether a profile has a value; ``value`` must hold no name that a profile could mean."""
    looks = [
        fragment(
            "is_taken",
            {
                "profiles": profiles.table_name(table),
                "expression": _expression(column, index),
                "index_collation": _collate(index),
                "equals": sql.SQL(index.equals),
                "value": sql.SQL(value),
                **_typed(column),
            },
        )
        for index in column.indexes
    ]
    return sql.SQL("({})").format(sql.SQL(" or ").join(looks))


def _key(column: UniqueColumn, index: UniqueIndex, value: str) -> sql.Composable:
    """What an index makes of a value."""
    return sql.SQL(
        "(select ({expression}){index_collation}"
        " from (select ({value})::{type} collate {collation}) as usersync_one ({column}))"
    ).format(
        expression=_expression(column, index),
        index_collation=_collate(index),
        value=sql.SQL(value),
        **_typed(column),
    )


def _expression(column: UniqueColumn, index: UniqueIndex) -> sql.Composable:
    return sql.SQL(index.expression) if index.expression else sql.Identifier(column.name)


def _collate(index: UniqueIndex) -> sql.Composable:
    return sql.SQL(f" collate {index.collation}") if index.collation else sql.SQL("")


def _typed(column: UniqueColumn) -> Names:
    return {
        "type": sql.SQL(column.type),
        "collation": sql.SQL(column.collation),
        "column": sql.Identifier(column.name),
    }
