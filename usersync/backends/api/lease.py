"""The lease of a target: what a run over the API holds where only one may run at a time.

No connection stays open between calls, so no lock does: a row says whose turn it is and until
when. Runs over a connection respect it, and it respects their lock.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import datetime

from usersync.backends.api.client import Caller
from usersync.errors import Busy, UsersyncError

#: How long it lasts when nobody keeps it: a run that was killed is in nobody's way for longer.
_LASTS_S = 60
_KEEP_EVERY_S = 15.0
_LOOK_EVERY_S = 0.2


@contextlib.contextmanager
def held(caller: Caller, holder: str, task: str, wait_s: float) -> Iterator[None]:
    """Hold the lease while the block lasts.

    Args:
        caller: that of the door.
        holder: the id of whoever holds it.
        task: what runs, for whoever has to wait.
        wait_s: how long to wait for another run; 0 for not at all.

    Raises:
        Busy: another run is at work; says which and since when.
    """
    _take(caller, holder, task, wait_s)
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(caller, holder, task, over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        # It ends by itself when this does not arrive.
        with contextlib.suppress(UsersyncError):
            caller.call("usersync_lease", holder=holder, seconds=0)


def _take(caller: Caller, holder: str, task: str, wait_s: float) -> None:
    # Somebody who only asks holds the lock for a moment: that is no run.
    give_up_at = time.monotonic() + max(wait_s, _LOOK_EVERY_S)
    while True:
        answer = caller.call("usersync_lease", holder=holder, task=task, seconds=_LASTS_S)
        if answer["ours"]:
            return
        if time.monotonic() >= give_up_at:
            raise Busy(
                f"another run of usersync is at work on this target: {_whose(answer)}",
                "wait for it, or let this one wait: --wait SECONDS",
            )
        caller.pause(_LOOK_EVERY_S)


def _keep(caller: Caller, holder: str, task: str, over: threading.Event) -> None:
    """Take it again before it ends; every batch looks for itself whether it is held still."""
    while not over.wait(_KEEP_EVERY_S):
        with contextlib.suppress(UsersyncError):
            caller.call("usersync_lease", holder=holder, task=task, seconds=_LASTS_S)


def _whose(answer: dict[str, object]) -> str:
    task, since = answer.get("task"), answer.get("since")
    if not task:
        return "it has just ended"
    process = f" (process {answer['pid']})" if answer.get("pid") else " (over the API)"
    when = f", since {datetime.fromisoformat(str(since)):%Y-%m-%dT%H:%M:%SZ}" if since else ""
    return f"{task}{process}{when}"
