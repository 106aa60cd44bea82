"""What checks found, whichever door they were asked through: rows are findings, none is a pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, cast

from usersync.config import Acceptance, Extent, ProfileTable, Settings
from usersync.model import LIST_LENGTH, CheckResult, Finding, Level
from usersync.sql import Script, profiles
from usersync.sql import checks as scripts

Row = Mapping[str, Any]

#: Names that tables and columns are given all the same.
_RESERVED = frozenset({"user", "order", "group", "table", "column", "default", "references"})

#: Asks one check about one table, given the subjects that are accepted; see `Unanswered`.
Ask = Callable[[Script, ProfileTable, Collection[str]], Sequence[Row]]


class Unanswered(Exception):
    """A check that Postgres could not run.

    Args:
        why: the SQLSTATE and its name; no value of any row.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def run(
    settings: Settings,
    tables: Sequence[ProfileTable],
    ask: Ask,
    *,
    has_failures: bool,
    today: date,
    wanted: Collection[str] | None = None,
) -> tuple[CheckResult, ...]:
    """Run the checks, each about every profile table or once about the database.

    Args:
        settings: what holds in the target.
        tables: the profile tables.
        ask: asks one check about one table.
        has_failures: whether our table of failures is there.
        today: acceptances that ended before it no longer hold.
        wanted: names of checks, without number; all when not given.
    """

    def one(script: Script, table: ProfileTable) -> CheckResult:
        script = _possible(script, settings)
        nothing = _nothing(script)
        needs = script.header.get("needs", "")
        if needs == "email" and profiles.email_column(table) is None:
            return nothing
        if needs == "failures" and not has_failures:
            return nothing
        accepted = accepted_subjects(nothing.check, settings.accept, today)
        try:
            rows = ask(script, table, tuple(accepted))
        except Unanswered as unanswered:
            return replace(nothing, unknown=unanswered.why)
        found = result(nothing.check, script.header, rows, accepted)
        return replace(found, remedy=_exact(found, script, table))

    return tuple(
        _merged([one(script, table) for table in _about(script, tables)])
        for script in scripts()
        if (wanted is None or name_of(script) in wanted)
        # Where no trigger is wanted, nobody asks for one.
        and not (settings.trigger == "none" and script.header.get("needs") == "trigger")
    )


def _possible(script: Script, settings: Settings) -> Script:
    """The check with the remedy that works without what ``install:`` leaves out."""
    header = script.header
    part: Extent = "full" if "repair." in header["remedy"] else "trigger"
    if "without" not in header or not settings.install.lacks(part):
        return script
    return replace(script, header={**header, "remedy": header["without"]})


def result(
    name: str, header: Mapping[str, str], rows: Sequence[Row], accepted: Mapping[str, str]
) -> CheckResult:
    """The rows of ``queries/check.sql`` as what was found.

    Args:
        name: what its findings are called by.
        header: the head of the check's file.
        rows: one a finding.
        accepted: the subjects that are accepted, whole or by their start, with the reason.
    """
    return CheckResult(
        check=name,
        level=cast("Level", header["level"]),
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


def name_of(script: Script) -> str:
    """The name of a check, without its number."""
    return script.name.partition("_")[2]


def accepted_subjects(name: str, acceptances: Sequence[Acceptance], today: date) -> dict[str, str]:
    """The subjects of one check that are accepted, whole or by their start, with the reason."""
    return {
        acceptance.id.partition(":")[2]: acceptance.reason
        for acceptance in acceptances
        if acceptance.id.startswith(f"{name}:") and acceptance.until >= today
    }


def _nothing(script: Script) -> CheckResult:
    return CheckResult(
        check=name_of(script),
        level=cast("Level", script.header["level"]),
        question=script.header["asks"],
        remedy=script.header["remedy"],
        count=0,
    )


def _about(script: Script, tables: Sequence[ProfileTable]) -> Iterator[ProfileTable]:
    yield from tables if script.header.get("about") == "table" else tables[:1]


def _exact(found: CheckResult, script: Script, table: ProfileTable) -> str:
    """The remedy of a check with the names that are known in place of the words for them."""
    words = {"NAME": found.findings[0].subject} if found.count == 1 else {}
    if script.header["about"] == "table":
        words |= {
            "TABLE": f"{_typed(table.schema_name)}.{_typed(table.table)}",
            "SCHEMA": _typed(table.schema_name),
            "KEY": _typed(table.key),
        }
        email = profiles.email_column(table)
        words |= {"COLUMN": _typed(email)} if email else {}
    return re.sub(
        r"\b[A-Z]{3,}\b", lambda word: words.get(word[0], word[0]), script.header["remedy"]
    )


def _typed(name: str) -> str:
    """A name as a person types it: in quotes only where it needs them."""
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _RESERVED
    return name if plain else '"{}"'.format(name.replace('"', '""'))


def _merged(results: Sequence[CheckResult]) -> CheckResult:
    """One check's results for several tables as one."""
    first = results[0]
    return replace(
        first,
        count=sum(one.count for one in results),
        accepted=sum(one.accepted for one in results),
        findings=tuple(finding for one in results for finding in one.findings)[:LIST_LENGTH],
        unknown="; ".join(dict.fromkeys(one.unknown for one in results if one.unknown)),
    )


def _reason(accepted: Mapping[str, str], subject: str) -> str:
    return next((why for start, why in accepted.items() if subject.startswith(start)), "")
