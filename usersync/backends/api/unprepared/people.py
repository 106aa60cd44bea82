"""Single users, by what a person knows of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from usersync.backends import Match
from usersync.backends.api.admin import Admin, Listed, PageUnreadable
from usersync.backends.api.unprepared import predicate
from usersync.backends.api.unprepared.lists import Lists
from usersync.backends.api.unprepared.tables import Tables
from usersync.backends.api.unprepared.unreadable import remedy
from usersync.config import ProfileTable, Users
from usersync.errors import CouldNotTell
from usersync.model import User
from usersync.privacy import masked_email
from usersync.sql import users

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")

#: So many matches show that a reference is ambiguous.
_MOST = 3


@dataclass
class People:
    """Finds users.

    Args:
        admin: the admin API.
        tables: the profile tables.
        lists: for what is no whole id.
        users: who needs a profile.
    """

    admin: Admin
    tables: Tables
    lists: Lists
    users: Users

    def one(self, user_id: str) -> Listed | None:
        """The user of this id; None when there is none.

        Raises:
            CouldNotTell: the Auth server cannot read that user.
        """
        try:
            return self.admin.user(user_id)
        except PageUnreadable as error:
            raise CouldNotTell(error.message, remedy()) from error

    def find(self, table: ProfileTable, reference: str) -> tuple[Match, ...]:
        """The users, at most three, that an id, the start of one, or an address means."""
        if _UUID.fullmatch(reference):
            user = self.one(reference)
            found = [] if user is None else [user]
        elif "@" in reference:
            # Not by the server's filter: an address in a URL would stand in the gateway's log.
            wanted = reference.lower()
            found = self.lists.search(lambda one: _email(one).lower() == wanted, _MOST)
        else:
            start = reference.replace("-", "")
            found = self.lists.search(lambda one: _digits(one).startswith(start), _MOST)
        return tuple(self._match(table, user) for user in found)

    def _match(self, table: ProfileTable, user: Listed) -> Match:
        has_profile, role = self.tables.role(table, user["id"])
        number = predicate.skip_number(self.users)(user)
        return Match(
            user=User(
                user["id"],
                masked_email(_email(user)),
                datetime.fromisoformat(user["created_at"]),
                predicate.provider(user),
            ),
            skip_reason=users.skip_reasons(self.users)[number - 1] if number else "",
            has_profile=has_profile,
            role=role,
        )


def _email(user: Listed) -> str:
    return str(user.get("email") or "")


def _digits(user: Listed) -> str:
    return str(user["id"]).replace("-", "")
