"""The Auth server's admin API: pages of users, one user, a user made and deleted.

Not supabase-py's: its ``list_users`` drops the total and gives up after five seconds.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from usersync.backends.api.project import Project
from usersync.backends.api.transport import BadAnswer
from usersync.errors import CouldNotTell, TooSlow, UsersyncError

Listed = Mapping[str, Any]

_USERS = "/auth/v1/admin/users"

#: The Auth server ends a request of its own that takes longer (504 request_timeout).
_TOO_SLOW = 504


class PageUnreadable(CouldNotTell):
    """The Auth server cannot read a user of this page."""


class NotCreated(CouldNotTell):
    """The Auth server did not make the user: a trigger failed, or the address is taken."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of users, newest first."""

    users: tuple[Listed, ...]
    total: int
    """How many there are, as the header says; it moves while people sign up."""
    size: int
    """In bytes."""
    at: datetime
    """The server's clock."""
    took_s: float


class Admin:
    """The admin API of one project.

    Args:
        project: where it is.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.requests = 0
        self.received = 0
        """Bytes."""

    def page(self, number: int, per_page: int, *, containing: str = "") -> Page:
        """One page; both numbers are always sent, without them a server may answer otherwise.

        Args:
            number: counted from 1.
            per_page: how many users.
            containing: only users whose address or name has this in it, where the server knows how.

        Raises:
            PageUnreadable: it holds a user with nulls where the Auth server expects text.
        """
        wanted = {"page": number, "per_page": per_page}
        started = time.perf_counter()
        response = self._read(_USERS, wanted | ({"filter": containing} if containing else {}))
        told = self._json(response)
        users = told.get("users")
        total = response.headers.get("X-Total-Count", "")
        if not isinstance(users, list) or not total.isdigit():
            raise self._strange()
        return Page(
            tuple(users),
            int(total),
            len(response.content),
            _clock(response),
            time.perf_counter() - started,
        )

    def user(self, user_id: str) -> Listed | None:
        """One user, whatever its audience; None when there is none of the nil instance."""
        try:
            return self._json(self._get(f"{_USERS}/{user_id}", {}))
        except BadAnswer as answer:
            if answer.status == httpx.codes.NOT_FOUND:
                return None
            raise self._meaning(answer) from answer

    def create(self, address: str, user_metadata: Mapping[str, str]) -> str:
        """Make a user with a confirmed address, who is sent no mail; the id.

        Raises:
            NotCreated: the Auth server said no.
        """
        body = {"email": address, "email_confirm": True, "user_metadata": dict(user_metadata)}
        try:
            return str(self._json(self._send("POST", _USERS, body))["id"])
        except BadAnswer as answer:
            if answer.status in (httpx.codes.UNPROCESSABLE_ENTITY, 500):
                told = answer.message or "no message"
                raise NotCreated(f"the Auth server answered: {told}") from answer
            raise self._meaning(answer) from answer

    def delete(self, user_id: str) -> None:
        """Delete a user for good; no error when there is none."""
        try:
            self._send("DELETE", f"{_USERS}/{user_id}", {"should_soft_delete": False})
        except BadAnswer as answer:
            if answer.status != httpx.codes.NOT_FOUND:
                raise self._meaning(answer) from answer

    def _read(self, path: str, wanted: Mapping[str, Any]) -> httpx.Response:
        try:
            return self._get(path, wanted)
        except BadAnswer as answer:
            raise self._meaning(answer) from answer

    def _get(self, path: str, wanted: Mapping[str, Any]) -> httpx.Response:
        """Read; an answer that is an error stays one of HTTP."""
        self._project.refuse_cancelled()
        self.requests += 1
        try:
            response = self._project.reading.get(
                f"{self._project.address.base_url}{path}",
                params=dict(wanted),
                headers=self._project.headers,
            )
        except BadAnswer:
            raise
        except Exception as error:
            raise self._project.explained(error) from error
        self.received += len(response.content)
        return response

    def _send(self, method: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """Write, once; an answer that is an error stays one of HTTP."""
        self._project.refuse_cancelled()
        self.requests += 1
        try:
            return self._project.writing.request(
                method,
                f"{self._project.address.base_url}{path}",
                json=dict(body),
                headers=self._project.headers,
            )
        except BadAnswer:
            raise
        except Exception as error:
            raise self._project.explained(error) from error

    def _meaning(self, answer: BadAnswer) -> UsersyncError:
        """What an answer other than a success means."""
        host, status = self._project.address.host, answer.status
        if status == _TOO_SLOW:
            return TooSlow(f"{host} took too long over its list of users", "try again")
        if status == 500 and answer.message.startswith("Database error"):
            return PageUnreadable(f"{host}: {answer.message}")
        if status == httpx.codes.NOT_FOUND:
            return self._strange()
        return self._project.explained(answer)

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        try:
            told = json.loads(response.content)
        except ValueError as error:
            raise self._project.explained(error) from error
        if not isinstance(told, dict):
            raise self._strange()
        return told

    def _strange(self) -> UsersyncError:
        return CouldNotTell(
            f"{self._project.address.host} has no list of users as Supabase's Auth server has",
            "check SUPABASE_URL: it is https://PROJECT_REF.supabase.co",
        )


def _clock(response: httpx.Response) -> datetime:
    """The server's clock, by the second; ours where it does not say."""
    try:
        return email.utils.parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return datetime.now(UTC)
