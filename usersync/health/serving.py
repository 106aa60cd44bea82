"""``health.serve`` as a task runs it: with its extra, until somebody ends it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from usersync.errors import Refused
from usersync.model import Outcome, Step
from usersync.session import Session


def serve(session: Session, *, host: str, port: int, say: Callable[[str], None]) -> Outcome:
    """Serve the three endpoints for the target of a session.

    Args:
        session: the run's surroundings; no door is needed.
        host: the address to listen on.
        port: the port; 0 for any that is free.
        say: told where it listens.

    Raises:
        Refused: the extra ``serve`` is not installed, or the address cannot be taken.
    """
    try:
        from usersync.health import server
    except ModuleNotFoundError as error:
        raise Refused(
            f"health.serve needs the extra serve: there is no module {error.name}",
            'pip install "usersync[serve]"',
        ) from error
    # For a server this is the ordinary end.
    with contextlib.suppress(KeyboardInterrupt):
        server.run(session.target, host, port, say)
    return Outcome(steps=(Step("serve", "ok", "stopped"),))
