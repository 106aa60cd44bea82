"""One Postgres cluster in one directory: created, started, found and ended by its process id."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from usersync.errors import CouldNotTell, Refused
from usersync.local import programs

if TYPE_CHECKING:
    import psutil

SUPERUSER = "supabase_admin"
SOCKET_NAME = ".s.PGSQL.5432"

#: The shortest limit on a socket's path, macOS's, less the terminating zero.
LONGEST_SOCKET_PATH = 103

#: Not the temporary directory of the environment: every process must look in the same place.
SHORT_DIRECTORY = Path("/tmp")  # noqa: S108 (private, checked for its owner)

#: pg_ctl puts paths into a shell command between double quotes.
UNUSABLE_IN_PATHS = frozenset('"$`\\\n')


def create(directory: Path, binaries: Path) -> None:
    """Create the cluster in ``directory / "data"``, and close the directory to everybody else.

    The server trusts whoever reaches its socket.

    Raises:
        Refused: the path has characters that Postgres's own scripts cannot stand.
    """
    if UNUSABLE_IN_PATHS & set(str(directory)):
        raise Refused(
            f"Postgres cannot run in {directory}: a double quote, $, ` or \\ is in its path",
            "name another directory",
        )
    programs.let_the_account_reach(directory, binaries)
    directory.chmod(0o700)
    account = programs.account()
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)
    initdb = binaries / "initdb"
    version = int(programs.run(initdb, "--version").split()[-1].split(".")[0])
    locale = (
        ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        if version >= 17
        else ("--locale=C.UTF-8",)
    )
    options = ("--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-sync", *locale)
    programs.run(initdb, *options, "--pgdata", str(directory / "data"))


def launch(directory: Path, binaries: Path) -> None:
    """Start the server and wait until it takes connections, on its socket only.

    Raises:
        CouldNotTell: it does not start; the message ends with the last line of its log.
    """
    programs.let_the_account_reach(directory, binaries)
    sockets = _make_socket_directory(directory)
    log = directory / "log"
    try:
        programs.run(
            binaries / "pg_ctl",
            "start",
            "--wait",
            "--timeout=60",
            f"--pgdata={directory / 'data'}",
            f"--log={log}",
            # Killed, it would leave shared memory behind where nobody looks: in /dev/shm.
            f"--options=-k {shlex.quote(str(sockets))} -c listen_addresses= -p 5432"
            " -c dynamic_shared_memory_type=mmap",
        )
    except CouldNotTell as failure:
        last_line = log.read_text().strip().rpartition("\n")[-1] if log.exists() else ""
        raise CouldNotTell(f"{failure.message} {last_line}") from failure


def postmaster(directory: Path) -> psutil.Process | None:
    """The server process of this directory, whoever started it; None when there is none."""
    try:
        import psutil
    except ModuleNotFoundError:
        raise programs.extra_is_missing() from None

    data = directory / "data"
    try:
        first_line, *_ = (data / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(first_line))
        ours = str(data) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, psutil.Error):
        return None
    return process if ours else None


def is_ready(directory: Path) -> bool:
    """Whether the server takes connections."""
    try:
        lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return "".join(lines[7:]).strip() == "ready" and postmaster(directory) is not None


def end(directory: Path, *, keep_data: bool) -> bool:
    """End the server and wait until it is gone; whether there was one.

    Args:
        directory: the directory it was started with.
        keep_data: whether it writes its memory to disk first, which may take seconds.
    """
    process = postmaster(directory)
    if process is None:
        return False
    children = _children(process)
    for number, patience_s in (
        (signal.SIGINT if keep_data else signal.SIGQUIT, 60.0 if keep_data else 10.0),
        (signal.SIGQUIT, 10.0),
        (signal.SIGKILL, 5.0),
    ):
        if _send_and_wait(process, number, patience_s):
            break
    for child in children:
        _send_and_wait(child, signal.SIGKILL, 5.0)
    return True


def _children(process: psutil.Process) -> list[psutil.Process]:
    """The server's own processes, which it ends itself unless it is killed."""
    import psutil

    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _send_and_wait(process: psutil.Process, number: signal.Signals, patience_s: float) -> bool:
    """Send the signal and wait; whether the process has ended (nobody may be there to reap it)."""
    import psutil

    give_up_at = time.monotonic() + patience_s
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            process.send_signal(number)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.01)
    except psutil.NoSuchProcess:
        pass
    return True


def socket_directory(directory: Path) -> Path:
    """Where the server's socket is: in the directory, or when that is too long in a short one."""
    if len(os.fsencode(directory / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return directory
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return SHORT_DIRECTORY / f"usersync-{name}"


def remove_socket_directory(directory: Path) -> None:
    """Remove the short directory of an ended server's socket, if it needed one."""
    sockets = socket_directory(directory)
    if sockets != directory and sockets.is_dir():
        shutil.rmtree(sockets)


def _make_socket_directory(directory: Path) -> Path:
    """Make the directory for the socket, for nobody but the server's account.

    Raises:
        Refused: somebody else has a directory of that name.
    """
    sockets = socket_directory(directory)
    if sockets == directory:
        return sockets
    account = programs.account()
    try:
        sockets.mkdir(mode=0o700)
    except FileExistsError:
        found = sockets.lstat()
        owner = os.geteuid() if account is None else account.pw_uid
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
            message = f"{sockets} belongs to somebody else"
            raise Refused(message, "name a directory with a shorter path") from None
    else:
        if account is not None:
            os.chown(sockets, account.pw_uid, account.pw_gid)
    return sockets
