"""The canary: synthetic users who sign up, change and go as real ones do, all of it rolled back.

How the Auth server writes its rows: supabase/auth, internal/api/signup.go, internal/models/user.go.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

import psycopg
from psycopg import sql

from usersync.backends import blame, canary
from usersync.backends.canary_cases import CASES, Case, doing, facts
from usersync.backends.postgres import reach
from usersync.backends.postgres.connection import attempt, connect
from usersync.backends.postgres.failures import condition_name, explain
from usersync.backends.postgres.rows import Row, RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.model import Step
from usersync.sql import compose, load, users
from usersync.sql.profiles import table_name

#: How the Auth server's session is: where it finds names without a schema, and that row security
#: decides what it may do; our own reading must not be hidden anything.
_AS_AUTH = "set local search_path = auth; set local row_security = on"
_AS_OURSELVES = "reset role; set local row_security = off"

#: Who is there already in a database that is thrown away.
_SETTLERS = frozenset({"e-mail sign-up", "phone sign-up", "anonymous sign-up"})


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is the same for every case."""

    ground: canary.Ground
    records: bool


def run(
    transactions: Transactions,
    settings: Settings,
    tables: tuple[ProfileTable, ...],
    allow: Collection[str] | None,
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
            lock_timeout_s=canary.LOCK_TIMEOUT_S, statement_timeout_s=canary.TIMEOUT_S, keep=False
        ) as cursor:
            return inside(cursor, settings, tables, allow)
    except psycopg.Error as error:
        raise explain(error) from error


def inside(
    cursor: RowCursor,
    settings: Settings,
    tables: tuple[ProfileTable, ...],
    allow: Collection[str] | None = (),
) -> tuple[Step, ...]:
    """The same in a transaction that somebody else opened; each case is a savepoint of its own."""
    names = [table_name(table).as_string() for table in tables]
    triggers = _triggers(cursor, names)
    fired = canary.fired(
        names, lambda tables: _triggers(cursor, tables), lambda oids: reach.written(cursor, oids)
    )
    canary.refuse_irreversible(
        fired, reach.beyond_rollback(cursor, [one["function_oid"] for one in fired]), allow
    )
    # Whoever opened the transaction may allow its statements more time than a canary gets.
    cursor.execute(
        sql.SQL("set local statement_timeout = {}").format(sql.Literal(f"{canary.TIMEOUT_S:g}s"))
    )
    there = sql.SQL("select to_regclass({}) is not null as there").format(
        sql.Literal(sql.Identifier(settings.install.schema_name, "failures").as_string())
    )
    ground = _Ground(
        canary.Ground(settings, tables, tuple(triggers), _may_become_auth_admin(cursor)),
        records=fetch_all(cursor, there)[0]["there"],
    )
    return (canary.role(ground.ground), *(_try(cursor, ground, case) for case in CASES))


def _try(cursor: RowCursor, ground: _Ground, case: Case) -> Step:
    user_id = str(uuid.uuid4())
    named = _literals(case, user_id)
    script = "queries/canary_sign_up"
    try:
        with cursor.connection.transaction(force_rollback=True):
            cursor.execute("set constraints all immediate")
            cursor.execute(_AS_AUTH)
            if ground.ground.as_auth_admin:
                cursor.execute("set local role supabase_auth_admin")
            for script in filter(None, ("queries/canary_sign_up", case.then)):
                cursor.execute(compose(load(script), named))
            cursor.execute(_AS_OURSELVES)
            found = [_found(cursor, ground, table, user_id) for table in ground.ground.tables]
            return canary.verdict(ground.ground, case, found)
    except psycopg.Error as error:
        return canary.failed(ground.ground, case, doing(script), _error(error))


def _found(cursor: RowCursor, ground: _Ground, table: ProfileTable, user_id: str) -> canary.Found:
    user = {"id": sql.SQL("{}::uuid").format(sql.Literal(user_id))}
    named = user | {
        "needs_profile": users.needs_profile(ground.ground.settings.users),
        "profiles": table_name(table),
        "key": sql.Identifier(table.key),
    }
    (there,) = fetch_all(cursor, compose(load("queries/canary_found"), named))
    failures = []
    if ground.records:
        recorded = user | {
            "ours": sql.Identifier(ground.ground.settings.install.schema_name),
            "table_name": sql.Literal(table.name),
        }
        failures = fetch_all(cursor, compose(load("queries/canary_failures"), recorded))
    failure = failures[0] if failures else None
    return canary.Found(
        due=there["due"],
        there=there["there"],
        failure=failure,
        failure_condition=condition_name(failure["sqlstate"]) if failure else "",
    )


def _literals(case: Case, user_id: str) -> dict[str, sql.Composable]:
    """What the files may name, as literals."""
    named: dict[str, sql.Composable] = {
        name: sql.Literal(value) for name, value in facts(case, user_id).items()
    }
    return named | {"id": sql.SQL("{}::uuid").format(sql.Literal(user_id))}


def _error(error: psycopg.Error) -> blame.Error:
    diag, state = error.diag, error.sqlstate or ""
    return blame.Error(
        sqlstate=state,
        condition=condition_name(state),
        message=diag.message_primary or "",
        context=diag.context or "",
        constraint=diag.constraint_name or "",
        column=diag.column_name or "",
        table=f"{diag.schema_name}.{diag.table_name}" if diag.table_name else "",
    )


def _may_become_auth_admin(cursor: RowCursor) -> bool:
    try:
        with cursor.connection.transaction(force_rollback=True):
            cursor.execute("set local role supabase_auth_admin")
    except psycopg.Error:
        return False
    return True


def _triggers(cursor: RowCursor, names: Collection[str]) -> list[Row]:
    named: dict[str, sql.Composable] = {
        "profile_names": sql.SQL("{}::text[]").format(sql.Literal(sorted(names)))
    }
    return fetch_all(cursor, compose(load("queries/canary_triggers"), named))


def settle(url: str) -> None:
    """Let users sign up who stay: by e-mail, by phone and anonymously, as far as they can.

    What is unique clashes only with somebody who is there. They have the same ids everywhere. For
    a database that is thrown away.

    Args:
        url: the superuser's way to it.
    """
    with connect(url) as connection:
        for case in CASES:
            if case.name not in _SETTLERS:
                continue
            statement = compose(
                load("queries/canary_sign_up"),
                _literals(case, str(uuid.uuid5(uuid.NAMESPACE_OID, case.name))),
            ).as_string(connection)
            attempt(connection, f"set local role supabase_auth_admin; {_AS_AUTH}; {statement}")
