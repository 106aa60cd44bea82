"""The database of one benchmark: an embedded Postgres with its default settings, seeded once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.measurement import say
from usersync import config, local
from usersync.backends.postgres import PostgresDoor
from usersync.config import Target
from usersync.model import Run
from usersync.runner import Request, run
from usersync.sync import SyncOptions


@dataclass(frozen=True, slots=True)
class Stack:
    """A running server whose users have no profile, or all but a few.

    Args:
        server: the local stack.
        users: how many need a profile.
        version: that of Postgres.
        folder: the working directory, which holds everything.
    """

    server: local.LocalServer
    users: int
    version: str
    folder: Path

    def empty_profiles(self) -> None:
        """Back to no profile at all; no run pays for what an earlier one left."""
        self._administer("truncate public.user_profiles")
        self.settle()

    def delete_profiles(self, count: int) -> None:
        """Take so many profiles away, spread over the table, as a trigger that fails at times."""
        self._administer(
            "delete from public.user_profiles where user_id in (select id from (select id,"
            " row_number() over (order by created_at nulls first, id) as number from auth.users"
            " where deleted_at is null and not is_anonymous) as numbered"
            f" where mod(number, {self.users // count}) = 1 order by number limit {count})"
        )

    def settle(self) -> None:
        """Clean both tables, refresh their statistics and write everything to disk."""
        self._administer("vacuum (analyze) auth.users, public.user_profiles", "checkpoint")

    def wal_of(self, work: Callable[[], object]) -> int:
        """The bytes of WAL that the server writes while something runs."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as connection:
            position = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
            before = connection.execute(position).fetchone()
            work()
            after = connection.execute(position).fetchone()
        assert before is not None
        assert after is not None
        return int(after[0] - before[0])

    def target(self) -> Target:
        """The stack as the product's configuration sees it."""
        return config.with_url(config.load(target_name="local"), self.server.url)

    @contextlib.contextmanager
    def door(self) -> Iterator[PostgresDoor]:
        """The product's own connection."""
        door = PostgresDoor(self.target())
        try:
            yield door
        finally:
            door.close()

    def status(self) -> Run:
        """``usersync status``, without the start of the interpreter."""
        return run(
            Request("status", "status", target="local", local_directory=self.server.directory)
        )

    def sync(self, *, workers: int = 1, expected: int) -> Run:
        """``usersync sync --first-fill``, without the start of the interpreter.

        Args:
            workers: connections.
            expected: the profiles it must create.
        """
        options = SyncOptions(workers=workers, first_fill=True)
        done = run(
            Request(
                "sync",
                "sync",
                {"options": options},
                target="local",
                local_directory=self.server.directory,
            )
        )
        summary = done.tables[0].summary if done.tables else None
        if done.exit_code or summary is None or summary.created != expected:
            raise RuntimeError(f"the sync did not do its work: {done.error or summary}")
        return done

    def _administer(self, *statements: str) -> None:
        with psycopg.connect(self.server.admin_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@contextlib.contextmanager
def started(binaries: Path | None, users: int) -> Iterator[Stack]:
    """A stack of its own in a temporary directory, of which nothing remains.

    Args:
        binaries: the programs of the Postgres to run; None for the embedded one.
        users: how many users without a profile it gets.
    """
    with (
        tempfile.TemporaryDirectory(prefix="usersync-bench-", dir="/tmp") as name,
        contextlib.chdir(name),
    ):
        directory = Path(name) / "stack"
        try:
            server = local.start(directory, binaries=binaries)
            with psycopg.connect(server.url, autocommit=True) as connection:
                version = str(connection.info.server_version // 10_000)
            say(f"PostgreSQL {version}: seeding {users:,} users")
            local.seed(server.url, users=users, missing=users)
            yield Stack(server, users, version, Path(name))
        finally:
            local.stop(directory, delete=True)
