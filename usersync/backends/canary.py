"""What a canary's sign-up means, whichever door it came through: the verdict on each case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from usersync.backends import blame
from usersync.backends.canary_cases import Case
from usersync.config import ProfileTable, Settings
from usersync.errors import Refused
from usersync.model import Step
from usersync.sql.names import quoted

#: The longest that one statement of a canary may take, and wait for a lock.
TIMEOUT_S = 3.0
LOCK_TIMEOUT_S = 0.9

Verdict = Literal["ok", "failed", "finding", "unknown"]
Row = Mapping[str, Any]

#: Why a sign-up without a profile is no finding.
AS_CONFIGURED = "trigger: none, so sync makes it"


@dataclass(frozen=True, slots=True)
class Found:
    """What is there of a new user in one profile table."""

    due: bool | None
    """Whether the user needs a profile; None when the user is gone."""
    there: bool
    failure: Row | None = None
    """The row of ``queries/canary_failures.sql``: what our trigger recorded."""
    failure_condition: str = ""
    """Postgres's own name of the SQLSTATE in it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What is the same for every case.

    ``triggers`` are the rows of ``queries/canary_triggers.sql``.
    """

    settings: Settings
    tables: tuple[ProfileTable, ...]
    triggers: tuple[Row, ...]
    as_auth_admin: bool

    @property
    def doubtful(self) -> tuple[Row, ...]:
        """Triggers that run with other rights here than in life."""
        return tuple(
            trigger
            for trigger in self.triggers
            if trigger["on_users"]
            and not trigger["runs_as_owner"]
            and not self.as_auth_admin
            # What is paused does nothing, with whatever rights.
            and not trigger.get("is_paused")
        )


def fired(
    names: Collection[str],
    triggers_of: Callable[[Collection[str]], Sequence[Row]],
    written: Callable[[Sequence[int]], Collection[tuple[str, str]]],
) -> list[Row]:
    """The triggers of users and profiles, and of every table that these write to in turn.

    Args:
        names: the profile tables, as SQL names.
        triggers_of: answers the rows of ``queries/canary_triggers.sql`` for such tables.
        written: schema (empty when it is not said) and name of each table that functions write to.
    """
    known = set(names)
    found: dict[tuple[str, int], Row] = {}
    while True:
        there = {(one["name"], one["function_oid"]): one for one in triggers_of(known)}
        new = {key: one for key, one in there.items() if key not in found}
        if not new:
            return list(found.values())
        found |= new
        known |= {quoted(*filter(None, table)) for table in written([oid for _, oid in new])}


def refuse_irreversible(
    triggers: Sequence[Row], beyond_rollback: Mapping[int, str], allow: Collection[str] | None
) -> None:
    """Refuse to fire what a rollback does not undo.

    Args:
        triggers: the rows of ``queries/canary_triggers.sql``.
        beyond_rollback: per function why a rollback does not undo all of it.
        allow: functions that may run all the same; None for all of them, where nothing that they
            reach is anybody's.

    Raises:
        Refused: there is one that is not allowed.
    """
    if allow is None:
        return
    allowed = {name.removesuffix("()") for name in allow}
    found = {
        one["function"].removesuffix("()"): f"{one['name']} ({one['function']}) may do what a"
        f" rollback does not undo: {beyond_rollback[one['function_oid']]}"
        for one in triggers
        if one["function_oid"] in beyond_rollback
        and one["function"].removesuffix("()") not in allowed
    }
    if found:
        raise Refused(
            "\n".join(found.values()),
            "to let it run all the same: " + " ".join(f"--allow {name}" for name in found),
        )


def role(ground: Ground) -> Step:
    """With whose rights it runs, and what that leaves open."""
    if ground.as_auth_admin:
        return Step("role", "ok", "as supabase_auth_admin, as the Auth server does")
    if not ground.doubtful:
        return Step(
            "role",
            "ok",
            "with more rights than the Auth server has, which does not matter: every trigger"
            " function on auth.users runs with the rights of its owner",
        )
    told = "; ".join(
        f"{one['name']} ({one['function']}) runs as supabase_auth_admin in life"
        f" ({one['rights'] or 'whose rights are not known'})"
        for one in ground.doubtful
    )
    return Step(
        "role",
        "unknown",
        f"cannot tell: {told}; here it ran with more rights",
        next_step="; ".join(
            f"alter function {one['function']} security definer set search_path = '';"
            for one in ground.doubtful
        ),
    )


def failed(ground: Ground, case: Case, doing: str, error: blame.Error) -> Step:
    """A case that an error ended."""
    return Step(
        case.name,
        "failed",
        f"{doing}: {blame.told(error, ground.triggers)}",
        next_step=blame.remedy(error, TIMEOUT_S),
    )


def verdict(ground: Ground, case: Case, found: Sequence[Found]) -> Step:
    """What came of a case that no error ended.

    Args:
        ground: what is the same for every case.
        case: what the user did.
        found: what is there, one per table of the ground.
    """
    worst: Verdict = "unknown" if ground.doubtful else "ok"
    told: list[str] = []
    next_step = ""
    for table, one in zip(ground.tables, found, strict=True):
        judged, detail, step = _judge(ground, case, table, one)
        told.append(detail)
        if judged != "ok" and worst != "failed":
            worst = judged
        next_step = next_step or step
    if ground.doubtful and worst == "unknown":
        told.append("with more rights than in life")
    return Step(case.name, worst, "; ".join(told), next_step=next_step)


def _judge(
    ground: Ground, case: Case, table: ProfileTable, found: Found
) -> tuple[Verdict, str, str]:
    if case.goes:
        if found.there:
            return "finding", f"the profile in {table.name} is left without its user", "doctor"
        return "ok", "user and profile are gone", ""
    if found.due and found.there:
        return "ok", f"profile made in {table.name}", ""
    if not found.due and not found.there:
        return "ok", f"no profile in {table.name}, as configured", ""
    if found.there:
        deleted = case.name == "soft delete"
        return (
            "ok" if deleted else "finding",
            f"the profile in {table.name} stays"
            if deleted
            else f"a profile in {table.name}, although the configuration asks for none",
            "",
        )
    return _why_not(ground, case, table, found)


def _why_not(
    ground: Ground, case: Case, table: ProfileTable, found: Found
) -> tuple[Verdict, str, str]:
    """Why the sign-up passed and there is no profile."""
    if found.failure:
        row = found.failure
        subject = row["constraint_name"] or row["column_name"]
        return (
            "failed",
            f"no profile in {table.name}: {row['trigger_name']} recorded {row['sqlstate']}"
            f" {found.failure_condition}" + (f" ({subject})" if subject else ""),
            "",
        )
    if ground.settings.trigger == "none":
        return "ok", f"no profile in {table.name}: {AS_CONFIGURED}", ""
    on_users = [trigger for trigger in ground.triggers if trigger["on_users"]]
    if not on_users:
        kept = ground.settings.trigger == "keep" or ground.settings.install.lacks("trigger")
        # Else verify knows whether it is ours that is missing, or the app's own.
        step = "put the app's own trigger back" if kept else "migration.verify"
        return "finding", f"no profile in {table.name}: no trigger makes it", step
    paused = [one for one in on_users if one.get("is_paused")]
    if paused:
        told = f"{paused[0]['name']} ({paused[0]['function']}) is paused"
        return "finding", f"no profile in {table.name}: {told}", "migration.resume"
    if case.is_anonymous and not any(trigger["on_updates"] for trigger in on_users):
        told = f"no profile in {table.name}: a trigger on inserts does not see it"
        return "finding", f"{told}, and there is none on updates", "sync gives them one afterwards"
    names = ", ".join(f"{one['name']} ({one['function']})" for one in on_users)
    told = f"no profile in {table.name}: none of {names} makes it, or one swallowed its error"
    return "finding", told, "migration.verify"
