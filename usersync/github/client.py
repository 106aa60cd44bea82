"""The few requests to GitHub's REST API that reports need.

Not by a library: of the two that are kept well, PyGithub brings requests and cryptography for six
endpoints, and githubkit 0.16.1 cannot be imported beside the hishel 2.0.0 that it asks for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import httpx
import tenacity

from usersync import __version__
from usersync.config.github import GitHub
from usersync.errors import CouldNotTell
from usersync.privacy import visible

Method = Literal["GET", "POST", "PATCH", "DELETE"]

#: All requests of one report together, waiting included.
_BUDGET_S = 60.0
_TIMEOUT_S = 15.0
_PER_PAGE = 100
_MOST_PAGES = 100


class GitHubError(CouldNotTell):
    """GitHub did not do what was asked.

    Args:
        status: of its answer; 0 when there was none.
    """

    def __init__(self, message: str, next_step: str = "", *, status: int = 0) -> None:
        super().__init__(message, next_step)
        self.status = status


class _Again(Exception):
    """May be asked again after a while."""

    def __init__(self, wait_s: float | None, last: GitHubError) -> None:
        super().__init__(last.message)
        self.wait_s = wait_s
        self.last = last


class Client:
    """GitHub's API of one repository.

    Args:
        http: sends the requests, with the token.
        repository: ``owner/name``.
    """

    def __init__(self, http: httpx.Client, repository: str) -> None:
        self._http = http
        self._repository = repository
        self._ends_at = time.monotonic() + _BUDGET_S

    def login(self) -> str:
        """Who the token belongs to; that of a workflow may not ask, and is GitHub's bot."""
        try:
            answer = self._asked("GET", "/user")
        except GitHubError as error:
            if error.status not in (403, 404):
                raise
            return "github-actions[bot]"
        return str(answer.get("login", "")) if isinstance(answer, dict) else ""

    def one(self, path: str) -> Mapping[str, Any]:
        """One thing of the repository; ``""`` is the repository itself."""
        return _object(self._asked("GET", self._path(path)))

    def pages(self, path: str, within: str = "", **query: str) -> Iterator[Mapping[str, Any]]:
        """Everything in a list of the repository, page by page.

        Args:
            path: of the list.
            within: the field that holds the list, where GitHub answers with more than that.
            query: what else is asked.
        """
        for number in range(1, _MOST_PAGES + 1):
            answer = self._asked(
                "GET", self._path(path), {**query, "per_page": _PER_PAGE, "page": number}
            )
            if within:
                answer = _object(answer).get(within)
            if not isinstance(answer, list):
                raise GitHubError("GitHub answered with something that is no list")
            yield from (item for item in answer if isinstance(item, dict))
            if len(answer) < _PER_PAGE:
                return
        raise GitHubError(f"GitHub lists more than {_MOST_PAGES * _PER_PAGE:,} there")

    def make(self, path: str, **body: Any) -> Mapping[str, Any]:
        """Make something; asked again only when GitHub says that it did nothing."""
        return _object(self._asked("POST", self._path(path), body=body))

    def change(self, path: str, **body: Any) -> Mapping[str, Any]:
        """Change something; doing it twice is the same as once."""
        return _object(self._asked("PATCH", self._path(path), body=body))

    def remove(self, path: str) -> None:
        """Remove something; it may be gone already."""
        try:
            self._asked("DELETE", self._path(path))
        except GitHubError as error:
            if error.status != 404:
                raise

    def _path(self, path: str) -> str:
        return f"/repos/{self._repository}{path}"

    def _asked(
        self,
        method: Method,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            wait=self._wait,
            stop=self._is_over,
            reraise=True,
        )
        try:
            return retrying(self._once, method, path, query, body)
        except _Again as again:
            raise again.last from None

    def _once(
        self,
        method: Method,
        path: str,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
    ) -> Any:
        try:
            answer = self._http.request(method, path, params=query, json=body)
        except httpx.HTTPError as error:
            failed = GitHubError(f"GitHub's API did not answer: {type(error).__name__}")
            if method == "POST" and not isinstance(error, httpx.ConnectError):
                # It may have been done.
                raise failed from None
            raise _Again(None, failed) from None
        if answer.is_success:
            return _json(answer)
        failed = _failure(method, path, answer)
        wait_s = _rate_limit_s(answer)
        if wait_s is not None or (answer.status_code >= 500 and method != "POST"):
            raise _Again(wait_s, failed)
        raise failed

    def _wait(self, state: tenacity.RetryCallState) -> float:
        again = state.outcome.exception() if state.outcome else None
        if isinstance(again, _Again) and again.wait_s is not None:
            return again.wait_s
        return tenacity.wait_random_exponential(multiplier=0.5, max=10)(state)

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        waits_s = getattr(state, "upcoming_sleep", 0.0)
        return time.monotonic() + waits_s >= self._ends_at or state.attempt_number >= 6


@contextmanager
def opened(surroundings: GitHub) -> Iterator[Client]:
    """A client for the repository that this workflow run belongs to.

    Raises:
        GitHubError: there is no token, or no repository.
    """
    if not surroundings.token or not surroundings.repository:
        missing = "GITHUB_REPOSITORY" if surroundings.token else "GITHUB_TOKEN"
        raise GitHubError(
            f"{missing} is not set", "in a workflow: `env: GITHUB_TOKEN: ${{ github.token }}`"
        )
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {surroundings.token}",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": f"usersync/{__version__}",
    }
    try:
        with httpx.Client(
            base_url=surroundings.api_url,
            headers=headers,
            timeout=_TIMEOUT_S,
            follow_redirects=True,
        ) as http:
            yield Client(http, surroundings.repository)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise GitHubError("GITHUB_API_URL is no address") from None


def _json(answer: httpx.Response) -> Any:
    if answer.status_code == 204:
        return {}
    try:
        return answer.json()
    except (ValueError, RecursionError):
        raise GitHubError("GitHub answered with something that is no JSON") from None


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise GitHubError("GitHub answered with something else than was asked for")
    return value


def _rate_limit_s(answer: httpx.Response) -> float | None:
    """How long GitHub wants to be left alone; None when that is not what it says.

    See docs.github.com, "Rate limits for the REST API": ``retry-after`` in seconds, or
    ``x-ratelimit-reset`` as the moment at which ``x-ratelimit-remaining`` is no longer 0.
    """
    if answer.status_code not in (403, 429):
        return None
    told = answer.headers.get("retry-after", "")
    if told.isdigit():
        return float(told)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(float(reset) - time.time(), 0.0) + 1.0
    return None if answer.status_code == 403 else 5.0


def _failure(method: str, path: str, answer: httpx.Response) -> GitHubError:
    meanings = {
        401: "GitHub does not know this token",
        403: "the token may not do this here",
        404: "there is no such thing here, or the token may not see it",
        422: "GitHub takes this for wrong",
    }
    meaning = meanings.get(answer.status_code, "GitHub failed")
    try:
        told = answer.json().get("message", "")
    except (ValueError, AttributeError, RecursionError):
        told = ""
    said = f": {visible(str(told))}" if told else ""
    return GitHubError(
        f"{method} {path}: {meaning} ({answer.status_code}{said})",
        "a pull request of a fork has no right to write: the step summary says all"
        if answer.status_code in (403, 404)
        else "",
        status=answer.status_code,
    )
