"""What synthetic users do, in the words of the Auth server.

Source: supabase/auth, internal/api/{signup,verify,identity}.go, internal/models/user.go.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that real users do."""

    name: str
    then: str = "queries/canary_confirm"
    """The file of what follows the sign-up; empty for nothing."""
    email: bool = False
    phone: bool = False
    is_anonymous: bool = False
    user_metadata: str | None = "{}"
    provider: str = "email"
    goes: bool = False
    """Whether the user is gone for good at the end."""


#: What a provider tells of somebody.
_IDENTITY = json.dumps(
    {
        "full_name": "Canary Bird",
        "name": "Canary Bird",
        "avatar_url": "https://example.invalid/a",
    }
)

CASES = (
    Case("e-mail sign-up", email=True),
    Case("phone sign-up", phone=True, provider="phone"),
    Case(
        "OAuth sign-up",
        email=True,
        provider="google",
        user_metadata=_IDENTITY,
    ),
    Case("sign-up without metadata", email=True, user_metadata=None),
    Case("anonymous sign-up", is_anonymous=True, then=""),
    Case("permanent by e-mail", is_anonymous=True, then="queries/canary_permanent_by_email"),
    Case("permanent by phone", is_anonymous=True, then="queries/canary_permanent_by_phone"),
    Case("permanent by identity", is_anonymous=True, then="queries/canary_permanent_by_identity"),
    Case("e-mail change", email=True, then="queries/canary_change_email"),
    Case("soft delete", email=True, then="queries/canary_soft_delete"),
    Case("hard delete", email=True, then="queries/canary_hard_delete", goes=True),
)


def doing(script: str) -> str:
    """What a file of these does, in words: ``soft delete``."""
    return script.removeprefix("queries/canary_").replace("_", " ")


def facts(case: Case, user_id: str) -> dict[str, Any]:
    """What the files ``queries/canary_*`` may name about one synthetic user."""
    app_metadata = (
        {} if case.is_anonymous else {"provider": case.provider, "providers": [case.provider]}
    )
    digits = str(uuid.UUID(user_id).int)[:9]
    return {
        "id": user_id,
        "email": f"usersync-canary-{user_id}@example.invalid" if case.email else None,
        "new_email": f"usersync-canary-new-{user_id}@example.invalid",
        # No real number begins with zeros.
        "phone": f"000{digits}" if case.phone else None,
        "new_phone": f"000{digits}",
        "identity_metadata": _IDENTITY,
        "app_metadata": json.dumps(app_metadata),
        "user_metadata": case.user_metadata,
        "is_anonymous": case.is_anonymous,
        "hash": hashlib.sha256(user_id.encode()).hexdigest()[:43],
    }
