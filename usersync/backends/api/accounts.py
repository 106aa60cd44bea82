"""Users made and deleted through the Auth server, for the canary that really signs up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from usersync.backends.api.admin import Admin
from usersync.backends.api.project import Project
from usersync.config import Api, Settings
from usersync.errors import CouldNotTell

#: Where a server does not know how to search, so many of the newest users are looked through.
_PAGES, _PAGE_USERS = 10, 1_000


@dataclass(frozen=True, slots=True)
class Account:
    """One user, as the Auth server shows it."""

    user_id: str
    address: str
    age_s: float
    """By the server's clock."""


class Accounts:
    """The users of one project; closed at the end of a ``with`` block.

    Args:
        api: where it is, and the key.
        settings: time-outs and retries.
    """

    def __init__(self, api: Api, settings: Settings) -> None:
        self._project = Project(api, settings)
        self._admin = Admin(self._project)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._project.close()

    @property
    def project_ref(self) -> str:
        """Which project; empty for a stack of one's own."""
        return self._project.address.project_ref

    @property
    def host(self) -> str:
        """Where it is."""
        return self._project.address.host

    def create(self, address: str) -> str:
        """Make a user with a confirmed address, who is sent no mail; the id.

        Raises:
            NotCreated: the Auth server said no.
            CouldNotTell: no answer; the user may be there.
        """
        return self._admin.create(address, {"full_name": "usersync canary"})

    def delete(self, user_id: str) -> None:
        """Delete a user for good; no error when there is none."""
        self._admin.delete(user_id)

    def exists(self, user_id: str) -> bool:
        """Whether there is such a user."""
        return self._admin.user(user_id) is not None

    def named(self, containing: str, pattern: str) -> tuple[Account, ...]:
        """The users whose address fits; newest first.

        Args:
            containing: a part of the address, for servers that can search.
            pattern: a regular expression of the whole address.
        """
        found: dict[str, Account] = {}
        for number in range(1, _PAGES + 1):
            page = self._admin.page(number, _PAGE_USERS, containing=containing)
            for user in page.users:
                address = str(user.get("email") or "")
                if re.fullmatch(pattern, address):
                    made_at = datetime.fromisoformat(user["created_at"])
                    age_s = (page.at - made_at).total_seconds()
                    found[user["id"]] = Account(user["id"], address, age_s)
            if not page.users or number * _PAGE_USERS >= page.total:
                break
        return tuple(found.values())

    def the_one(self, address: str) -> Account | None:
        """The user of an address; None when there is none."""
        found = self.named(address, re.escape(address))
        if len(found) > 1:
            raise CouldNotTell(f"several users have the address {address}")
        return found[0] if found else None
