"""Requests that are tried again where that is safe, counted, and kept from writing where wanted."""

from __future__ import annotations

import contextlib
import email.utils
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
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
        inner: carries one request, once.
        stable_functions: functions that cannot write, so that a call may be tried again.
        retry_s: how long one request is tried again; 0 for never.
        read_only: whether anything else than a read is refused.
        sleep: waits for so many seconds, unless somebody cancels.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        *,
        stable_functions: frozenset[str],
        retry_s: float,
        read_only: bool,
        sleep: Callable[[float], None],
    ) -> None:
        self._inner = inner
        self._stable = stable_functions
        self._retry_s = retry_s
        self._read_only = read_only
        self._sleep = sleep
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

    def close(self) -> None:
        """Let go of the connections."""
        self._inner.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return self._inner.handle_request(request)

    def _is_read(self, request: httpx.Request) -> bool:
        if request.method in ("GET", "HEAD"):
            return True
        before, _, function = request.url.path.rpartition("/")
        return request.method == "POST" and before.endswith("/rpc") and function in self._stable


def build_client(
    *,
    base_url: str,
    connect_timeout_s: float,
    read_timeout_s: float,
    retry_s: float,
    stable_functions: frozenset[str],
    read_only: bool,
    sleep: Callable[[float], None],
) -> httpx.Client:
    """A client with connections that are used again, through the proxy of the environment.

    Args:
        base_url: the one address that it calls.
        connect_timeout_s: how long one connection may take.
        read_timeout_s: how long an answer may take.
        retry_s: how long one request is tried again; 0 for never.
        stable_functions: functions that cannot write.
        read_only: whether anything else than a read is refused.
        sleep: waits for so many seconds, unless somebody cancels.
    """

    inner = httpx.HTTPTransport(proxy=_proxy(base_url))
    return httpx.Client(
        transport=Transport(
            inner,
            stable_functions=stable_functions,
            retry_s=retry_s,
            read_only=read_only,
            sleep=sleep,
        ),
        timeout=httpx.Timeout(read_timeout_s, connect=connect_timeout_s),
        event_hooks={"response": [_refuse_errors]},
        headers={"User-Agent": f"usersync/{__version__}"},
    )


def _refuse_errors(response: httpx.Response) -> None:
    """Raise what is no answer to our question, whoever asked: supabase-py tells no status."""
    is_json = "json" in response.headers.get("Content-Type", "")
    if response.is_success and (is_json or response.request.method == "HEAD"):
        return
    told: object = None
    if is_json:
        response.read()
        with contextlib.suppress(ValueError):
            told = response.json()
    if response.is_success and response.status_code == httpx.codes.NO_CONTENT:
        return
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
