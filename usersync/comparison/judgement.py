"""What sign-ups do in a database: every case of the canary, and every check."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from usersync import config
from usersync.backends import Backend, checks
from usersync.backends.canary_cases import CASES
from usersync.backends.postgres import sign_up_tables
from usersync.comparison.building import lacks
from usersync.comparison.workshop import Workshop
from usersync.config import DEFAULT_PROFILE, ProfileTable, Settings, UserColumn, Users
from usersync.errors import UsersyncError
from usersync.model import Answer, CheckResult, Step
from usersync.runbook.own_sql import OwnSql

#: What the canary calls a case, in the words of a verdict.
_ANSWERS: Mapping[str, Answer] = {"ok": "ok", "failed": "failed", "finding": "failed"}


_ABOUT_NAMES = re.compile(r"^(?:[\w ]+: )?(?:42|3F)\w{3} ")


@dataclass(frozen=True, slots=True)
class Case:
    """What came of one case of the canary."""

    answer: Answer
    detail: str = ""
    is_finding: bool = False
    """Whether it passed, and left something that it should not."""

    @property
    def is_about_names(self) -> bool:
        """Whether it failed over what is not there, or may not be used: class 42, or a schema."""
        return _ABOUT_NAMES.search(self.detail) is not None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one database answered."""

    cases: Mapping[str, Case]
    checks: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Tables:
    """The profile tables of one side, and how they were found."""

    profiles: tuple[ProfileTable, ...] = ()
    why: str = field(default="", compare=False)


def tables(workshop: Workshop, database: str, settings: Settings) -> Tables:
    """The profile tables of a database: as configured, by their usual name, or what sign-ups write.

    Args:
        workshop: whose database it is.
        database: its name.
        settings: what usersync.yaml says.
    """
    url = workshop.admin_url(database)
    if "profiles" in settings.model_fields_set:
        there = [
            one
            for one in settings.profiles
            if sign_up_tables.columns(url, one.schema_name, one.table)
        ]
        if there:
            return Tables(settings.profiles, "as configured")
    usual = sign_up_tables.columns(url, DEFAULT_PROFILE.schema_name, DEFAULT_PROFILE.table)
    if DEFAULT_PROFILE.key in usual:
        return Tables((_usual(usual),), "by its usual name")
    found = tuple(
        ProfileTable.model_validate({"schema": schema, "table": table, "key": key})
        for schema, table, key in sign_up_tables.found(url)
    )
    return Tables(found, "which the trigger of auth.users writes" if found else "")


def _usual(columns: frozenset[str]) -> ProfileTable:
    """The default table, with no more than it has."""
    email = {"email": UserColumn("email")} if "email" in columns else {}
    return ProfileTable(table=DEFAULT_PROFILE.table, key=DEFAULT_PROFILE.key, columns=email)


def judge(
    workshop: Workshop,
    database: str,
    settings: Settings,
    profiles: tuple[ProfileTable, ...],
    *,
    own: Sequence[OwnSql] = (),
    with_checks: bool,
) -> Judgement:
    """Sign up in a database in every way, all of it rolled back, and ask every check.

    Who signs up anonymously has a profile or has none, as the app wants it, unless ``users:`` says
    which.

    Args:
        workshop: whose database it is.
        database: its name.
        settings: what usersync.yaml says.
        profiles: its profile tables.
        own: checks of the team's own.
        with_checks: whether to ask the checks too.
    """
    from usersync.backends.postgres import PostgresDoor

    url = workshop.admin_url(database)
    door = PostgresDoor(config.throwaway(database, settings, profiles, url))
    try:
        steps = door.catalog.canary(profiles, None if workshop.is_ours else ())
        cases = _cases(steps, is_whole=not workshop.is_ours)
        found = door.catalog.checks(profiles) if with_checks and profiles else ()
        if with_checks:
            found += tuple(_own(door, one) for one in own)
    except UsersyncError as error:
        return Judgement({case.name: Case("unknown", error.message) for case in CASES})
    finally:
        door.close()
    anonymous = cases["anonymous sign-up"]
    if anonymous.is_finding and "users" not in settings.model_fields_set:
        wanted = settings.model_copy(update={"users": Users(anonymous=True)})
        # Asked again with "users" as if somebody had said so, it does not come here.
        return judge(workshop, database, wanted, profiles, own=own, with_checks=with_checks)
    return Judgement(cases, found)


def _own(door: Backend, one: OwnSql) -> CheckResult:
    """Ask a check of the team's own; what it cannot be asked of is not known."""
    try:
        return door.catalog.ask(one.name, one.header, one.text, {})
    except UsersyncError as error:
        nothing = checks.result(one.name, one.header, (), {})
        return replace(nothing, unknown=error.message)


def _cases(steps: Sequence[Step], *, is_whole: bool) -> dict[str, Case]:
    names = {case.name for case in CASES}
    return {step.name: _case(step, is_whole=is_whole) for step in steps if step.name in names}


def _case(step: Step, *, is_whole: bool) -> Case:
    """A step of the canary; what fails over a part of the platform that is not here is open."""
    detail = "" if step.status == "ok" else step.detail.removeprefix("sign up: ")
    missing = "" if is_whole or step.status != "failed" else lacks(detail)
    if missing:
        return Case("unknown", f"could not tell: it needs {missing}: {detail}")
    answer = _ANSWERS.get(step.status, "unknown")
    return Case(answer, detail, is_finding=step.status == "finding")
