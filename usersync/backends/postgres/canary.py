"""The canary: synthetic users who sign up, change and go as real ones do, all of it rolled back.

How the Auth server writes its rows: supabase/auth, internal/api/signup.go, internal/models/user.go.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import sql

from usersync.backends.postgres import blame, reach
from usersync.backends.postgres.canary_cases import CASES, Case, values
from usersync.backends.postgres.failures import condition_name, explain
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.errors import Refused
from usersync.model import Step
from usersync.sql import compose, load, users
from usersync.sql.profiles import table_name

_TIMEOUT_S = 3.0
_LOCK_TIMEOUT_S = 0.9

#: What the role of the Auth server finds names without a schema in.
_AS_AUTH = "set local search_path = auth"

Verdict = Literal["ok", "failed", "finding", "unknown"]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is the same for every case."""

    settings: Settings
    tables: tuple[ProfileTable, ...]
    triggers: tuple[dict[str, Any], ...]
    as_auth_admin: bool
    records: bool

    @property
    def doubtful(self) -> tuple[dict[str, Any], ...]:
        """Triggers that run with other rights here than in life."""
        return tuple(
            trigger
            for trigger in self.triggers
            if trigger["on_users"] and not trigger["runs_as_owner"] and not self.as_auth_admin
        )


def run(
    transactions: Transactions,
    settings: Settings,
    tables: tuple[ProfileTable, ...],
    allow: Collection[str],
) -> tuple[Step, ...]:
    """Try everything in one transaction that is rolled back, also when this process is killed.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        tables: the profile tables.
        allow: functions that may run although a rollback would not undo what they do.

    Raises:
        Refused: a trigger does what a rollback would not undo.
    """
    try:
        with transactions.alone(
            lock_timeout_s=_LOCK_TIMEOUT_S, statement_timeout_s=_TIMEOUT_S, keep=False
        ) as cursor:
            return inside(cursor, settings, tables, allow)
    except psycopg.Error as error:
        raise explain(error) from error


def inside(
    cursor: RowCursor,
    settings: Settings,
    tables: tuple[ProfileTable, ...],
    allow: Collection[str] = (),
) -> tuple[Step, ...]:
    """The same in a transaction that somebody else opened; each case is a savepoint of its own."""
    _refuse_irreversible(cursor, tables, allow)
    # Whoever opened the transaction may allow its statements more time than a canary gets.
    cursor.execute(
        sql.SQL("set local statement_timeout = {}").format(sql.Literal(f"{_TIMEOUT_S:g}s"))
    )
    there = sql.SQL("select to_regclass({}) is not null as there").format(
        sql.Literal(sql.Identifier(settings.install.schema_name, "failures").as_string())
    )
    ground = _Ground(
        settings=settings,
        tables=tables,
        triggers=tuple(fetch_all(cursor, compose(load("queries/canary_triggers"), _named(tables)))),
        as_auth_admin=_may_become_auth_admin(cursor),
        records=fetch_all(cursor, there)[0]["there"],
    )
    return (_role(ground), *(_try(cursor, ground, case) for case in CASES))


def _role(ground: _Ground) -> Step:
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


def _try(cursor: RowCursor, ground: _Ground, case: Case) -> Step:
    user_id = str(uuid.uuid4())
    named = values(case, user_id)
    doing = "sign-up"
    try:
        with cursor.connection.transaction(force_rollback=True):
            cursor.execute("set constraints all immediate")
            cursor.execute(_AS_AUTH)
            if ground.as_auth_admin:
                cursor.execute("set local role supabase_auth_admin")
            for script in ("queries/canary_sign_up", *case.then):
                doing = script.removeprefix("queries/canary_").replace("_", " ")
                cursor.execute(compose(load(script), named))
            cursor.execute("reset role")
            return _verdict(cursor, ground, case, user_id)
    except psycopg.Error as error:
        return Step(
            case.name,
            "failed",
            f"{doing}: {blame.told(error, ground.triggers)}",
            next_step=blame.remedy(error, _TIMEOUT_S),
        )


def _verdict(cursor: RowCursor, ground: _Ground, case: Case, user_id: str) -> Step:
    """What came of a case that no error ended."""
    worst: Verdict = "unknown" if ground.doubtful else "ok"
    told: list[str] = []
    next_step = ""
    for table in ground.tables:
        found = _found(cursor, ground, table, user_id)
        verdict, detail, step = _judge(cursor, ground, case, table, user_id, **found)
        told.append(detail)
        if verdict != "ok" and worst != "failed":
            worst = verdict
        next_step = next_step or step
    if ground.doubtful and worst == "unknown":
        told.append("with more rights than in life")
    return Step(case.name, worst, "; ".join(told), next_step=next_step)


def _judge(
    cursor: RowCursor,
    ground: _Ground,
    case: Case,
    table: ProfileTable,
    user_id: str,
    *,
    due: bool | None,
    there: bool,
) -> tuple[Verdict, str, str]:
    if case.goes:
        if there:
            return "finding", f"the profile in {table.name} is left without its user", "doctor"
        return "ok", "user and profile are gone", ""
    if due and there:
        return "ok", f"profile made in {table.name}", ""
    if not due and not there:
        return "ok", f"no profile in {table.name}, as configured", ""
    if there:
        deleted = case.name == "soft delete"
        return (
            "ok" if deleted else "finding",
            f"the profile in {table.name} stays"
            if deleted
            else f"a profile in {table.name}, although the configuration asks for none",
            "",
        )
    return _why_not(cursor, ground, case, table, user_id)


def _why_not(
    cursor: RowCursor, ground: _Ground, case: Case, table: ProfileTable, user_id: str
) -> tuple[Verdict, str, str]:
    """Why the sign-up passed and there is no profile."""
    if ground.records:
        named: dict[str, sql.Composable] = {
            "ours": sql.Identifier(ground.settings.install.schema_name),
            "id": sql.SQL("{}::uuid").format(sql.Literal(user_id)),
            "table_name": sql.Literal(table.name),
        }
        rows = fetch_all(cursor, compose(load("queries/canary_failures"), named))
        if rows:
            row = rows[0]
            subject = row["constraint_name"] or row["column_name"]
            return (
                "failed",
                f"no profile in {table.name}: {row['trigger_name']} recorded {row['sqlstate']}"
                f" {condition_name(row['sqlstate'])}" + (f" ({subject})" if subject else ""),
                "",
            )
    on_users = [trigger for trigger in ground.triggers if trigger["on_users"]]
    if not on_users:
        return "finding", f"no profile in {table.name}: no trigger makes it", "migration.apply"
    if case.is_anonymous and not any(trigger["on_updates"] for trigger in on_users):
        told = f"no profile in {table.name}: a trigger on inserts does not see it"
        return "finding", f"{told}, and there is none on updates", "sync gives them one afterwards"
    names = ", ".join(f"{one['name']} ({one['function']})" for one in on_users)
    told = f"no profile in {table.name}: none of {names} makes it, or one swallowed its error"
    return "finding", told, "migration.verify"


def _found(
    cursor: RowCursor, ground: _Ground, table: ProfileTable, user_id: str
) -> dict[str, bool]:
    named = {
        "needs_profile": users.needs_profile(ground.settings.users),
        "profiles": table_name(table),
        "key": sql.Identifier(table.key),
        "id": sql.SQL("{}::uuid").format(sql.Literal(user_id)),
    }
    return fetch_all(cursor, compose(load("queries/canary_found"), named))[0]


def _may_become_auth_admin(cursor: RowCursor) -> bool:
    try:
        with cursor.connection.transaction(force_rollback=True):
            cursor.execute("set local role supabase_auth_admin")
    except psycopg.Error:
        return False
    return True


def _refuse_irreversible(
    cursor: RowCursor, tables: Sequence[ProfileTable], allow: Collection[str]
) -> None:
    """Refuse to fire what a rollback does not undo."""
    allowed = {name.removesuffix("()") for name in allow}
    triggers = _fired(cursor, tables)
    why = reach.beyond_rollback(cursor, [one["function_oid"] for one in triggers])
    found = {
        one["function"].removesuffix("()"): f"{one['name']} ({one['function']}) may do what a"
        f" rollback does not undo: {why[one['function_oid']]}"
        for one in triggers
        if one["function_oid"] in why and one["function"].removesuffix("()") not in allowed
    }
    if found:
        raise Refused(
            "\n".join(found.values()),
            "to let it run all the same: " + " ".join(f"--allow {name}" for name in found),
        )


def _fired(cursor: RowCursor, tables: Sequence[ProfileTable]) -> list[dict[str, Any]]:
    """The triggers of users and profiles, and of every table that these write to in turn."""
    names = {table_name(table).as_string() for table in tables}
    found: dict[tuple[str, int], dict[str, Any]] = {}
    while True:
        triggers = fetch_all(cursor, compose(load("queries/canary_triggers"), _texts(names)))
        new = {(one["name"], one["function_oid"]): one for one in triggers}
        new = {key: one for key, one in new.items() if key not in found}
        if not new:
            return list(found.values())
        found |= new
        written = reach.written(cursor, [oid for _, oid in new])
        names |= {sql.Identifier(*filter(None, table)).as_string() for table in written}


def _named(tables: Sequence[ProfileTable]) -> dict[str, sql.Composable]:
    return _texts(table_name(table).as_string() for table in tables)


def _texts(texts: Iterable[str]) -> dict[str, sql.Composable]:
    names = sorted(texts)
    return {"profile_names": sql.SQL("{}::text[]").format(sql.Literal(names))}
