"""Operations that need no open door: health endpoints, and log files."""

from __future__ import annotations

from collections.abc import Callable

from usersync import health, logs
from usersync.model import Outcome
from usersync.operations.registry import operation
from usersync.session import Session


@operation("health.check", "read", tells=("findings",), needs="settings")
def check_health(
    session: Session, *, base_url: str | None = None, timeout_s: float | None = None
) -> Outcome:
    """Ask the health endpoints of the app: status, latency, what differs."""
    return health.check(session, base_url=base_url, timeout_s=timeout_s)


@operation("health.serve", "read", needs="target")
def serve_health(session: Session, *, host: str, port: int, say: Callable[[str], None]) -> Outcome:
    """Serve the health endpoints for a target until somebody ends it."""
    return health.serve(session, host=host, port=port, say=say)


@operation("logs", "read", tells=("findings",), needs="settings")
def show_logs(session: Session, *, lines: int = 20) -> Outcome:
    """The recent errors of the configured log files, masked."""
    return logs.recent(session, lines=lines)
