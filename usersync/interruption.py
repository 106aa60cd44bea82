"""Ctrl-C and SIGTERM: the same end for every run, and a record that it came."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminable() -> Iterator[threading.Event]:
    """SIGTERM, which CI sends when a job is cancelled, ends the block as Ctrl-C does.

    Yields:
        An event that is set once either came, also when the block dealt with it by itself.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt)}
    # A program in the background of a shell ignores Ctrl-C: that stays so.
    if callable(signal.getsignal(signal.SIGINT)):
        before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
