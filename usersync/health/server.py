"""``health.serve``: three endpoints as a Starlette app, to run by itself or to mount in another."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from usersync import config
from usersync.errors import Refused
from usersync.health.board import Board
from usersync.health.state import State

#: The longest that one connection may last, however slowly the other side reads or writes.
CONNECTION_S = 10

#: The most connections at once, well below what a process may have open; more are told 503.
CONNECTIONS = 500

#: The most that the head of a request may have.
HEAD_BYTES = 16 * 1024

_HEADERS = {"Cache-Control": "no-store", "Connection": "close"}

_STATUSES = {"healthy": 200, "degraded": 200, "unknown": 503}


def application(
    config_path: str | None = None, target_name: str | None = None, env_file: str | None = None
) -> Starlette:
    """The endpoints for one target, to be mounted in an app of yours.

    Args:
        config_path: the configuration file, as ``--config``.
        target_name: the target, as ``--target``.
        env_file: a file of environment variables, as ``--env-file``.

    Raises:
        ConfigError: there is no target, more than one, or something is configured wrongly.
    """
    return application_of(config.load(config_path, target_name, env_file))


def application_of(target: config.Target) -> Starlette:
    """The endpoints for a target.

    Args:
        target: the one that they tell of.
    """
    board = Board(target)
    token = target.health_token.get_secret_value().encode() if target.health_token else b""

    async def health(_request: Request) -> Response:
        fine = await board.reachable.get()
        return _answer({"status": "healthy" if fine else "unhealthy"}, 200 if fine else 503)

    async def details(request: Request) -> Response:
        refusal = _refusal(request, token)
        if refusal is not None:
            return refusal
        found = await board.state.get()
        return _answer(_plain(found), _STATUSES[found.status])

    return Starlette(
        routes=[
            Route(config.PUBLIC_PATH, health),
            *(Route(path, details) for path in config.PROTECTED_PATHS),
        ]
    )


def run(target: config.Target, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the endpoints until somebody ends it.

    Args:
        target: the one that they tell of.
        host: the address to listen on.
        port: the port; 0 for any that is free.
        say: told where it listens.

    Raises:
        Refused: the address cannot be taken.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise Refused(
            f"cannot listen on {host}, port {port}: {getattr(error, 'strerror', None) or error}",
            "give another --port, or end what listens there",
        ) from error
    with listener:
        where = f"[{host}]" if ":" in host else host
        say(f"Listening on http://{where}:{listener.getsockname()[1]}, until Ctrl-C.")
        server = uvicorn.Server(
            uvicorn.Config(
                application_of(target),
                loop="asyncio",
                http=_Hurried,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=2,
                h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )
        server.run(sockets=[listener])


class _Hurried(H11Protocol):
    """A connection that ends in time: uvicorn itself waits for a slow request for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol.connection_made`."""
        super().connection_made(transport)
        self._end = self.loop.call_later(CONNECTION_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol.connection_lost`."""
        self._end.cancel()
        super().connection_lost(exc)


def _refusal(request: Request, token: bytes) -> Response | None:
    """What somebody is told who may not know; None for whoever shows the token."""
    if not token:
        return _answer({"error": f"{config.HEALTH_TOKEN_ENV} is not set here"}, 503)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    fits = secrets.compare_digest(given.strip().encode("latin-1"), token)
    if fits and scheme.lower() == "bearer":
        return None
    wanted = {"WWW-Authenticate": "Bearer"}
    return _answer({"error": "the bearer token is missing or wrong"}, 401, wanted)


def _answer(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(body),
        status_code=status,
        headers=_HEADERS | (headers or {}),
        media_type="application/json",
    )


def _plain(state: State) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items()}
        return [plain(part) for part in value] if isinstance(value, list | tuple) else value

    body: dict[str, Any] = plain(dataclasses.asdict(state))
    return body
