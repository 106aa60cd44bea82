"""What an error of the API means, and what to do about it."""

from __future__ import annotations

import httpx

from usersync.backends.api.transport import WriteRefused
from usersync.errors import CouldNotTell, Interrupted, Refused, TooSlow, UsersyncError

_KEYS = "the secret key stands in the dashboard: Settings, API Keys"

#: SQLSTATEs and codes of PostgREST, each with what it means and the remedy.
_REFUSED = {
    "PGRST106": (
        "the API does not expose the schema public",
        "expose it: dashboard, Settings, Data API, Exposed schemas",
    ),
    "401": ("the API does not accept this key", _KEYS),
    "403": ("the API does not accept this key", _KEYS),
    "PGRST301": ("the API does not accept this key", _KEYS),
    "PGRST302": ("the API does not accept requests without a key", _KEYS),
    "PGRST303": ("the API does not accept this key: it has expired, or a clock is wrong", _KEYS),
    "42501": (
        "the key may not do that",
        "over a database connection: migration.apply, which grants what is needed",
    ),
}

_PAUSED = ("the project is paused", "restore it: dashboard, the project's page")
_NO_DATABASE = ("the API does not reach its database", "try again in a moment")
_UNKNOWN = {
    **dict.fromkeys(("402", "540", "544"), _PAUSED),
    **dict.fromkeys(("PGRST000", "PGRST001", "PGRST002", "PGRST003"), _NO_DATABASE),
}

#: Words in the errors of the network, each with what they mean and the remedy.
_BROKEN = {
    ("name or service not known", "name resolution", "nodename nor servname"): (
        "there is no such host",
        "check SUPABASE_URL; a paused project has no address either: restore it in the dashboard",
    ),
    ("certificate", "ssl"): ("no safe connection (TLS)", "check the clock and the proxy"),
    ("refused",): ("it refuses connections", "is anything running there?"),
}


def explain(error: Exception, *, host: str) -> UsersyncError:
    """One clear line, the remedy and the right exit code for what went wrong.

    Args:
        error: of httpx, or of supabase-py, which has ``code`` and ``message``.
        host: where it was.
    """
    if isinstance(error, UsersyncError):
        return error
    if isinstance(error, WriteRefused):
        return Refused(f"a write was stopped before it left: {error}", "please report it")
    if isinstance(error, httpx.HTTPError):
        return _of_network(error, host)
    return _of_answer(str(getattr(error, "code", "") or ""), host)


def _of_answer(code: str, host: str) -> UsersyncError:
    """What an answer with an error means, by its SQLSTATE, PostgREST's code or its status."""
    known: dict[str, tuple[type[UsersyncError], tuple[str, str]]] = {
        **{one: (Refused, told) for one, told in _REFUSED.items()},
        **{one: (CouldNotTell, told) for one, told in _UNKNOWN.items()},
        "57014": (TooSlow, ("Postgres ended the statement: statement time-out", "")),
    }
    if code in known:
        kind, (what, remedy) = known[code]
        return kind(f"{host}: {what}", remedy)
    if code.isdigit() and len(code) == 3:
        return CouldNotTell(f"{host} answered {code}", "try again in a moment")
    if len(code) == 5:
        return _of_postgres(code, host)
    return CouldNotTell(
        f"{host} answered something that is not JSON",
        "check SUPABASE_URL: it is https://PROJECT_REF.supabase.co",
    )


def _of_postgres(code: str, host: str) -> UsersyncError:
    from usersync.backends.postgres.failures import condition_name

    return CouldNotTell(f"{host}: Postgres refused with {code} ({condition_name(code)})")


def _of_network(error: httpx.HTTPError, host: str) -> UsersyncError:
    if isinstance(error.__cause__, Interrupted):
        return error.__cause__
    text = str(error).lower()
    if isinstance(error, httpx.ConnectTimeout):
        return CouldNotTell(f"{host} cannot be reached: no connection in time", "try again")
    if isinstance(error, httpx.TimeoutException):
        return TooSlow(f"{host} did not answer in time")
    text = str(error).lower()
    what, remedy = next(
        (told for words, told in _BROKEN.items() if any(word in text for word in words)),
        ("the connection broke", "try again"),
    )
    return CouldNotTell(f"{host}: {what}", remedy)


__all__ = ["explain"]
