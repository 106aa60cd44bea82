"""What is installed, and the changes as transactions: apply and revert, recorded and verified."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg import sql

from usersync import __version__
from usersync.backends.catalog import Direction, Patience, Survey, Waited
from usersync.backends.postgres import canary, dump, journal, locks
from usersync.backends.postgres.failures import explain
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.survey import taken
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.errors import StepFailed, UsersyncError
from usersync.model import JournalEvent, Step
from usersync.sql import compose, load
from usersync.sql.changes import LEDGER, Change, ours
from usersync.sql.fragments import block


def run_change(
    transactions: Transactions,
    settings: Settings,
    change: Change,
    direction: Direction,
    *,
    refuse: Callable[[Survey], None],
    tables: Sequence[ProfileTable],
    patience: Patience,
    event: JournalEvent | None,
    keep: Mapping[str, str],
    keep_in: Path | None,
    dump_to: Mapping[str, Path],
) -> Waited:
    """Apply or revert one change as one transaction: its statements, the ledger, the check of it.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        change: rendered; for revert, with the text that the ledger keeps.
        direction: which of its statements to run.
        refuse: looks at what is there under the lock, and raises when it must not go on.
        tables: the profile tables.
        patience: what the run has left for waits; what this change waits is taken off.
        event: the journal line to commit with it, where there is a journal then.
        keep: definitions that it overwrites or drops, by identity, to be kept as before-images.
        keep_in: the file that takes them where the target has no table for that.
        dump_to: tables that it drops, each with the file that takes its rows first.

    Raises:
        CouldNotTell: the lock was not to be had; nothing was done.
        StepFailed: it failed and was undone.
    """

    dumped: dict[str, int] = {}
    kept_in: list[Path] = []

    def store(cursor: RowCursor) -> None:
        for table, path in dump_to.items():
            dumped[table] = dump.dump(cursor, table, path)

    def work(cursor: RowCursor) -> None:
        refuse(taken(cursor, settings, tables))
        # What goes with its rows goes where these went: its images may be among them.
        if keep and keep_in and (dump_to or not _keeps_images(cursor, settings)):
            dump.keep(keep, keep_in)
            kept_in[:] = [keep_in]
        elif keep:
            for identity, definition in keep.items():
                cursor.execute(before_image(settings, event, identity, definition))
        for statement in statements(settings, change, direction):
            cursor.execute(statement.encode())
        if direction == "apply":
            _verify(cursor, change)
        if event is not None:
            journal.write(cursor, settings, event)

    try:
        if change.locks_users:
            waited = locks.under_lock(
                transactions,
                settings.install,
                locks.Work(lock_statement(direction), work, before=store),
                patience,
                exclusive=direction == "revert",
            )
            return replace(waited, dumped=dumped, kept_in=next(iter(kept_in), None))
        with transactions.alone(lock_timeout_s=settings.lock_timeout_s) as cursor:
            store(cursor)
            work(cursor)
    except psycopg.Error as error:
        raise _failed(change, direction, error) from error
    return Waited(dumped=dumped, kept_in=next(iter(kept_in), None))


def rehearse(
    transactions: Transactions,
    settings: Settings,
    todo: Sequence[tuple[Change, Direction]],
    *,
    refuse: Callable[[Survey], None],
    tables: tuple[ProfileTable, ...],
) -> tuple[Waited, tuple[Step, ...]]:
    """Run changes and the canary in one transaction, under the lock rules, and roll it back.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        todo: what to do, in its order.
        refuse: looks at what is there under the lock, and raises when it must not go on.
        tables: the profile tables.

    Raises:
        CouldNotTell: the lock was not to be had.
        StepFailed: a change failed.
    """
    steps: list[Step] = []
    at: list[tuple[Change, Direction]] = []

    def work(cursor: RowCursor) -> None:
        steps.clear()
        refuse(taken(cursor, settings, tables))
        for change, direction in todo:
            at.append((change, direction))
            for statement in statements(settings, change, direction):
                cursor.execute(statement.encode())
            if direction == "apply":
                _verify(cursor, change)
        steps.extend(canary.inside(cursor, settings, tables))

    try:
        waited = locks.under_lock(
            transactions,
            settings.install,
            locks.Work(lock_statement("apply"), work, hold_s=settings.install.max_blocked_s),
            Patience(settings.install.max_blocked_s),
            exclusive=False,
            keep=False,
        )
    except psycopg.Error as error:
        if not at:
            raise explain(error) from error
        raise _failed(*at[-1], error) from error
    return waited, tuple(steps)


def lock_statement(direction: Direction) -> str:
    """What a change that needs the lock on ``auth.users`` begins with."""
    mode = "share row exclusive" if direction == "apply" else "access exclusive"
    return f"lock table auth.users in {mode} mode;"


def statements(settings: Settings, change: Change, direction: Direction) -> list[str]:
    """The statements of one change, behind its lock, as they are run, printed and exported."""
    named = ours(settings) | {
        "change": sql.Literal(change.name),
        "tool_version": sql.Literal(__version__),
        "configuration": sql.Literal(change.configuration),
        "apply_text": sql.Literal(change.apply),
        "revert_text": sql.Literal(change.revert),
    }
    if direction == "revert":
        if change.name == LEDGER:
            return [change.revert]
        forget = {"block": block("forget_change", named)}
        return [change.revert, compose(load("queries/ledger_forget"), forget).as_string()]
    named["inventory"] = compose(load("queries/inventory"), named)
    record = compose(load("queries/ledger_record"), named).as_string()
    # What is replaced is kept before it goes; what was made is known only behind it.
    return [record, change.apply, record] if change.replaces else [change.apply, record]


def transaction(settings: Settings, change: Change, direction: Direction) -> str:
    """The text of one change between its ``begin`` and its ``commit``."""
    return f"begin;\n{text(settings, change, direction)}commit;\n"


def file(settings: Settings, change: Change, direction: Direction) -> str:
    """The same for what sends the statements of a file in a row, without a transaction around them.

    LOCK TABLE wants to stand in a transaction block, and a pipeline is none for many a Postgres.
    """
    return text(
        settings, change, direction, lock=f"do $$ begin {lock_statement(direction)} end $$;"
    )


def text(
    settings: Settings, change: Change, direction: Direction, *, lock: str | None = None
) -> str:
    """Everything that one change does, to be run as one transaction.

    Args:
        settings: what holds in the target.
        change: rendered.
        direction: which of its statements.
        lock: what takes the lock on ``auth.users``, in place of the plain statement.
    """
    locked = [lock or lock_statement(direction)] if change.locks_users else []
    lines = [
        f"set local lock_timeout = '{settings.install.lock_timeout_s * 1000:.0f}ms';",
        f"set local statement_timeout = '{settings.statement_timeout_s * 1000:.0f}ms';",
        *locked,
        *(statement.strip() for statement in statements(settings, change, direction)),
    ]
    return "\n".join(lines) + "\n"


def silence(transactions: Transactions, settings: Settings, function: str) -> None:
    """Give a trigger function a body that does nothing.

    Args:
        transactions: those of the door.
        settings: what holds in the target.
        function: as the catalog writes it: ``usersync.on_auth_user_created()``.
    """
    try:
        with transactions.alone(lock_timeout_s=settings.lock_timeout_s) as cursor:
            cursor.execute(silencing(function).encode())
    except psycopg.Error as error:
        raise explain(error) from error


def silencing(function: str) -> str:
    """The statement of `silence`."""
    name = sql.SQL(function)
    return compose(load("queries/silence"), {"function": name}).as_string()


def _verify(cursor: RowCursor, change: Change) -> None:
    """Ask whether the change does what it should, while it can still be undone."""
    check = sql.SQL(change.verify.rstrip().rstrip(";"))
    rows = fetch_all(cursor, check)
    if rows:
        faults = "; ".join(row["detail"] for row in rows)
        raise StepFailed(
            f"{change.name} was undone, since it would not work: {faults}",
            "correct that and run migration.apply again",
        )


def before_image(
    settings: Settings, event: JournalEvent | None, identity: str, definition: str
) -> sql.Composed:
    """The statement that keeps a definition; its table must be there."""
    named = ours(settings) | {
        "run_id": sql.Literal(event.run_id if event else str(uuid.UUID(int=0))),
        "object": sql.Literal(identity),
        "image": sql.Literal(json.dumps({"definition": definition})),
    }
    return compose(load("queries/before_image"), named)


def _keeps_images(cursor: RowCursor, settings: Settings) -> bool:
    there = sql.SQL("select to_regclass({}) is not null as there").format(
        ours(settings)["before_images_text"]
    )
    return bool(fetch_all(cursor, there)[0]["there"])


def _failed(change: Change, direction: Direction, error: psycopg.Error) -> UsersyncError:
    """A change that failed was undone; what stood before it stands."""
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57", "55")):
        return explain(error)
    verb = "apply" if direction == "apply" else "undo"
    reason = explain(error)
    return StepFailed(
        f"could not {verb} {change.name}, which was undone: {reason.message}", reason.next_step
    )
