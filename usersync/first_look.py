"""The answer of ``docs/first-look.sql``, read from a file and told as a run."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

from usersync.backends import status
from usersync.backends.checks import name_of
from usersync.errors import CouldNotTell, Refused
from usersync.model import (
    CheckResult,
    Count,
    DayCount,
    Finding,
    Level,
    Missing,
    Outcome,
    Status,
    Step,
    TableResult,
    worst,
)
from usersync.sql import checks
from usersync.sql.first_look import VERSION

_COLUMNS = ("part", "name", "value", "detail", "remedy")
_LEVELS: tuple[Level, ...] = ("error", "warning", "info")

#: No answer is near this long.
_LONGEST = 2_000_000


@dataclass(frozen=True, slots=True)
class _Row:
    part: str = ""
    name: str = ""
    value: str = ""
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The rows, by their part."""

    rows: tuple[_Row, ...]

    def of(self, part: str) -> list[_Row]:
        return [row for row in self.rows if row.part == part]

    def value(self, part: str, name: str) -> str:
        return next((row.value for row in self.of(part) if row.name == name), "")


def read(path: str) -> str:
    """The text of the file, or of standard input for ``-``.

    Args:
        path: where the answer was saved.

    Raises:
        Refused: it cannot be read.
    """
    try:
        if path == "-":
            return sys.stdin.read(_LONGEST)
        with Path(path).open(encoding="utf-8-sig") as file:
            return file.read(_LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Refused(f"--from: {path} cannot be read: {why}") from error


def outcome(text: str, command: Callable[[str], str]) -> Outcome:
    """What the answer says, as a run says it.

    Args:
        text: the rows, as CSV or JSON, as the editor exports them.
        command: makes a next command of a task and its flags.

    Raises:
        Refused: it is no answer of the statement.
        CouldNotTell: the statement saw no users.
    """
    answer = _Answer(tuple(_rows(text)))
    version = answer.value("first look", "version")
    if version != VERSION:
        raise Refused(
            f"this is no answer of docs/first-look.sql of version {VERSION}"
            + (f", but of version {version}" if version else ""),
            "run that statement in the SQL editor, and export all of its rows as CSV or JSON",
        )
    seen = answer.value("first look", "users")
    if seen != "seen":
        raise CouldNotTell(
            f"the statement counted no users, as {answer.value('first look', 'role')}: {seen}",
            "run it as postgres, the role of the SQL editor, in the database of the project",
        )
    try:
        return _told(answer, command)
    except (KeyError, ValueError) as error:
        raise Refused(
            "a figure of the answer is missing, or is none: it was changed on its way",
            "export the rows again",
        ) from error


def _told(answer: _Answer, command: Callable[[str], str]) -> Outcome:
    asked = int(answer.value("first look", "checks"))
    whole = int(answer.value("first look", "rows"))
    where = answer.value("first look", "table")
    as_of, server = (answer.value("first look", name) for name in ("as of", "server"))
    steps = list(_steps(answer, where))
    if len(answer.rows) < whole:
        told = f"{len(answer.rows)} of its {whole} rows are there"
        steps.append(Step("answer", "unknown", told, next_step="export all rows of the answer"))
    measured = _status(answer)
    found = _checks(answer)
    tables: tuple[TableResult, ...] = ()
    if where == "none":
        steps.append(
            Step(
                "profile table",
                "finding",
                "no table has one row per user: none refers to auth.users by a unique uuid",
                next_step="name the app's table under profiles: in usersync.yaml",
            )
        )
    else:
        found = (*_of_counts(measured), *found)
        tables = (TableResult(where, status=measured),)
    codes = [one.exit_code for one in found]
    codes += [{"finding": 2, "unknown": 1}.get(step.status, 0) for step in steps]
    exit_code = worst([*codes, 2 if tables and measured.missing else 0])
    return Outcome(
        tables=tables,
        checks=(*found, *_passed(asked - len(_checks(answer)))),
        steps=tuple(steps),
        notes=(f"As of {as_of}, by PostgreSQL {server}; nothing was asked now.",),
        next_steps=(command("connect.check"), command("doctor")) if exit_code else (),
        exit_code=exit_code,
    )


def _status(answer: _Answer) -> Status:
    """The figures of the status block."""
    shown = {row.name: row.value for row in answer.of("status")}
    total, existing = (int(shown[name]) for name in ("Total Auth Users", "Total User Profiles"))
    measured = Status(
        as_of=datetime.fromisoformat(answer.value("first look", "as of")),
        total=total,
        existing=existing,
        not_counted=_counts(answer, "not counted"),
        orphans=int(shown["Orphan Profiles"]),
        soft_deleted_with_profile=int(shown["Soft-deleted with a profile"]),
        excluded_with_profile=int(shown["Not counted, with a profile"]),
        email_drift=int(shown["Other e-mail in the profile"]),
        last_with_profile_at=_moment(shown.get("Newest user with a profile", "")),
    )
    if not measured.missing:
        return measured
    return replace(
        measured,
        missing_detail=Missing(
            oldest_at=_moment(shown.get("Missing since", "")),
            newest_at=_moment(shown.get("Missing until", "")),
            per_day=tuple(
                DayCount(date.fromisoformat(row.name), int(row.value))
                for row in answer.of("missing on")
            ),
            by_provider=tuple(
                sorted(_counts(answer, "missing by provider"), key=lambda one: -one.count)
            ),
        ),
    )


def _counts(answer: _Answer, part: str) -> tuple[Count, ...]:
    return tuple(Count(row.name, int(row.value)) for row in answer.of(part))


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text and "infinity" not in text else None


def _steps(answer: _Answer, where: str) -> Iterator[Step]:
    """What there is: tables that may hold profiles, triggers and what they write."""
    for row in answer.of("table"):
        taken = ", taken" if row.name == where else ""
        yield Step(f"table {row.name}", "ok", f"{row.value}{taken}; {row.detail}")
    for part in ("trigger on auth.users", "trigger on the table"):
        for row in answer.of(part):
            yield Step(f"{part}: {row.name}", "ok", f"{row.value}: {row.detail}")


def _checks(answer: _Answer) -> tuple[CheckResult, ...]:
    """What is wrong, one result a check."""
    found: dict[str, CheckResult] = {}
    questions = {name_of(script): script.header["asks"] for script in checks()}
    for level in _LEVELS:
        for row in answer.of(level):
            one = found.get(row.name) or CheckResult(
                row.name, level, questions.get(row.name, row.name), row.remedy, count=0
            )
            finding = Finding(f"{row.name}:{row.value}", row.value, row.detail)
            found[row.name] = replace(one, count=one.count + 1, findings=(*one.findings, finding))
    return tuple(found.values())


def _of_counts(measured: Status) -> tuple[CheckResult, ...]:
    """What the figures alone tell of profiles that should not be as they are."""
    counts = {
        "orphan_profile": measured.orphans,
        "soft_deleted_with_profile": measured.soft_deleted_with_profile,
        "excluded_with_profile": measured.excluded_with_profile,
        "email_drift": measured.email_drift,
    }
    heads = {name_of(script): script.header for script in checks()}
    return tuple(
        CheckResult(
            name,
            cast("Level", heads[name]["level"]),
            heads[name]["asks"],
            heads[name]["remedy"],
            count=counts[name],
        )
        for name in status.checks(measured)
    )


def _passed(count: int) -> tuple[CheckResult, ...]:
    """The checks that found nothing, of which the answer has the number alone."""
    return tuple(CheckResult("", "info", "", "", 0) for _ in range(min(max(count, 0), 1_000)))


def _rows(text: str) -> list[_Row]:
    """The rows of a JSON array, or of CSV."""
    stripped = text.strip().removeprefix("\ufeff")
    found: Sequence[Any]
    try:
        if stripped.startswith(("[", "{")):
            told = json.loads(stripped)
            found = told if isinstance(told, list) else [told]
        else:
            found = list(csv.DictReader(io.StringIO(stripped)))
    except (ValueError, RecursionError, csv.Error):
        found = ()
    return [
        _Row(**{name: _text(one.get(name)) for name in _COLUMNS})
        for one in found
        if isinstance(one, dict) and "part" in one
    ]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
