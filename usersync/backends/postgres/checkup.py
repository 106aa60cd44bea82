"""Every check of ``migration.verify`` in one read-only transaction; none can break another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from usersync.backends import checks
from usersync.backends.postgres.failures import condition_name
from usersync.backends.postgres.findings import ask, run_text
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.model import CheckResult
from usersync.sql import Script, compose, load, profiles
from usersync.sql.changes import Change, ours
from usersync.sql.check_names import check_names


def run(
    transactions: Transactions,
    settings: Settings,
    tables: tuple[ProfileTable, ...],
    wanted: Collection[str] | None = None,
) -> tuple[CheckResult, ...]:
    """Run the checks, each about every profile table or once about the database.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        tables: the profile tables.
        wanted: names of checks, without number; all when not given.
    """
    # Expressions are tried in transactions of their own: a broken one ends its transaction.
    names = {
        table.name: check_names(settings, tables, table, _broken(transactions, table))
        for table in tables
    }

    def work(cursor: RowCursor) -> tuple[CheckResult, ...]:
        def rows(script: Script, table: ProfileTable, accepted: Collection[str]) -> list[Row]:
            try:
                with cursor.connection.transaction():
                    return ask(cursor, script, names[table.name], accepted)
            except psycopg.Error as error:
                raise checks.Unanswered(why(error)) from error

        failures = sql.SQL("select to_regclass({}) is not null as there").format(
            ours(settings)["failures_text"]
        )
        return checks.run(
            settings,
            tables,
            rows,
            has_failures=fetch_all(cursor, failures)[0]["there"],
            today=datetime.now(UTC).date(),
            wanted=wanted,
        )

    return transactions.read(work)


def verify(
    transactions: Transactions, settings: Settings, changes: Sequence[Change]
) -> tuple[CheckResult, ...]:
    """Run the checks of changes that were applied: does each do what it should?

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        changes: rendered.
    """

    def work(cursor: RowCursor) -> tuple[CheckResult, ...]:
        return tuple(
            run_text(
                cursor,
                f"change_{change.name.partition('_')[2]}",
                load(f"changes/{change.name}/verify").header,
                change.verify,
                settings.accept,
                datetime.now(UTC).date(),
            )
            for change in changes
        )

    return transactions.read(work)


def why(error: psycopg.Error) -> str:
    """The SQLSTATE and its name, with the server's words where they quote no value of a row."""
    state = error.sqlstate or ""
    name = f"{state} {condition_name(state)}"
    # What is wrong with names and rights quotes no value of a row.
    return f"{name}: {error.diag.message_primary}" if state.startswith("42") else name


def _broken(transactions: Transactions, table: ProfileTable) -> tuple[sql.Composed, sql.Composed]:
    """The columns whose ``sql:`` value does not prepare, and what Postgres says of each."""
    found: list[tuple[str, str]] = []
    for column, text in profiles.expressions(table):
        probe = compose(load("queries/expression"), {"expression": sql.SQL(text)})
        error = transactions.trial(probe)
        if error is not None:
            found.append((column, error.diag.message_primary or "it is no expression"))
    return _texts([name for name, _ in found]), _texts([reason for _, reason in found])


def _texts(texts: Sequence[str]) -> sql.Composed:
    return sql.SQL("{}::text[]").format(sql.Literal(list(texts)))
