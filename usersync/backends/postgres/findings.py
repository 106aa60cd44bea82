"""Running checks: rows are findings, no rows is a pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, cast

from psycopg import sql

from usersync.backends.postgres.names import Names
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.config import Acceptance
from usersync.model import LIST_LENGTH, CheckResult, Finding
from usersync.sql import Script, checks, compose, load


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
        run_check(cursor, script, names, acceptances, today)
        for script in checks()
        if check_name(script) in wanted
    )


def run_check(
    cursor: RowCursor,
    script: Script,
    names: Names,
    acceptances: Sequence[Acceptance],
    today: date,
) -> CheckResult:
    """Run one check.

    Args:
        cursor: in a read-only transaction.
        script: its file.
        names: what the file may name.
        acceptances: findings the team knows of.
        today: acceptances that ended before it no longer hold.
    """
    text = compose(script, names).as_string(cursor)
    return run_text(cursor, check_name(script), script.header, text, acceptances, today)


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
    accepted = _accepted(name, acceptances, today)
    check = text.rstrip().rstrip(";")
    rows = fetch_all(
        cursor,
        compose(
            load("queries/check"),
            {
                "check": sql.SQL(check),
                "accepted": sql.SQL("{}::text[]").format(sql.Literal(list(accepted))),
                "list_length": sql.Literal(LIST_LENGTH),
            },
        ),
    )
    return CheckResult(
        check=name,
        level=cast("Any", header["level"]),
        question=header["asks"],
        remedy=header["remedy"],
        count=rows[0]["findings"] if rows else 0,
        accepted=rows[0]["accepted"] if rows else 0,
        findings=tuple(
            Finding(
                id=f"{name}:{row['subject']}",
                subject=row["subject"],
                detail=row["detail"],
                accepted=_reason(accepted, row["subject"]),
            )
            for row in rows
        ),
    )


def check_name(script: Script) -> str:
    """The name of a check, without its number."""
    return script.name.partition("_")[2]


def _accepted(name: str, acceptances: Sequence[Acceptance], today: date) -> dict[str, str]:
    """The subjects of one check that are accepted, whole or by their start, with the reason."""
    return {
        acceptance.id.partition(":")[2]: acceptance.reason
        for acceptance in acceptances
        if acceptance.id.startswith(f"{name}:") and acceptance.until >= today
    }


def _reason(accepted: Mapping[str, str], subject: str) -> str:
    return next((why for start, why in accepted.items() if subject.startswith(start)), "")
