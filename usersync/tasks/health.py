"""``health.check`` and ``health.serve``."""

from __future__ import annotations

import sys
from typing import Any

from invoke.context import Context

from usersync.errors import Refused
from usersync.tasks import inputs
from usersync.tasks.command import command, finish, request


@command(
    writes=False,
    called="health.check",
    help={
        "base_url": "the address of the app (default: `base_url` in usersync.yaml)",
        "timeout_s": "seconds that an endpoint may take (default 5)",
    },
)
def check(
    _context: Context, base_url: str | None = None, timeout_s: str | None = None, **flags: Any
) -> int:
    """Ask the health endpoints of the app, all at once: status, latency, what differs."""
    asked = request(
        "health.check",
        "health.check",
        flags,
        base_url=base_url,
        timeout_s=inputs.positive("--timeout-s", timeout_s),
    )
    return finish(asked, json=flags["json"])


@command(
    writes=False,
    called="health.serve",
    help={
        "host": "the address to listen on (default 127.0.0.1)",
        "port": "the port to listen on (default 8000)",
    },
)
def serve(_context: Context, host: str = "127.0.0.1", port: str | None = None, **flags: Any) -> int:
    """Serve the health endpoints for a target, until Ctrl-C or SIGTERM."""
    number = inputs.whole_number("--port", port)
    if number is not None and number > 65_535:
        raise Refused("--port takes a number up to 65535")
    asked = request(
        "health.serve",
        "health.serve",
        flags,
        host=host,
        port=8000 if number is None else number,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    return finish(asked, json=flags["json"])
