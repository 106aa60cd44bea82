"""What kind of key it is; the key itself is never shown, not even in part.

Two kinds open the whole API: the legacy ``service_role`` JWT, whose role can be read from it, and
the newer ``sb_secret_…`` (supabase.com/docs, migrating to new API keys).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from usersync.errors import Refused

#: What every such key can do that no task needs.
BEYOND = (
    "this key opens the whole API: every exposed table, whatever row security says, and all users;"
    " to read only, a database role with fewer rights will do"
)

_WHERE = "the secret key stands in the dashboard: Settings, API Keys"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that may do the job."""

    kind: str
    """``legacy service_role key`` or ``secret key``."""
    expires_at: datetime | None = None


def read_key(key: str, *, variable: str, project_ref: str, now: datetime) -> Key:
    """Find out what a key is.

    Args:
        key: what the variable holds.
        variable: its name, for the messages.
        project_ref: the project that is called; empty when that is not known.
        now: an expired key is refused.

    Raises:
        Refused: it cannot do the job; says what it is and where the right one is.
    """
    text = key.strip()
    if not text:
        raise Refused(f"{variable} is empty", _WHERE)
    if re.match(r"postgres(ql)?://", text):
        raise Refused(f"{variable} holds a connection string", f"{_WHERE}; that is SUPABASE_DB_URL")
    if re.search(r"[\s'\"]", text):
        raise Refused(
            f"{variable} has a space, a quote or a line break in it: it was not copied whole",
            _WHERE,
        )
    for start, what in (
        ("sb_publishable_", "a publishable key, which sees what every visitor sees"),
        ("sbp_", "a personal access token, which is for the Management API"),
    ):
        if text.startswith(start):
            raise Refused(f"{variable} holds {what}", _WHERE)
    if text.startswith("sb_secret_"):
        return Key("secret key")
    claims = _claims(text)
    if claims is None:
        raise Refused(f"{variable} holds no API key of Supabase", _WHERE)
    return _legacy(claims, variable, project_ref, now)


def _legacy(claims: dict[str, Any], variable: str, project_ref: str, now: datetime) -> Key:
    role = claims.get("role")
    if role == "anon":
        raise Refused(f"{variable} holds the anon key, which sees what every visitor sees", _WHERE)
    if role != "service_role":
        what = "the token of a signed-in user" if role == "authenticated" else "another token"
        raise Refused(f"{variable} holds {what}, not the service_role key", _WHERE)
    ref = claims.get("ref")
    if project_ref and ref and ref != project_ref:
        raise Refused(
            f"{variable} holds the key of another project than {project_ref}",
            f"{_WHERE} of {project_ref}",
        )
    expires_at = _moment(claims.get("exp"))
    if expires_at is not None and expires_at <= now:
        raise Refused(f"{variable} holds a key that expired on {expires_at:%Y-%m-%d}", _WHERE)
    return Key("legacy service_role key", expires_at)


def _claims(token: str) -> dict[str, Any] | None:
    """What a JWT says; its signature is the server's affair."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(payload)
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def _moment(seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
