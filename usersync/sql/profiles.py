"""The profile table as SQL: its names, and for each column the expression of its value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, assert_never

from psycopg import sql

from usersync.config import (
    Expression,
    FirstOf,
    LiteralValue,
    Metadata,
    Suffixed,
    UserColumn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usersync.config import ProfileTable, Source

_METADATA_COLUMNS = {"user_metadata": "raw_user_meta_data", "app_metadata": "raw_app_meta_data"}


def table_name(table: ProfileTable) -> sql.Identifier:
    """The qualified, quoted name of the table."""
    return sql.Identifier(table.schema_name, table.table)


def sources(table: ProfileTable, role: str | None = None) -> dict[str, Source]:
    """Every column that a new profile gets a value for, the role among them, without the key.

    Args:
        table: the table's configuration.
        role: the role to give instead of the default one.
    """
    columns = dict(table.columns)
    if table.role is not None:
        columns[table.role.column] = LiteralValue(role or table.role.default)
    return columns


def column_list(table: ProfileTable) -> sql.Composable:
    """The columns of the insert, the key first."""
    return sql.SQL(", ").join(map(sql.Identifier, (table.key, *sources(table))))


def value_list(
    table: ProfileTable,
    column_types: Mapping[str, str],
    role: str | None = None,
    role_input: sql.Composable | None = None,
    given: Mapping[str, sql.Composable] | None = None,
) -> sql.Composable:
    """The values of the insert over the row ``u``, in the order of `column_list`.

    Args:
        table: the table's configuration.
        column_types: the type of each column without its length, so that a cast never cuts text.
        role: the role to give instead of the default one.
        role_input: an expression of the role to give, null for the default one.
        given: the values of columns that are more than their source.
    """
    values = [
        (given or {}).get(column, typed_value(source, column_types[column]))
        for column, source in sources(table, role).items()
    ]
    if table.role is not None and role_input is not None:
        default, kind = sql.Literal(table.role.default), column_types[table.role.column]
        number = list(sources(table)).index(table.role.column)
        values[number] = sql.SQL("(coalesce({}, {}))::{}").format(
            role_input, default, sql.SQL(kind)
        )
    return sql.SQL(", ").join([sql.SQL("u.id"), *values])


def steady_values(table: ProfileTable) -> sql.Composable:
    """The sources that a plan's digest covers: all but ``sql:`` ones, which may be volatile.

    One with ``unique: suffix`` is covered always, since others depend on it.

    Without the casts of `value_list`: one value that does not fit its column is a failed creation,
    and must not break the plan.
    """
    values = [value(source) for source in sources(table).values() if not _has_expression(source)]
    return sql.SQL(", ").join([sql.SQL("u.id"), *values])


def typed_value(source: Source, type_name: str) -> sql.Composable:
    """One source as a value of a type.

    Args:
        source: where the value comes from.
        type_name: a type as Postgres itself printed it.
    """
    expression = value(source)
    if type_name in ("json", "jsonb"):
        match source:
            case Metadata(root=root, path=path):
                column = sql.Identifier(_METADATA_COLUMNS[root])
                expression = sql.SQL("u.{} #> {}::text[]").format(column, sql.Literal(list(path)))
            case UserColumn() | FirstOf():
                expression = sql.SQL("to_jsonb({})").format(expression)
            case LiteralValue(value=literal) if literal is not None:
                expression = sql.Literal(json.dumps(literal, ensure_ascii=False))
    return sql.SQL("({})::{}").format(expression, sql.SQL(type_name))


def value(source: Source) -> sql.Composable:
    """One source as an expression over the row ``u``."""
    match source:
        case UserColumn(name=name):
            return sql.SQL("u.{}").format(sql.Identifier(name))
        case Metadata(root=root, path=path):
            column = sql.Identifier(_METADATA_COLUMNS[root])
            return sql.SQL("u.{} #>> {}::text[]").format(column, sql.Literal(list(path)))
        case FirstOf(sources=candidates):
            texts = [_text_or_null(candidate) for candidate in candidates]
            return sql.SQL("coalesce({})").format(sql.SQL(", ").join(texts))
        case LiteralValue(value=literal):
            return sql.Literal(literal if literal is None else _literal_text(literal))
        case Expression(sql=text):
            # On lines of its own: a comment at its end must not swallow our parenthesis.
            return sql.SQL("\n{}\n").format(sql.SQL(text))
        case Suffixed(source=source):
            return value(source)
        case _:
            assert_never(source)


def role_update(table: ProfileTable, user_id: str, role: str) -> str:
    """The statement that gives a profile another role, for a person to run."""
    assert table.role is not None
    statement = sql.SQL("update {} set {} = {} where {} = {};").format(
        table_name(table),
        sql.Identifier(table.role.column),
        sql.Literal(role),
        sql.Identifier(table.key),
        sql.Literal(user_id),
    )
    return statement.as_string()


def profile_delete(table: ProfileTable, user_id: str) -> str:
    """The statement that takes away one profile, for a person to run."""
    statement = sql.SQL("delete from {} where {} = {};").format(
        table_name(table), sql.Identifier(table.key), sql.Literal(user_id)
    )
    return statement.as_string()


def email_column(table: ProfileTable) -> str | None:
    """The column that holds the user's e-mail, when there is one."""
    for column, source in table.columns.items():
        if source == UserColumn(name="email"):
            return column
    return None


def expressions(table: ProfileTable) -> list[tuple[str, str]]:
    """Every ``sql:`` text with its column, those inside lists too."""
    return [
        (column, candidate.sql)
        for column, source in table.columns.items()
        for candidate in _candidates(source)
        if isinstance(candidate, Expression)
    ]


def fixed_values(table: ProfileTable) -> list[tuple[str, LiteralValue]]:
    """Every fixed value with its column: literals, and all roles that there are."""
    roles = table.role.allowed if table.role else ()
    return [
        *((column, one) for column, one in table.columns.items() if isinstance(one, LiteralValue)),
        *((table.role.column, LiteralValue(role)) for role in roles if table.role),
    ]


def suffixed(table: ProfileTable) -> dict[str, Suffixed]:
    """The columns of which no two profiles may have the same value."""
    return {
        column: source for column, source in table.columns.items() if isinstance(source, Suffixed)
    }


def _candidates(source: Source) -> tuple[Source, ...]:
    if isinstance(source, Suffixed):
        return _candidates(source.source)
    return source.sources if isinstance(source, FirstOf) else (source,)


def _has_expression(source: Source) -> bool:
    if isinstance(source, Suffixed):
        return False
    return any(isinstance(candidate, Expression) for candidate in _candidates(source))


def _text_or_null(source: Source) -> sql.Composable:
    return sql.SQL("nullif(btrim(({})::text), '')").format(value(source))


def _literal_text(literal: str | float | bool) -> str:
    return str(literal).lower() if isinstance(literal, bool) else str(literal)
