"""The text of a check, run in a transaction of the direct door."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from psycopg import sql

from usersync.backends import checks
from usersync.backends.postgres.names import Names
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.config import Acceptance
from usersync.model import LIST_LENGTH, CheckResult
from usersync.sql import Script, compose, load
from usersync.sql import checks as scripts


def run_checks(
    cursor: RowCursor,
    wanted: Collection[str],
    names: Names,
    acceptances: Sequence[Acceptance],
    today: date,
) -> tuple[CheckResult, ...]:
    """Run the checks of these names, in the order of their numbers.

    Args:
        cursor: in a read-only transaction.
        wanted: names of checks, without number.
        names: what their files may name.
        acceptances: findings the team knows of.
        today: acceptances that ended before it no longer hold.
    """
    return tuple(
        run_text(
            cursor,
            checks.name_of(script),
            script.header,
            compose(script, names).as_string(cursor),
            acceptances,
            today,
        )
        for script in scripts()
        if checks.name_of(script) in wanted
    )


def run_text(
    cursor: RowCursor,
    name: str,
    header: Mapping[str, str],
    text: str,
    acceptances: Sequence[Acceptance],
    today: date,
) -> CheckResult:
    """Run a check whose text is composed already.

    Args:
        cursor: in a read-only transaction.
        name: what its findings are called by.
        header: the head of its file.
        text: one statement.
        acceptances: findings the team knows of.
        today: acceptances that ended before it no longer hold.
    """
    accepted = checks.accepted_subjects(name, acceptances, today)
    return checks.result(name, header, _rows(cursor, text, tuple(accepted)), accepted)


def ask(cursor: RowCursor, script: Script, names: Names, accepted: Collection[str]) -> list[Row]:
    """The rows of one check.

    Args:
        cursor: in a read-only transaction.
        script: its file.
        names: what the file may name.
        accepted: subjects that are accepted, whole or by their start.
    """
    return _rows(cursor, compose(script, names).as_string(cursor), accepted)


def _rows(cursor: RowCursor, text: str, accepted: Collection[str]) -> list[Row]:
    named: Names = {
        "check": sql.SQL(text.rstrip().rstrip(";")),
        "accepted": sql.SQL("{}::text[]").format(sql.Literal(list(accepted))),
        "list_length": sql.Literal(LIST_LENGTH),
    }
    return fetch_all(cursor, compose(load("queries/check"), named))
