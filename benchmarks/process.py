"""``usersync`` as people type it: a process of its own, its time and the peak of its memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurement import await_quiet
from benchmarks.stack import Stack

#: Runs a program and prints its exit code, the peak of its memory in KiB and the seconds of
#: processor time it used. The kernel counts the peak of a new process from that of its parent,
#: which in a benchmark may hold all users: so a small program starts it.
_LAUNCHER = """
import os, sys
pid = os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
code = os.waitstatus_to_exitcode(status)
print(code, usage.ru_maxrss, usage.ru_utime + usage.ru_stime, end="")
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """What one process took."""

    seconds: float
    peak_mb: float
    processor_s: float


def whole_process(stack: Stack, target: Mapping[str, str], *words: str) -> Whole:
    """Run a task that ends with exit code 0.

    Args:
        stack: where it works.
        target: the variables that lead there.
        words: the task and its flags.
    """
    command = Path(sys.executable).with_name("usersync")
    environment = {
        "PATH": os.environ["PATH"],
        **target,
        "XDG_STATE_HOME": str(stack.folder / "state"),
        "HOME": str(stack.folder),
    }
    await_quiet()
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, command, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - started
    code, *used = done.stdout.rpartition("\n")[2].split()
    if code != "0":
        raise RuntimeError(f"{' '.join(words)} ended with {code}: {done.stderr}")
    peak_kib, processor_s = used
    return Whole(took, int(peak_kib) * 1024 / 1e6, float(processor_s))
