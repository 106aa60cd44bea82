"""The mapping held against the table: is every source an expression of its column's type?"""

from __future__ import annotations

import psycopg
from psycopg import sql

from usersync.backends import Table, inspection
from usersync.backends.postgres.transactions import Transactions
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
        _refuse(table, column, "the sql: expression does not prepare", transactions.trial(probe))
    values = {
        column: profiles.typed_value(source, types[column])
        for column, source in profiles.sources(settings).items()
    }
    if transactions.trial(_probe(list(values.values()))) is not None:
        # One by one only to find the one that does not fit.
        for column, value in values.items():
            what = f"the source does not fit {types[column]}"
            _refuse(table, column, what, transactions.trial(_probe([value])))
    for column, literal in profiles.fixed_values(settings):
        value = profiles.typed_value(literal, types[column])
        what = f"{literal.describe()} is no value of type {types[column]}"
        probe = compose(load("queries/literals"), {"literals": value})
        _refuse(table, column, what, transactions.trial(probe))


def _probe(values: list[sql.Composable]) -> sql.Composed:
    are_null = [sql.SQL("({}) is null").format(value) for value in values]
    any_null = sql.SQL(" or ").join(are_null) if are_null else sql.SQL("true")
    return compose(load("queries/values"), {"values_are_null": any_null})


def _refuse(table: Table, column: str, what: str, error: psycopg.Error | None) -> None:
    if error is None:
        return
    reason = error.diag.message_primary or str(error).strip()
    raise inspection.bad_value(table.settings, column, what, reason) from error
