"""The kill switch: a trigger function that does nothing, and holds what it did until it is back.

The saved definition stands in the body of the stub, so that one statement saves and replaces: no
moment, and no kill, can lose it. Replacing a function takes no lock on any table (measured).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from usersync.backends import answers
from usersync.backends.catalog import TriggerFunction
from usersync.backends.postgres import canary, journal, ledger
from usersync.backends.postgres.failures import explain, is_timeout, is_transient
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.errors import CouldNotTell, Refused
from usersync.model import JournalEvent, Paused, Step
from usersync.sql import compose, load, users
from usersync.sql.profiles import table_name
from usersync.sql.stub import MARK, Stub, body, read

#: A definition that an older server accepted, or one with a mistake in it, comes back as it was.
_AS_IT_IS = "set local check_function_bodies = off"


class _StillPaused(Exception):
    """The canary failed: everything is rolled back."""


def functions(transactions: Transactions) -> tuple[TriggerFunction, ...]:
    """Every function that a trigger on ``auth.users`` calls, and those paused anywhere."""
    return transactions.read(_functions)


def paused(
    transactions: Transactions, settings: Settings, tables: Sequence[ProfileTable]
) -> tuple[Paused, ...]:
    """What is paused, since when, by whom, and who signed up without a profile meanwhile."""

    def work(cursor: RowCursor) -> tuple[Paused, ...]:
        found = []
        for function in _functions(cursor):
            stub = read(function.source)
            if stub is not None:
                counts = [_signed_up(cursor, settings, table, stub.since) for table in tables]
                found.append(answers.paused(function, stub, max(counts, default=0)))
        return tuple(found)

    return transactions.read(work)


def saved(transactions: Transactions, settings: Settings, function: TriggerFunction) -> str | None:
    """What before_images keep of a function that was paused and never resumed."""
    named = {
        "ours": sql.Identifier(settings.install.schema_name),
        "object": sql.Literal(_object(function)),
        "function_text": sql.Literal(function.name),
    }

    def work(cursor: RowCursor) -> str | None:
        if not _keeps(cursor, settings)["reads"]:
            return None
        rows = fetch_all(cursor, compose(load("queries/pause_saved"), named))
        return str(rows[0]["definition"]) if rows else None

    return transactions.read(work)


def pause(
    transactions: Transactions,
    settings: Settings,
    function: TriggerFunction,
    *,
    since: datetime,
    by: str,
    reason: str,
    event: JournalEvent,
    keep: bool,
) -> Paused:
    """Replace the body of a function by one that does nothing; its definition stays inside.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        function: as `functions` found it.
        since: now.
        by: who does it.
        reason: why; may be empty.
        event: the journal line to commit with it, where there is a journal.
        keep: whether to commit; otherwise everything is rolled back.

    Raises:
        Refused: it could not be put back, or is not what it was a moment ago; nothing was done.
        CouldNotTell: Postgres did not do it.
    """
    stub = Stub(since, by, reason, function.definition)
    named = {"function": sql.SQL(function.name), "body": body(stub, function.definition)}

    def work(cursor: RowCursor) -> None:
        cursor.execute(_AS_IT_IS)
        now = _held(cursor, function)
        if now is None or now.definition != function.definition:
            raise Refused(
                f"somebody else replaced {function.name} a moment ago; nothing was changed",
                "look at it, then run the same command again",
            )
        _prove_return(cursor, function)
        if _keeps(cursor, settings)["writes"]:
            cursor.execute(
                ledger.before_image(settings, event, _object(function), function.definition)
            )
        cursor.execute(compose(load("queries/pause"), named))
        journal.write(cursor, settings, event)

    _run(transactions, settings, function, work, keep=keep)
    return answers.paused(function, stub, 0)


def resume(
    transactions: Transactions,
    settings: Settings,
    tables: Sequence[ProfileTable],
    function: TriggerFunction,
    *,
    allow: Collection[str],
    event: JournalEvent,
    keep: bool,
) -> tuple[Step, ...]:
    """Put the saved definition back, byte for byte, if the canary passes with it.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        tables: the profile tables.
        function: which is paused.
        allow: functions that may run although a rollback would not undo what they do.
        event: the journal line to commit with it, where there is a journal.
        keep: whether to commit; otherwise everything is rolled back.

    Returns:
        The steps of the canary; when one failed, the function is still paused.

    Raises:
        Refused: it is not paused any more.
        CouldNotTell: what is saved in the function is not whole, or Postgres did not take it.
    """
    steps: tuple[Step, ...] = ()

    def work(cursor: RowCursor) -> None:
        nonlocal steps
        cursor.execute(_AS_IT_IS)
        now = _held(cursor, function)
        stub = read(now.source) if now else None
        if stub is None:
            raise Refused(f"{function.name} is not paused any more; nothing was changed")
        definition = stub.definition
        beginning = f"CREATE OR REPLACE FUNCTION {function.name}\n"
        # Whoever may write the stub must not make us run anything but this one definition.
        if definition is None or not definition.startswith(beginning):
            raise CouldNotTell(
                f"the definition that is saved in {function.name} was changed by hand;"
                " it is still paused",
                "run the file that migration.pause named, or take it from before_images",
            )
        cursor.execute(definition.encode(), binary=True)
        back = _one(cursor, function)
        if back is None or back.definition != definition:
            raise CouldNotTell(
                f"Postgres prints {function.name} differently from what was saved;"
                " it is still paused",
                "run the file that migration.pause named, and compare",
            )
        steps = canary.inside(cursor, settings, tuple(tables), allow)
        if any(step.status == "failed" for step in steps):
            raise _StillPaused
        journal.write(cursor, settings, event)

    with contextlib.suppress(_StillPaused):
        _run(transactions, settings, function, work, keep=keep)
    return steps


def _run(
    transactions: Transactions,
    settings: Settings,
    function: TriggerFunction,
    work: Callable[[RowCursor], None],
    *,
    keep: bool,
) -> None:
    try:
        with transactions.alone(lock_timeout_s=settings.lock_timeout_s, keep=keep) as cursor:
            work(cursor)
    except psycopg.errors.InternalError_ as error:
        # "tuple concurrently updated": the text of this error is all that Postgres gives.
        raise CouldNotTell(
            f"somebody else replaced {function.name} at the same moment; nothing was changed",
            "run the same command again",
        ) from error
    except psycopg.Error as error:
        raise explain(error) from error


def _held(cursor: RowCursor, function: TriggerFunction) -> TriggerFunction | None:
    """The function as it is, and stays until this transaction ends; None when it is gone."""
    named = {"function": sql.SQL(function.name)}
    try:
        cursor.execute(compose(load("queries/pause_hold"), named))
    except psycopg.errors.UndefinedFunction:
        return None
    return _one(cursor, function)


def _prove_return(cursor: RowCursor, function: TriggerFunction) -> None:
    """Never take away what this role could not put back."""
    try:
        cursor.execute(function.definition.encode(), binary=True)
    except psycopg.Error as error:
        elsewhere = isinstance(error, psycopg.errors.InternalError_) or error.sqlstate is None
        if elsewhere or is_transient(error) or is_timeout(error):
            raise
        raise Refused(
            f"{function.name} was not paused, since this role could not put it back:"
            f" {explain(error).message}",
            f"connect as a role that may create it, such as {function.owner}",
        ) from error


def _functions(cursor: RowCursor, also: str | None = None) -> tuple[TriggerFunction, ...]:
    named = {"paused_like": sql.Literal(f"%{MARK}%"), "function_text": sql.Literal(also)}
    return tuple(
        answers.trigger_function(row, is_paused=read(row["source"]) is not None)
        for row in fetch_all(cursor, compose(load("queries/trigger_functions"), named))
    )


def _one(cursor: RowCursor, function: TriggerFunction) -> TriggerFunction | None:
    found = _functions(cursor, function.name)
    return next((one for one in found if one.name == function.name), None)


def _signed_up(cursor: RowCursor, settings: Settings, table: ProfileTable, since: datetime) -> int:
    named = {
        "needs_profile": users.needs_profile(settings.users),
        "profiles": table_name(table),
        "key": sql.Identifier(table.key),
        "since": sql.Literal(since),
    }
    try:
        with cursor.connection.transaction():
            rows = fetch_all(cursor, compose(load("queries/unpaired_since"), named))
    except (
        psycopg.errors.InvalidSchemaName,
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.UndefinedFunction,
    ):
        return 0  # a table that is not there, or not fit, is said elsewhere
    return int(rows[0]["users"])


def _object(function: TriggerFunction) -> str:
    return f"function {function.name}"


def _keeps(cursor: RowCursor, settings: Settings) -> dict[str, Any]:
    named = {"ours_text": sql.Literal(settings.install.schema_name)}
    return fetch_all(cursor, compose(load("queries/pause_keeps"), named))[0]
