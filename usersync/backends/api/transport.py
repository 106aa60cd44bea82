"""Requests that are tried again where that is safe, counted, and kept from writing where wanted."""

from __future__ import annotations

import contextlib
import email.utils
import socket
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from usersync import __version__

if TYPE_CHECKING:
    from tenacity import RetryCallState

#: What a gateway or a busy server answers for a while (520 to 524: Cloudflare).
PASSING = frozenset({429, 502, 503, 504, 520, 521, 522, 523, 524})

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 8.0
_LONGEST_RETRY_AFTER_S = 60.0


class WriteRefused(Exception):
    """A request that could write, sent where only reading is meant: a bug of ours."""


class BadAnswer(httpx.HTTPError):
    """An answer that is an error, or no JSON.

    Args:
        status: of HTTP.
        code: what the server calls it: an SQLSTATE, a code of PostgREST or of the Auth server.
        message: what the server says; it may quote values.
    """

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(f"{status} {code}".rstrip())
        self.status = status
        self.code = code
        self.message = message


class Transport(httpx.BaseTransport):
    """What carries the requests of one client.

    Args:
        base_url: the one address that is called; through the proxy that the environment names.
        stable_functions: functions that cannot write, so that a call may be tried again.
        retry_s: how long one request is tried again; 0 for never.
        read_only: whether anything else than a read is refused.
        sleep: waits for so many seconds, unless somebody cancels.
    """

    def __init__(
        self,
        base_url: str,
        *,
        stable_functions: frozenset[str],
        retry_s: float,
        read_only: bool,
        sleep: Callable[[float], None],
    ) -> None:
        self._inner = httpx.HTTPTransport(proxy=_proxy(base_url))
        self._stable = stable_functions
        self._retry_s = retry_s
        self._read_only = read_only
        self._sleep = sleep
        self._sockets: list[socket.socket] = []
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; again, within the budget, when it reads and did not get through."""
        import tenacity

        is_read = self._is_read(request)
        if self._read_only and not is_read:
            raise WriteRefused(f"{request.method} {request.url.path}")
        if not is_read or self._retry_s <= 0:
            return self._send(request)
        backing_off = tenacity.wait_random_exponential(_FIRST_WAIT_S, _LONGEST_WAIT_S)

        def wait_s(state: RetryCallState) -> float:
            outcome = state.outcome
            if outcome is not None and not outcome.failed:
                asked = _retry_after_s(outcome.result())
                if asked is not None:
                    return asked
            return float(backing_off(state))

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(httpx.TransportError)
            | tenacity.retry_if_result(lambda response: response.status_code in PASSING),
            stop=tenacity.stop_before_delay(self._retry_s),
            wait=wait_s,
            sleep=self._sleep,
            before_sleep=_let_go,
            # What is left when the budget is used up: the last answer, or the last error.
            retry_error_callback=_last,
        )(self._send, request)

    def cancel(self) -> None:
        """End the requests that are under way; safe from another thread."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connections."""
        self._inner.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        request.extensions["trace"] = self._note_socket
        response = self._inner.handle_request(request)
        try:
            # Here, so that a body that is cut is tried again as everything else.
            response.read()
        finally:
            response.close()
        return response

    def _note_socket(self, event: str, told: Mapping[str, Any]) -> None:
        """Remember each connection, so that somebody else can end it."""
        if event == "connection.connect_tcp.complete":
            self._sockets.append(told["return_value"].get_extra_info("socket"))

    def _is_read(self, request: httpx.Request) -> bool:
        if request.method in ("GET", "HEAD"):
            return True
        before, _, function = request.url.path.rpartition("/")
        return request.method == "POST" and before.endswith("/rpc") and function in self._stable


def build_client(
    transport: Transport, *, connect_timeout_s: float, read_timeout_s: float
) -> httpx.Client:
    """A client with connections that are used again.

    Args:
        transport: what carries its requests.
        connect_timeout_s: how long one connection may take.
        read_timeout_s: how long an answer may take.
    """
    return httpx.Client(
        transport=transport,
        timeout=httpx.Timeout(read_timeout_s, connect=connect_timeout_s),
        headers={"User-Agent": f"usersync/{__version__}"},
        event_hooks={"response": [_refuse_errors]},
    )


def _refuse_errors(response: httpx.Response) -> None:
    """Raise what is no answer to our question, whoever asked: supabase-py tells no status."""
    is_json = "json" in response.headers.get("Content-Type", "")
    response.read()
    if response.is_success and (is_json or not response.content):
        return
    told: object = None
    if is_json:
        with contextlib.suppress(ValueError):
            told = response.json()
    body = told if isinstance(told, dict) else {}
    code = body.get("error_code") or body.get("code") or ""
    message = body.get("message") or body.get("msg") or ""
    raise BadAnswer(response.status_code, str(code), str(message))


def _proxy(base_url: str) -> str | None:
    """The proxy that the environment names for the one host we call."""
    parts = urlsplit(base_url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _retry_after_s(response: httpx.Response) -> float | None:
    """What a server asks for: seconds, or a moment."""
    value = response.headers.get("Retry-After", "")
    if value.isdigit():
        return min(float(value), _LONGEST_RETRY_AFTER_S)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_RETRY_AFTER_S)


def _let_go(state: RetryCallState) -> None:
    """An answer that is not wanted gives its connection back."""
    if state.outcome is not None and not state.outcome.failed:
        state.outcome.result().close()


def _last(state: RetryCallState) -> httpx.Response:
    assert state.outcome is not None
    response: httpx.Response = state.outcome.result()
    return response


__all__ = ["PASSING", "BadAnswer", "Transport", "WriteRefused", "build_client"]
