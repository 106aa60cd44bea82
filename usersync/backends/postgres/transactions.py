"""One transaction per verb: how it begins, when it is tried again, what its failure means."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_delay,
    wait_random_exponential,
)

from usersync.backends.postgres.connection import Connection
from usersync.backends.postgres.failures import explain, is_timeout, is_transient
from usersync.config import Settings
from usersync.errors import CouldNotTell, Interrupted, TooSlow

Result = TypeVar("Result")
Cursor = psycopg.Cursor[dict[str, Any]]
Work = Callable[[Cursor], Result]

#: Holds a batch to TID range or index scans with an index anti-join, whatever the statistics say:
#: on an empty, analysed profile table the planner would scan the growing table once per user.
_BATCH_PLAN = sql.SQL(
    "set local enable_seqscan = off; set local enable_hashjoin = off;"
    " set local enable_mergejoin = off; set local enable_bitmapscan = off"
)

#: The longest that a batch waits for a lock before it lets go of its own and is tried again: a
#: deadlock is found by who waits longest, and after deadlock_timeout (1 s) that would be the app.
_BATCH_LOCK_S = 0.5


class Transactions:
    """Runs work in transactions on one connection, which is opened again when it breaks.

    Args:
        open_connection: how to get a connection in autocommit mode; it stops trying once the
            event is set.
        settings: time-outs and the budget for retries.
    """

    def __init__(
        self, open_connection: Callable[[threading.Event], Connection], settings: Settings
    ) -> None:
        self._open = open_connection
        self._settings = settings
        self._connection: Connection | None = None
        self._cancelled = threading.Event()
        self._lock = threading.RLock()
        self._rehearsal_ends_at: float | None = None

    def read(self, work: Work[Result]) -> Result:
        """Run work in a READ ONLY, REPEATABLE READ transaction: it cannot write, and sees one
        moment. Row security that would hide rows is an error.
        """
        begin = sql.SQL("set transaction isolation level repeatable read, read only")
        return self._retried(lambda: self._once(work, begin))

    def write(self, work: Work[Result]) -> Result:
        """Run work in a READ COMMITTED transaction and commit; in a rehearsal, in a savepoint.

        Raises:
            TooSlow: the statement time-out ended it; a smaller batch may pass.
        """
        return self._retried(lambda: self._once(work, _BATCH_PLAN))

    @contextlib.contextmanager
    def alone(
        self, *, lock_timeout_s: float, statement_timeout_s: float | None = None, keep: bool = True
    ) -> Iterator[Cursor]:
        """One READ COMMITTED transaction for work that is tried once: the errors of psycopg pass.

        Args:
            lock_timeout_s: how long a statement waits for a lock.
            statement_timeout_s: how long a statement may take, when not as long as configured.
            keep: whether to commit at the end; otherwise everything is rolled back.
        """
        seconds = statement_timeout_s or self._settings.statement_timeout_s
        with (
            self._lock,
            self._live().transaction(force_rollback=not keep),
            self._live().cursor(row_factory=dict_row) as cursor,
        ):
            self._limit(cursor, sql.SQL("select"), seconds, lock_timeout_s)
            yield cursor

    @contextlib.contextmanager
    def rolled_back(self, timeout_s: float) -> Iterator[None]:
        """Everything inside is one transaction, rolled back at the end whatever happens.

        Args:
            timeout_s: after so many seconds the statement that runs is cancelled.
        """
        connection = self._live()
        with connection.transaction(force_rollback=True):
            self._rehearsal_ends_at = time.monotonic() + timeout_s
            try:
                yield
            finally:
                self._rehearsal_ends_at = None

    @property
    def is_rehearsal(self) -> bool:
        """Whether everything is rolled back at the end."""
        return self._rehearsal_ends_at is not None

    def trial(self, query: sql.Composed) -> psycopg.Error | None:
        """Run a query READ ONLY that may be wrong in itself; returns what is wrong with it.

        By the extended protocol, so that a text with several statements, or with an open
        parameter, is refused; and with an empty search_path, as a trigger will run it.
        """

        def work(cursor: Cursor) -> psycopg.Error | None:
            cursor.execute("set local search_path = ''")
            try:
                cursor.execute(query, binary=True)
            except (
                psycopg.ProgrammingError,
                psycopg.DataError,
                psycopg.IntegrityError,
                psycopg.NotSupportedError,
                psycopg.errors.ProtocolViolation,  # an open parameter
            ) as error:
                return error
            return None

        return self.read(work)

    def sleep(self, seconds: float) -> None:
        """Wait, unless somebody cancels.

        Raises:
            Interrupted: somebody did.
        """
        if self._cancelled.wait(seconds):
            raise _interrupted()

    def cancel(self) -> None:
        """End what runs now and try nothing again; safe from another thread."""
        self._cancelled.set()
        if self._connection is not None and not self._connection.closed:
            with contextlib.suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=2)

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _retried(self, attempt: Callable[[], Result]) -> Result:
        retrying = Retrying(
            retry=retry_if_exception(self._worth_another_try),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_after_delay(self._settings.retry_s),
            sleep=sleep_using_event(self._cancelled),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except psycopg.Error as error:
            if is_timeout(error) and self._cancelled.is_set():
                raise _interrupted() from error
            if is_timeout(error) and self._rehearsal_ends_at is None:
                raise TooSlow(
                    f"a statement took longer than statement_timeout_s ="
                    f" {self._settings.statement_timeout_s:g} s",
                    "raise statement_timeout_s in usersync.yaml, or try at a quieter hour",
                ) from error
            raise explain(error) from error

    def _worth_another_try(self, error: BaseException) -> bool:
        return (
            isinstance(error, psycopg.Error)
            and self._rehearsal_ends_at is None
            and not self._cancelled.is_set()
            # Whatever broke the connection is over with it.
            and (is_transient(error) or self._connection is None or self._connection.closed)
        )

    def _once(self, work: Work[Result], begin: sql.SQL) -> Result:
        # One at a time: workers share the door that reads the pages of users.
        with self._lock:
            connection = self._live()
            transaction_id: str | None = None
            result: Result | None = None
            try:
                with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
                    self._begin(cursor, begin)
                    result = work(cursor)
                    if begin is _BATCH_PLAN and self._rehearsal_ends_at is None:
                        transaction_id = _transaction_id(cursor)
            except KeyboardInterrupt:
                # Between a command and its answer: nothing more can be said on this connection.
                if connection.info.transaction_status is TransactionStatus.ACTIVE:
                    connection.close()
                raise
            except psycopg.Error:
                # When the connection broke during COMMIT, the server knows which way it went.
                in_doubt = transaction_id is not None and connection.closed
                if not (in_doubt and self._committed(cast("str", transaction_id))):
                    raise
            return cast("Result", result)

    def _begin(self, cursor: Cursor, begin: sql.SQL) -> None:
        seconds = self._settings.statement_timeout_s
        lock_timeout_s = self._settings.lock_timeout_s
        if self._rehearsal_ends_at is not None:
            seconds = max(self._rehearsal_ends_at - time.monotonic(), 0.001)
            begin = _BATCH_PLAN if begin is _BATCH_PLAN else sql.SQL("select")
        elif begin is _BATCH_PLAN:
            lock_timeout_s = min(lock_timeout_s, _BATCH_LOCK_S)
        self._limit(cursor, begin, seconds, lock_timeout_s)

    def _limit(self, cursor: Cursor, begin: sql.SQL, seconds: float, lock_timeout_s: float) -> None:
        """The first statements of a transaction: what it may do, and how long it may take."""
        cursor.execute(
            sql.SQL(
                "{}; set local statement_timeout = {}; set local lock_timeout = {};"
                " set local idle_in_transaction_session_timeout = '60s';"
                " set local row_security = off; set local timezone = 'UTC'"
            ).format(
                begin,
                sql.Literal(f"{seconds * 1000:.0f}ms"),
                sql.Literal(f"{lock_timeout_s * 1000:.0f}ms"),
            )
        )

    def _live(self) -> Connection:
        if self._connection is None or self._connection.closed:
            if self._rehearsal_ends_at is not None:
                raise CouldNotTell("the connection broke during the rehearsal; nothing was kept")
            self._connection = self._open(self._cancelled)
        if self._connection.info.transaction_status == TransactionStatus.INERROR:
            self._connection.rollback()
        return self._connection

    def _committed(self, transaction_id: str) -> bool:
        """Whether a transaction whose COMMIT was not answered took place after all.

        Raises:
            CouldNotTell: the server does not come back, or does not end it, in time.
        """
        give_up_at = time.monotonic() + self._settings.retry_s
        status = "in progress"
        why = "the server has not ended the last transaction"
        try:
            while (status := self._retried(lambda: self._status(transaction_id))) == "in progress":
                if time.monotonic() > give_up_at or self._cancelled.wait(0.2):
                    break
        except CouldNotTell as error:
            why = error.message
        if status == "in progress":
            raise CouldNotTell(
                f"{why}; whether the last batch was committed is not known",
                "run the same command again: what was committed stays, nothing is done twice",
            )
        return status == "committed"

    def _status(self, transaction_id: str) -> str:
        question = sql.SQL("select pg_catalog.pg_xact_status({}::xid8)").format(
            sql.Literal(transaction_id)
        )
        try:
            row = self._live().execute(question).fetchone()
        except psycopg.errors.InvalidParameterValue:
            return "aborted"  # "in the future": a crash came before anything of it was written
        assert row is not None
        return cast("str", row[0])


def _interrupted() -> Interrupted:
    return Interrupted("interrupted; what was committed stays, nothing else ran")


def _transaction_id(cursor: Cursor) -> str | None:
    row = cursor.execute(
        "select pg_catalog.pg_current_xact_id_if_assigned()::text as transaction_id"
    ).fetchone()
    assert row is not None
    transaction_id: str | None = row["transaction_id"]
    return transaction_id
