"""The mapping held against the table: is every source an expression of its column's type?"""

from __future__ import annotations

import psycopg
from psycopg import sql

from usersync.backends import Table
from usersync.backends.postgres.transactions import Transactions
from usersync.errors import Refused
from usersync.sql import compose, load, profiles


def refuse_bad_values(transactions: Transactions, table: Table) -> None:
    """Refuse a mapping whose sources cannot become values of their columns.

    Args:
        transactions: of the open door; nothing of the mapping but its fixed values is run.
        table: the profile table, whose columns are known to exist.

    Raises:
        Refused: naming the column and what Postgres says of it.
    """
    settings, types = table.settings, table.column_types
    for column, text in profiles.expressions(settings):
        probe = compose(load("queries/expression"), {"expression": sql.SQL(text)})
        try:
            transactions.prepare(probe)
        except psycopg.Error as error:
            raise _refusal(table, column, "the sql: expression does not prepare", error) from error
    _try_each(
        table,
        {
            column: profiles.typed_value(source, types[column])
            for column, source in profiles.sources(settings).items()
        },
        transactions,
    )
    for column, literal in profiles.fixed_values(settings):
        value = profiles.typed_value(literal, types[column])
        problem = transactions.trial(compose(load("queries/literals"), {"literals": value}))
        if problem is not None:
            what = f"{literal.describe()} is no value of type {types[column]}"
            raise _refusal(table, column, what, problem)


def _try_each(table: Table, values: dict[str, sql.Composable], transactions: Transactions) -> None:
    """Prepare all values at once, and one by one only to find the one that does not fit."""
    try:
        transactions.prepare(_probe(list(values.values())))
    except psycopg.Error:
        for column, value in values.items():
            try:
                transactions.prepare(_probe([value]))
            except psycopg.Error as error:
                kind = table.column_types[column]
                raise _refusal(table, column, f"the source does not fit {kind}", error) from error
        raise


def _probe(values: list[sql.Composable]) -> sql.Composed:
    are_null = [sql.SQL("({}) is null").format(value) for value in values]
    any_null = sql.SQL(" or ").join(are_null) if are_null else sql.SQL("true")
    return compose(load("queries/values"), {"values_are_null": any_null})


def _refusal(table: Table, column: str, what: str, error: psycopg.Error) -> Refused:
    reason = error.diag.message_primary or str(error).strip()
    name = f"{table.settings.schema_name}.{table.settings.table}"
    return Refused(
        f"profiles: {name}: columns.{column}: {what}: {reason}",
        "correct it in usersync.yaml; a sql: source is one expression over the row u of"
        " auth.users, such as `lower(u.email)`",
    )
