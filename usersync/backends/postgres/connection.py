"""Connections to Postgres: how one is opened, what a failure to open it means."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.pq import Conninfo
from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_before_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from usersync.backends.postgres.address import Address
from usersync.backends.postgres.remedies import explain, unreadable
from usersync.errors import ConnectionFailed

APPLICATION_NAME = "usersync"

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(
    url: str,
    *,
    connect_timeout_s: int = 10,
    retry_s: float = 0,
    cancelled: threading.Event | None = None,
) -> Connection:
    """Open an autocommit connection with our application name, and UTC times where they last.

    Behind the transaction pooler a session setting would land on somebody else's session: there
    every transaction sets what it needs.

    Args:
        url: a Postgres connection string.
        connect_timeout_s: seconds to wait for one address of the server, at least 2.
        retry_s: seconds during which failures that may pass are tried again.
        cancelled: when set, by another thread, nothing is tried again.

    Raises:
        ConnectionFailed: it cannot be opened; never holds the string or anything secret of it.
    """
    try:
        address = Address.parse(url)
    except psycopg.ProgrammingError:
        # libpq's own words quote the part that it could not read: it may be the password.
        raise unreadable() from None
    if not address.is_readable:
        raise unreadable()
    if address.is_login_role and not address.keeps_session:
        raise ConnectionFailed(
            f"the login role {address.user} becomes postgres for a session, and port 6543 of "
            f"{address.label} keeps none",
            "Use the session pooler: the same host with port 5432.",
            retryable=False,
        )
    _refuse_redirection(address)
    cancelled = cancelled or threading.Event()
    retrying = Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, ConnectionFailed) and e.retryable),
        wait=wait_random_exponential(multiplier=0.5, max=5),
        stop=stop_before_delay(retry_s) | stop_when_event_set(cancelled),
        sleep=sleep_using_event(cancelled),
        reraise=True,
    )
    return retrying(_open, url, address, connect_timeout_s)


def run_script(url: str, *scripts: str) -> None:
    """Run SQL scripts, each as one transaction, in one connection.

    Args:
        url: a Postgres connection string.
        scripts: texts that may hold several statements; no transaction control inside.
    """
    with connect(url) as connection:
        for script in scripts:
            with connection.transaction():
                connection.execute(script.encode())


def fetch(
    url: str, query: str, parameters: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Run one query in a connection of its own and return its rows.

    Args:
        url: a Postgres connection string.
        query: one statement; its parameters are written ``%(name)s``.
        parameters: their values.
    """
    with connect(url) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


@contextlib.contextmanager
def held_open(url: str, script: str) -> Iterator[None]:
    """Run a script in a transaction that stays open while the block lasts, and is rolled back."""
    with psycopg.connect(url, application_name="drill") as connection:
        connection.execute(script.encode())
        try:
            yield
        finally:
            with contextlib.suppress(psycopg.Error):
                connection.rollback()


def refusal(url: str, query: str, parameters: Mapping[str, Any] | None = None) -> str:
    """Run one query and commit; returns why Postgres refused it, empty when it did not.

    Args:
        url: a Postgres connection string.
        query: one statement; its parameters are written ``%(name)s``.
        parameters: their values.
    """
    with connect(url) as connection:
        try:
            connection.execute(query.encode(), parameters)
        except psycopg.Error as error:
            return f"{error.sqlstate}: {error.diag.message_primary}"
    return ""


def attempt(connection: Connection, statement: str) -> psycopg.Error | None:
    """Run statements as one transaction; returns why they failed, None when they did not."""
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.Error as error:
        return error
    return None


def _open(url: str, address: Address, connect_timeout_s: int) -> Connection:
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            # Poolers hand statements to changing sessions, and every statement here is sent
            # rarely enough that preparing it wins nothing.
            prepare_threshold=None,
            connect_timeout=connect_timeout_s,
            application_name=APPLICATION_NAME,
            client_encoding="utf8",
            sslmode=_sslmode(address),
            # A network that falls silent must end a run, not hold it for ever.
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            tcp_user_timeout=60_000,
        )
    except psycopg.Error as error:
        raise explain(error, address) from None
    try:
        if address.keeps_session:
            # By statement: poolers ignore or refuse `options` in the startup packet.
            connection.execute("set timezone to 'UTC'")
            if address.is_login_role:
                connection.execute("set session role postgres")
    except psycopg.Error as error:
        connection.close()
        raise explain(error, address) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_redirection(address: Address) -> None:
    """Refuse to go, with a password, to another server than the connection string names."""
    if not address.pins_hostaddr and _environment_default("hostaddr"):
        raise ConnectionFailed(
            f"PGHOSTADDR is set and would lead to another server than {address.label}",
            "Unset PGHOSTADDR.",
            retryable=False,
        )


def _sslmode(address: Address) -> str:
    """Never a password in the clear over the internet, where libpq's default would allow it."""
    mode = address.sslmode or _environment_default("sslmode") or "prefer"
    unsaid = not address.sslmode and mode in {"disable", "allow", "prefer"}
    return "require" if address.is_supabase and unsaid else mode


def _environment_default(parameter: str) -> str:
    """What libpq takes from its environment for a parameter that is not given."""
    options = {option.keyword.decode(): option.val for option in Conninfo.get_defaults()}
    return (options.get(parameter) or b"").decode()
