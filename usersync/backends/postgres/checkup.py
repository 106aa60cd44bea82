"""Every check of ``migration.verify`` in one read-only transaction; none can break another."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

import psycopg
from psycopg import sql

from usersync.backends.postgres.failures import condition_name
from usersync.backends.postgres.findings import check_name, run_check, run_text
from usersync.backends.postgres.names import Names, of_settings
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.model import LIST_LENGTH, CheckResult, Level
from usersync.sql import Script, checks, compose, load, profiles, users
from usersync.sql.changes import Change, ours


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a check is asked about: one profile table, or the whole database."""

    table: ProfileTable
    names: Names
    has_email: bool
    has_failures: bool


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
    broken = {table.name: _broken(transactions, table) for table in tables}

    def work(cursor: RowCursor) -> tuple[CheckResult, ...]:
        failures = sql.SQL("select to_regclass({}) is not null as there").format(
            ours(settings)["failures_text"]
        )
        has_failures = fetch_all(cursor, failures)[0]["there"]
        subjects = [
            _Subject(
                table,
                _names(settings, tables, table, broken[table.name]),
                profiles.email_column(table) is not None,
                has_failures,
            )
            for table in tables
        ]
        return tuple(
            _merged([_run(cursor, script, settings, one) for one in _about(script, subjects)])
            for script in checks()
            if wanted is None or check_name(script) in wanted
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


def _about(script: Script, subjects: Sequence[_Subject]) -> Iterator[_Subject]:
    per_table = script.header.get("about") == "table"
    yield from subjects if per_table else subjects[:1]


def _run(cursor: RowCursor, script: Script, settings: Settings, subject: _Subject) -> CheckResult:
    nothing = CheckResult(
        check=check_name(script),
        level=cast("Level", script.header["level"]),
        question=script.header["asks"],
        remedy=script.header["remedy"],
        count=0,
    )
    needs = script.header.get("needs", "")
    if (needs == "email" and not subject.has_email) or (
        needs == "failures" and not subject.has_failures
    ):
        return nothing
    try:
        with cursor.connection.transaction():
            found = run_check(
                cursor, script, subject.names, settings.accept, datetime.now(UTC).date()
            )
            return replace(found, remedy=_exact(found, script, subject.table))
    except psycopg.Error as error:
        return replace(nothing, unknown=_why(error))


def _exact(found: CheckResult, script: Script, table: ProfileTable) -> str:
    """The remedy of a check with the names that are known in place of the words for them."""
    words = {"NAME": found.findings[0].subject} if found.count == 1 else {}
    if script.header["about"] == "table":
        words |= {
            "TABLE": profiles.table_name(table).as_string().replace('"', ""),
            "SCHEMA": table.schema_name,
            "KEY": table.key,
        }
    return re.sub(
        r"\b[A-Z]{3,}\b", lambda word: words.get(word[0], word[0]), script.header["remedy"]
    )


def _why(error: psycopg.Error) -> str:
    state = error.sqlstate or ""
    why = f"{state} {condition_name(state)}"
    # What is wrong with names and rights quotes no value of a row.
    return f"{why}: {error.diag.message_primary}" if state.startswith("42") else why


def _merged(results: Sequence[CheckResult]) -> CheckResult:
    """One check's results for several tables as one."""
    first = results[0]
    return replace(
        first,
        count=sum(result.count for result in results),
        accepted=sum(result.accepted for result in results),
        findings=tuple(one for result in results for one in result.findings)[:LIST_LENGTH],
        unknown="; ".join(dict.fromkeys(result.unknown for result in results if result.unknown)),
    )


def _names(
    settings: Settings,
    tables: Sequence[ProfileTable],
    table: ProfileTable,
    broken: Sequence[tuple[str, str]],
) -> Names:
    email = profiles.email_column(table)
    column = sql.SQL("p.{}::text").format(sql.Identifier(email)) if email else sql.SQL("null::text")
    return {
        **of_settings(table),
        **ours(settings),
        "table_name": sql.Literal(table.name),
        "table_pattern": sql.Literal(re.sub(r"(\W)", r"\\\1", table.table)),
        "profiles": profiles.table_name(table),
        "key": sql.Identifier(table.key),
        "key_text": sql.Literal(table.key),
        "email_text": sql.Literal(email or ""),
        "needs_profile": users.needs_profile(settings.users),
        "skip_reason": users.skip_reason(settings.users),
        "email_differs": users.email_differs(email, table.key),
        "user_email": users.masked(sql.SQL("u.email")),
        "profile_email": users.masked(column),
        "profile_email_is": column,
        "anonymous": sql.Literal(settings.users.anonymous),
        "null_columns": _null_columns(table),
        "without_profile": _without_profile(tables),
        "broken_columns": _texts([name for name, _ in broken]),
        "broken_reasons": _texts([reason for _, reason in broken]),
    }


def _null_columns(table: ProfileTable) -> sql.Composed:
    """The columns for which a user has nothing, as an array."""
    cases = [
        sql.SQL("case when ({}) is null then {}::text end").format(
            profiles.value(source), sql.Literal(column)
        )
        for column, source in profiles.sources(table).items()
    ]
    listed = sql.SQL(", ").join([*cases, sql.SQL("null::text")])
    return sql.SQL("(array_remove(array[{}], null))").format(listed)


def _without_profile(tables: Sequence[ProfileTable]) -> sql.Composed:
    """True for a recorded failure whose user is there and still has no profile."""
    stand = [
        sql.SQL(
            "f.profile_table = {} and not exists (select from {} as p where p.{} = f.user_id)"
        ).format(sql.Literal(table.name), profiles.table_name(table), sql.Identifier(table.key))
        for table in tables
    ]
    return sql.SQL("exists (select from auth.users as u where u.id = f.user_id) and ({})").format(
        sql.SQL(" or ").join(stand)
    )


def _broken(transactions: Transactions, table: ProfileTable) -> list[tuple[str, str]]:
    """The ``sql:`` values that do not prepare, each with what Postgres says of it."""
    found: list[tuple[str, str]] = []
    for column, text in profiles.expressions(table):
        probe = compose(load("queries/expression"), {"expression": sql.SQL(text)})
        error = transactions.trial(probe)
        if error is not None:
            found.append((column, error.diag.message_primary or "it is no expression"))
    return found


def _texts(texts: Sequence[str]) -> sql.Composed:
    return sql.SQL("{}::text[]").format(sql.Literal(list(texts)))
