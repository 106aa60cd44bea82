"""The predicate over a user as the Auth server lists one: `usersync.sql.users`, said in Python.

A listed user is always of the nil instance and of the audience ``authenticated``: others are not in
the list. Whether somebody is an SSO user is never in it either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from usersync.backends.api.unprepared.metadata import as_text
from usersync.errors import Refused

if TYPE_CHECKING:
    from usersync.config import ExcludeRule, Users

Listed = Mapping[str, Any]

#: Whom the list of users shows.
LISTED_AUDIENCE = "authenticated"


def refuse_unseen(users: Users, ways: str) -> None:
    """Refuse a predicate over what the list does not show.

    Args:
        users: who needs a profile.
        ways: the ways that can.

    Raises:
        Refused: it asks for other audiences, or for SSO users.
    """
    if tuple(users.audiences) != (LISTED_AUDIENCE,):
        raise Refused(
            "the API lists users of the audience `authenticated` alone, and audiences: under users:"
            " names others",
            ways,
        )
    for rule in users.exclude:
        if rule.sso is not None:
            raise Refused(
                f"the API does not show who is an SSO user, and the rule `{rule.reason}` under"
                " exclude: asks for it",
                ways,
            )


def skip_number(users: Users) -> Callable[[Listed], int]:
    """0 for a user that needs a profile, else 1 + the index of `skip_reasons`, as in SQL."""
    tests: list[Callable[[Listed], bool]] = [lambda user: bool(user.get("deleted_at"))]
    if not users.anonymous:
        tests.append(lambda user: bool(user.get("is_anonymous")))
    audiences = frozenset(users.audiences)
    tests.append(lambda user: user.get("aud") not in audiences)
    # Another instance: never listed.
    tests.append(lambda _user: False)
    tests += [_rule(rule) for rule in users.exclude]

    def number(user: Listed) -> int:
        return next((at for at, holds in enumerate(tests, start=1) if holds(user)), 0)

    return number


def provider(user: Listed) -> str:
    """How the user signed up, as `usersync.sql.users.provider` has it."""
    said = as_text((user.get("app_metadata") or {}).get("provider"))
    if said is None:
        said = "email" if user.get("email") else "phone" if user.get("phone") else "none"
    return said[:100]


def _rule(rule: ExcludeRule) -> Callable[[Listed], bool]:
    conditions: list[Callable[[Listed], bool]] = []
    if rule.ids:
        ids = frozenset(map(str, rule.ids))
        conditions.append(lambda user: user["id"] in ids)
    if rule.email_domains:
        domains = frozenset(domain.lower() for domain in rule.email_domains)
        conditions.append(lambda user: _domain(user.get("email") or "") in domains)
    if rule.providers:
        providers = frozenset(rule.providers)
        conditions.append(lambda user: provider(user) in providers)
    if rule.audiences:
        audiences = frozenset(rule.audiences)
        conditions.append(lambda user: user.get("aud") in audiences)
    if rule.app_metadata:
        wanted = dict(rule.app_metadata)
        conditions.append(lambda user: _holds(user.get("app_metadata") or {}, wanted))
    return lambda user: all(holds(user) for holds in conditions)


def _domain(email: str) -> str | None:
    _, at, domain = email.rpartition("@")
    return domain.lower() if at else None


def _holds(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether ``metadata @> wanted``, for plain values: true and 1 are two things to jsonb."""
    return all(
        key in metadata
        and metadata[key] == value
        and isinstance(metadata[key], bool) == isinstance(value, bool)
        for key, value in wanted.items()
    )
