"""One user's account, as the Auth server tells it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from usersync.backends import Account


def account(user: Mapping[str, Any]) -> Account:
    """What the Auth server says of a user; a user that it answers is one that it can read.

    Args:
        user: as the admin API answers one.
    """
    told = {
        name: str(user[name])[:19].replace("T", " ") if user.get(name) else None
        for name in ("confirmed_at", "last_sign_in_at", "deleted_at")
    }
    identities = {str(one.get("provider")) for one in user.get("identities") or ()}
    return Account(
        **told,
        banned_until=_still(user.get("banned_until")),
        is_anonymous=bool(user.get("is_anonymous")),
        is_sso=bool(user.get("is_sso_user")),
        identities=tuple(sorted(identities)),
        unreadable=(),
        flags=None,
        recorded=(),
    )


def _still(moment: str | None) -> str | None:
    """The end of a ban that holds."""
    if not moment or datetime.fromisoformat(moment) <= datetime.now(UTC):
        return None
    return moment[:19].replace("T", " ")
