"""The local stack: an embedded Postgres made to look like a hosted Supabase project.

Reached only by ``--target local``, ``demo`` and ``local.*``. It listens on a Unix socket inside a
directory of its own, and never reads ``SUPABASE_*``, ``PG*`` or ``.env``.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import platformdirs

from usersync.backends.catalog import Definitions
from usersync.backends.postgres import connection
from usersync.backends.postgres import definitions as definitions_door
from usersync.errors import Refused, UsersyncError
from usersync.local import cluster, ownership, programs
from usersync.local.seeding import SeedSummary, seed, sign_up

__all__ = [
    "Grants",
    "LocalServer",
    "SeedSummary",
    "build",
    "build_copy",
    "default_directory",
    "find",
    "held_open",
    "run_script",
    "run_statement",
    "seed",
    "sign_up",
    "start",
    "stop",
    "temporary",
]

Grants = Literal["explicit", "legacy"]
"""Whether new tables in public are open to the API roles: ``legacy`` projects only."""

#: Marks a directory as ours. Its text is the grants regime of the finished stack; until then:
STATE_FILE = "stack"
BUILDING = "building"


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running local stack.

    Args:
        directory: holds its data, log and socket.
    """

    directory: Path

    @property
    def url(self) -> str:
        """Connects as the app's developers do on hosted projects: not a superuser."""
        return self.url_of("postgres")

    @property
    def admin_url(self) -> str:
        """Connects as the platform's superuser, whom hosted projects do not lend to anybody."""
        return self.url_of(cluster.SUPERUSER)

    def url_of(self, role: str, database: str = "postgres") -> str:
        """Connect as any role to any database, whatever PG* variables say."""
        host = quote(str(cluster.socket_directory(self.directory)), safe="/")
        return f"postgresql://{role}@/{database}?host={host}&hostaddr=&port=5432"


def default_directory() -> Path:
    """Where the local stack lives unless said otherwise (honours ``XDG_STATE_HOME``)."""
    return platformdirs.user_state_path("usersync") / "local"


def start(
    directory: Path, *, grants: Grants = "explicit", binaries: Path | None = None
) -> LocalServer:
    """Start the local stack, building it first when there is none; it outlives this process.

    Args:
        directory: where it lives; created when missing.
        grants: the regime to build it with.
        binaries: the ``bin`` directory of another Postgres (15 or later) than the embedded one.

    Raises:
        Refused: the extra is missing, the directory holds something else, or the stack there was
            built with another regime.
    """
    directory = directory.expanduser().resolve()
    binaries = binaries or programs.bundled_binaries()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = LocalServer(directory)
    with _locked(directory):
        state = _state(directory)
        if state is None and any(directory.iterdir()):
            raise Refused(
                f"{directory} holds something else than a local stack",
                "name an empty directory, or one that does not exist yet",
            )
        if state in {None, BUILDING}:
            try:
                _remove(directory)
                (directory / STATE_FILE).write_text(BUILDING)
                cluster.create(directory, binaries)
                cluster.launch(directory, binaries)
                connection.run_script(server.admin_url, _sql("roles"))
                build(server, grants=grants)
                (directory / STATE_FILE).write_text(grants)
            except BaseException:
                with programs.interrupts_held():
                    _remove(directory)
                raise
        elif state != grants:
            raise Refused(
                f"the local stack in {directory} was built with {state} grants, not {grants}",
                f"local.down --delete, then local.up --grants {grants}",
            )
        elif not cluster.is_ready(directory):
            cluster.launch(directory, binaries)
    return server


def build(server: LocalServer, *, grants: Grants, database: str = "postgres") -> None:
    """Give an empty database of the server the hosted schemas and the app's profile table."""
    regime = [_sql("legacy_grants")] if grants == "legacy" else []
    connection.run_script(server.url_of(cluster.SUPERUSER, database), _sql("auth"), *regime)
    connection.run_script(server.url_of("postgres", database), _sql("user_profiles"))


def build_copy(
    server: LocalServer, database: str, definitions: Definitions, *, users: int
) -> tuple[str, ...]:
    """Make a database of the server from the definitions of another one, with synthetic users.

    Args:
        server: the local stack.
        database: the name of the new database.
        definitions: what it is made of.
        users: how many synthetic users it gets before there is a trigger.

    Returns:
        What could not be made, one sentence each.
    """
    url = server.url_of(cluster.SUPERUSER, database)
    connection.refusal(server.admin_url, f"create database {database} owner postgres")
    early, late = definitions.split()
    refused = definitions_door.build(url, early)
    for number in range(users):
        failure = sign_up(url, f"synthetic-{number}@example.invalid")
        if failure:
            refused = (*refused, f"synthetic users: {failure}")
            break
    refused = (*refused, *definitions_door.build(url, late))
    connection.run_script(url, _sql("copy"))
    return refused


def run_script(url: str, name: str) -> None:
    """Run a script of the local stack: ``app_trigger``."""
    connection.run_script(url, _sql(name))


def run_statement(url: str, statement: str) -> None:
    """Run what an app's own migration would run."""
    connection.run_script(url, statement)


def held_open(url: str, statement: str) -> AbstractContextManager[None]:
    """Run a statement in a transaction that stays open while the block lasts."""
    return connection.held_open(url, statement)


def stop(directory: Path, *, delete: bool = False) -> bool:
    """Stop the local stack, whichever process started it; whether one was running.

    Args:
        directory: the directory it was started with.
        delete: also remove the directory, which was empty when the stack was built in it.
    """
    directory = directory.expanduser().resolve()
    if not directory.is_dir():
        return False
    with _locked(directory):
        if _state(directory) is None:
            was_running = False
        elif delete:
            was_running = _remove(directory)
        else:
            was_running = cluster.end(directory, keep_data=True)
        if delete:
            with suppress(OSError):
                directory.rmdir()
    return was_running


def find(directory: Path) -> LocalServer | None:
    """The local stack that runs in this directory; None when there is none. Starts nothing."""
    directory = directory.expanduser().resolve()
    built = _state(directory) not in {None, BUILDING}
    return LocalServer(directory) if built and cluster.is_ready(directory) else None


@contextmanager
def temporary(
    *, grants: Grants = "explicit", binaries: Path | None = None
) -> Iterator[LocalServer]:
    """A local stack of its own, of which nothing remains, however the block ends.

    That holds for exceptions, Ctrl-C (also a second one) and a SIGTERM that the program turns into
    an exception. What a killed process left is taken away first. The arguments are those of
    ``start``.
    """
    with programs.interrupts_held():  # Python writes a file to find out where it may.
        parent = Path(tempfile.gettempdir()).resolve()
        with ownership.abandoned(parent) as left:
            for directory in left:
                # What cannot be taken away stops nobody.
                with suppress(OSError, UsersyncError):
                    if not directory.is_symlink():
                        stop(directory, delete=True)
    directory = parent / f"usersync-{secrets.token_hex(8)}"
    with ownership.owned(directory):
        try:
            yield start(directory, grants=grants, binaries=binaries)
        finally:
            with programs.interrupts_held():
                stop(directory, delete=True)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other processes from starting or stopping the stack of this directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _state(directory: Path) -> str | None:
    """The grants regime of the stack, BUILDING, or None when there is no stack of ours."""
    try:
        return (directory / STATE_FILE).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _remove(directory: Path) -> bool:
    """End the stack and empty its directory, the state file last; whether one was running."""
    was_running = cluster.end(directory, keep_data=False)
    cluster.remove_socket_directory(directory)
    for path in sorted(directory.iterdir(), key=lambda path: path.name == STATE_FILE):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return was_running


def _sql(name: str) -> str:
    """A script of ``usersync/sql/local``."""
    return (files("usersync") / "sql" / "local" / f"{name}.sql").read_text()
