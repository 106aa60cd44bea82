"""Somebody's own statements, run one after the other as a migration tool runs a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
from psycopg.pq import TransactionStatus

from usersync.backends import blame
from usersync.backends.postgres.connection import Connection
from usersync.backends.postgres.failures import condition_name

#: Longer than any migration of an empty database takes.
_TIMEOUT = "120s"

#: What may fail here and would not on a hosted project: it gets a savepoint.
_PRIVILEGED = re.compile(
    r"\bextension\b|\bpolicy\b|\bdrop\s+trigger\b|\bcreate\s+(?:role|user|group)\b", re.IGNORECASE
)

#: pg_cron is for one database of a server.
_NO_EXTENSION = re.compile(r'extension "[^"]+" is not available|can only create extension in data')
_EXTENSION = re.compile(r'create\s+extension\s+(?:if\s+not\s+exists\s+)?"?([\w-]+)', re.IGNORECASE)
_ROLE_THERE = re.compile(r'role "([^"]+)" already exists')
_NOT_OWNER = re.compile(r"must be owner of (?:table|relation) (?:users|identities|sessions)\b")

#: Classes whose messages quote values of a row.
_CLASSES_WITH_VALUES = ("22", "23")


class Text(Protocol):
    """One statement, and how it has to be run."""

    @property
    def text(self) -> str:
        """The statement itself."""

    @property
    def alone(self) -> bool:
        """Whether Postgres takes it in no transaction."""

    @property
    def reads_input(self) -> bool:
        """Whether it is a COPY that reads lines of the file, which only psql sends."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the platform does for migrations.

    Args:
        lend: gives ``postgres`` the rights that hosted projects lend for a policy or a trigger of
            the platform's tables; None for a server that lends them itself.
        stand_in: puts something in place of an extension that cannot be created; whether it did.
        roles: those that another database of the server has left, so that to create them is done.
    """

    lend: Callable[[], AbstractContextManager[None]] | None = None
    stand_in: Callable[[str], bool] = lambda _: False
    roles: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a statement failed."""

    number: int
    """Of the statement, from 0."""
    told: str
    """SQLSTATE and the rest; no value of a row."""
    sqlstate: str
    message: str
    """Empty where it may quote values."""
    lines: int
    """How many lines below the beginning of the statement."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a file."""

    fault: Fault | None
    lacking: tuple[tuple[int, str], ...] = ()
    """Extensions that the server has not got, each with the statement that wants it."""
    lent: tuple[int, ...] = ()
    """Statements that ran with the rights that hosted projects lend."""
    borrowed: frozenset[str] = frozenset()
    """Roles that were there because of another database."""


def begin(connection: Connection) -> None:
    """Let a connection forget what the last file set."""
    connection.execute(f"reset all; set statement_timeout = '{_TIMEOUT}'".encode())


def run(connection: Connection, statements: Sequence[Text], host: Host) -> Ran:
    """Run the statements of a file as one transaction, unless they end it themselves.

    Args:
        connection: in autocommit mode.
        statements: in their order.
        host: what the platform does for them.
    """
    ran = _Running(connection, host)
    for number, statement in enumerate(statements):
        if ran.step(number, statement):
            break
    else:
        ran.fault = _commit(connection, statements)
    if ran.fault is not None:
        connection.rollback()
    return Ran(ran.fault, tuple(ran.lacking), tuple(ran.lent), frozenset(ran.borrowed))


@dataclass(slots=True)
class _Running:
    """A file that runs."""

    connection: Connection
    host: Host
    fault: Fault | None = None
    lacking: list[tuple[int, str]] = field(default_factory=list)
    lent: list[int] = field(default_factory=list)
    borrowed: set[str] = field(default_factory=set)

    def step(self, number: int, statement: Text) -> bool:
        """Run one statement; whether the file ends with it."""
        if statement.reads_input:
            self.fault = Fault(number, "COPY FROM STDIN is for psql alone", "", "", 0)
            return True
        error = _run(self.connection, statement)
        stands = self.connection.info.transaction_status == TransactionStatus.INTRANS
        if error is not None and stands:
            error = self._helped(number, statement, error)
        if error is not None:
            self.fault = _fault(number, statement, error)
        return self.fault is not None

    def _helped(self, number: int, statement: Text, error: psycopg.Error) -> psycopg.Error | None:
        """Do what the platform would; what is wrong still."""
        said = error.diag.message_primary or ""
        role, wanted = _ROLE_THERE.search(said), _EXTENSION.search(statement.text)
        if _NOT_OWNER.search(said) and self.host.lend is not None:
            self.lent.append(number)
            with self.host.lend():
                return _run(self.connection, statement)
        if role and role[1] in self.host.roles:
            self.borrowed.add(role[1])
        elif _NO_EXTENSION.search(said) and wanted:
            if not self.host.stand_in(wanted[1]):
                self.lacking.append((number, wanted[1]))
        else:
            return error
        return None


def _commit(connection: Connection, statements: Sequence[Text]) -> Fault | None:
    """End the transaction; what is deferred may fail only now."""
    if connection.info.transaction_status == TransactionStatus.IDLE:
        return None
    try:
        connection.execute("commit")
    except psycopg.Error as error:
        return _fault(len(statements) - 1, statements[-1], error)
    return None


def _run(connection: Connection, statement: Text) -> psycopg.Error | None:
    """Run one statement; a privileged one that failed is undone, and the transaction stands."""
    is_open = connection.info.transaction_status != TransactionStatus.IDLE
    may_fail = not statement.alone and _PRIVILEGED.search(statement.text) is not None
    try:
        if statement.alone == is_open:
            connection.execute("commit" if is_open else "begin")
        if may_fail:
            connection.execute("savepoint usersync")
        connection.execute(statement.text.encode())
        if may_fail:
            connection.execute("release savepoint usersync")
    except psycopg.Error as error:
        if may_fail and connection.info.transaction_status == TransactionStatus.INERROR:
            connection.execute("rollback to savepoint usersync")
        return error
    return None


def _fault(number: int, statement: Text, error: psycopg.Error) -> Fault:
    diag, state = error.diag, error.sqlstate or ""
    message = diag.message_primary or str(error).strip().partition("\n")[0]
    if state.startswith(_CLASSES_WITH_VALUES):
        message = ""
    told = blame.told(
        blame.Error(
            sqlstate=state,
            condition=condition_name(state),
            message=message,
            context=diag.context or "",
            constraint=diag.constraint_name or "",
            column=diag.column_name or "",
            table=f"{diag.schema_name}.{diag.table_name}" if diag.table_name else "",
        ),
        (),
    )
    if message and message not in told:
        told += f": {message}"
    position = int(diag.statement_position or 1)
    lines = statement.text.count("\n", 0, position - 1)
    return Fault(number, told, state, message, lines)
