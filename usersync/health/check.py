"""``health.check``: asks the endpoints of an app, all at once, and says what differs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from usersync import config
from usersync.config import Endpoint
from usersync.errors import Refused, Unconfigured
from usersync.model import Outcome, Step, worst
from usersync.privacy import visible
from usersync.session import Session

if TYPE_CHECKING:
    import httpx

#: The most that is read of an answer.
_MOST_BYTES = 64 * 1024

_MOST_REDIRECTS = 5

#: How much of a value that differs is shown.
_SHOWN = 60
_LONGEST_REASON = 120


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back at last."""

    status: int
    body: bytes
    redirect: str = ""
    """Where it leads, when we do not follow."""


def check(
    session: Session, *, base_url: str | None = None, timeout_s: float | None = None
) -> Outcome:
    """Ask every configured endpoint; none waits for another.

    Args:
        session: the run's surroundings; no door is needed.
        base_url: the address of the app, instead of the configured one.
        timeout_s: the longest that an endpoint may take, instead of the configured one.

    Raises:
        Unconfigured: no address is known.
        Refused: it is none.
    """
    target = session.target
    base = (base_url or target.base_url).strip().rstrip("/")
    if not base:
        raise Unconfigured(
            "the address of the app is not known",
            "give --base-url https://app.example.com, or set `health: {base_url: ...}` in"
            " usersync.yaml",
        )
    fault = config.fault_of_base_url(base)
    if fault:
        raise Refused(f"--base-url {fault}")
    token = target.health_token.get_secret_value() if target.health_token else ""
    if not token.isascii() or not token.isprintable():
        raise Refused(f"{config.HEALTH_TOKEN_ENV} holds characters that no header takes")
    settings = target.settings.health
    asked = _Asked(base, token, timeout_s or settings.timeout_s, session.command("doctor"))
    steps = asyncio.run(asked.all(settings.endpoints))
    codes = [{"finding": 2, "unknown": 1}.get(step.status, 0) for step in steps]
    return Outcome(steps=steps, notes=(f"Asked: {base}",), exit_code=worst(codes))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One app that is asked."""

    base: str
    token: str
    timeout_s: float
    doctor: str

    async def all(self, endpoints: tuple[Endpoint, ...]) -> tuple[Step, ...]:
        import httpx

        async with httpx.AsyncClient(timeout=self.timeout_s, follow_redirects=False) as client:
            return tuple(await asyncio.gather(*(self._one(client, one) for one in endpoints)))

    async def _one(self, client: httpx.AsyncClient, endpoint: Endpoint) -> Step:
        import httpx

        if endpoint.protected and not self.token:
            return Step(
                endpoint.path,
                "unknown",
                f"not asked: it wants a token, and {config.HEALTH_TOKEN_ENV} is not set",
                next_step=f"set {config.HEALTH_TOKEN_ENV} to the token of that app",
            )
        started = time.perf_counter()
        try:
            # One limit for all of it: a server may not hold us up by sending a byte now and then.
            async with asyncio.timeout(self.timeout_s):
                answer = await self._answer(client, endpoint)
        except (TimeoutError, httpx.TimeoutException):
            why = f"no answer within {self.timeout_s:g} s"
            return Step(endpoint.path, "unknown", why, next_step=self._try(endpoint))
        except httpx.ConnectError as error:
            why = f"no connection: {visible(str(error), _LONGEST_REASON)}"
            return Step(endpoint.path, "unknown", why, next_step="is the app running?")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"no answer that could be read: {type(error).__name__}"
            return Step(endpoint.path, "unknown", why, next_step=self._try(endpoint))
        duration_s = time.perf_counter() - started
        differences = _differences(endpoint, answer)
        if not differences:
            return Step(endpoint.path, "ok", f"{answer.status}", duration_s=duration_s)
        return Step(
            endpoint.path,
            "finding",
            "; ".join(differences),
            next_step=self._remedy(endpoint, answer),
            duration_s=duration_s,
        )

    async def _answer(self, client: httpx.AsyncClient, endpoint: Endpoint) -> _Answer:
        """Ask, and go where a redirect of the same server leads; the token goes nowhere else."""
        url = f"{self.base}{endpoint.path}"
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if endpoint.protected:
            headers["Authorization"] = f"Bearer {self.token}"
        for _ in range(_MOST_REDIRECTS + 1):
            async with client.stream("GET", url, headers=headers) as response:
                leads_to = response.headers.get("location", "")
                if response.is_redirect and response.status_code != endpoint.status and leads_to:
                    following = _followed(url, leads_to)
                    if following is None:
                        return _Answer(response.status_code, b"", redirect=leads_to)
                    url = following
                    continue
                body = b""
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > _MOST_BYTES:
                        break
                return _Answer(response.status_code, body)
        return _Answer(response.status_code, b"", redirect=url)

    def _remedy(self, endpoint: Endpoint, answer: _Answer) -> str:
        if answer.redirect:
            return "give --base-url the address that it leads to, if that is the app"
        if endpoint.protected and answer.status in (401, 403):
            return f"set {config.HEALTH_TOKEN_ENV} to the token that the app was started with"
        if answer.status == 404:
            return f"is {self.base} the app? otherwise set `health.endpoints` in usersync.yaml"
        return self.doctor

    def _try(self, endpoint: Endpoint) -> str:
        return f"ask it once more, and look at the log of the app: {self.base}{endpoint.path}"


def _followed(url: str, leads_to: str) -> str | None:
    """Where a redirect goes that stays with the server, or leads from its http to its https."""
    try:
        following = urljoin(url, leads_to)
        a, b = urlsplit(url), urlsplit(following)
        ports = [part.port or {"http": 80, "https": 443}.get(part.scheme) for part in (a, b)]
    except ValueError:
        return None
    if b.username is not None or a.hostname != b.hostname:
        return None
    safer = (a.scheme, b.scheme, *ports) == ("http", "https", 80, 443)
    stays = a.scheme == b.scheme and ports[0] == ports[1]
    return following if safer or stays else None


def _place(address: str) -> str:
    """The server that an address names; the address itself where it names none."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2] or address
    except ValueError:
        return address


def _differences(endpoint: Endpoint, answer: _Answer) -> list[str]:
    found = []
    if answer.status != endpoint.status:
        found.append(f"status {answer.status}, expected {endpoint.status}")
    if answer.redirect:
        where = visible(_place(answer.redirect), _SHOWN)
        found.append(f"it leads to {where}, where it was not followed")
    elif endpoint.json_keys:
        found += _json_differences(endpoint.json_keys, answer.body)
    return found


def _json_differences(expected: Mapping[str, Any], body: bytes) -> list[str]:
    try:
        if len(body) > _MOST_BYTES:
            return [f"longer than {_MOST_BYTES:,} bytes"]
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ["no JSON"]
    if not isinstance(found, dict):
        return ["no JSON object"]
    return [
        f"{name}: {_shown(found[name])}, expected {_shown(value)}"
        if name in found
        else f"{name}: missing, expected {_shown(value)}"
        for name, value in expected.items()
        if name not in found or not _equal(found[name], value)
    ]


def _equal(found: Any, expected: Any) -> bool:
    """Whether two values are the same in JSON, where ``true`` is not ``1``."""
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def _shown(value: Any) -> str:
    return visible(json.dumps(value, ensure_ascii=False), _SHOWN)
