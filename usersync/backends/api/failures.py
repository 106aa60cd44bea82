"""What an error of the API means, and what to do about it."""

from __future__ import annotations

import httpx

from usersync.backends.api.transport import PASSING, BadAnswer, WriteRefused
from usersync.errors import CouldNotTell, Interrupted, LostAnswer, Refused, TooSlow, UsersyncError

_KEYS = "the secret key stands in the dashboard: Settings, API Keys"
_NO_KEY = ("the API does not accept this key", _KEYS)

#: SQLSTATEs and codes of PostgREST, each with what it means and the remedy; and statuses, for
#: answers of a gateway, which have no code.
_REFUSED = {
    "PGRST106": (
        "the API does not expose the schema public",
        "expose it: dashboard, Settings, Data API, Exposed schemas",
    ),
    "401": _NO_KEY,
    "403": _NO_KEY,
    "PGRST301": _NO_KEY,
    "PGRST302": ("the API does not accept requests without a key", _KEYS),
    "PGRST303": ("the API does not accept this key: it has expired, or a clock is wrong", _KEYS),
    "42501": (
        "the key may not do that",
        "grant it to service_role, or connect over a database connection: set SUPABASE_DB_URL",
    ),
}

_PAUSED = ("the project is paused", "restore it: dashboard, the project's page")
_NO_DATABASE = ("the API does not reach its database", "try again in a moment")
_UNKNOWN = {
    **dict.fromkeys(("402", "540", "544"), _PAUSED),
    **dict.fromkeys(("PGRST000", "PGRST001", "PGRST002", "PGRST003"), _NO_DATABASE),
    "429": ("too many requests", "try again in a minute"),
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
        error: of httpx, or of supabase-py.
        host: where it was.
    """
    if isinstance(error, UsersyncError):
        return error
    if isinstance(error, WriteRefused):
        return Refused(f"a write was stopped before it left: {error}", "please report it")
    if isinstance(error, BadAnswer):
        return _of_answer(error, host)
    if isinstance(error, httpx.HTTPError):
        return _of_network(error, host)
    return _not_ours(host)


def _of_answer(error: BadAnswer, host: str) -> UsersyncError:
    """What an answer with an error means: by its code, or, where that says nothing, its status."""
    code, status = error.code, str(error.status)
    if code == "57014":
        return TooSlow(f"{host}: Postgres ended the statement: statement time-out")
    for name in (code, status):
        if name in _REFUSED:
            what, remedy = _REFUSED[name]
            return Refused(f"{host}: {what}", remedy)
    if 200 <= error.status < 300:
        return _not_ours(host)
    if len(code) == 5 and code not in _UNKNOWN and error.status not in PASSING:
        return _of_postgres(code, host)
    what, remedy = next(
        (_UNKNOWN[name] for name in (code, status) if name in _UNKNOWN),
        (f"it answered {status}" + (f" ({code})" if code else ""), "try again in a moment"),
    )
    kind = LostAnswer if error.status in PASSING else CouldNotTell
    return kind(f"{host}: {what}", remedy)


def _not_ours(host: str) -> CouldNotTell:
    return CouldNotTell(
        f"{host} answered something that is not JSON",
        "check SUPABASE_URL: it is https://PROJECT_REF.supabase.co",
    )


def _of_postgres(code: str, host: str) -> UsersyncError:
    from usersync.backends.postgres.failures import TRANSIENT, condition_name

    told = f"{host}: Postgres refused with {code} ({condition_name(code)})"
    if code in TRANSIENT:
        return LostAnswer(told, "run the same command again: what was committed stays")
    return CouldNotTell(told)


def _of_network(error: httpx.HTTPError, host: str) -> UsersyncError:
    if isinstance(error.__cause__, Interrupted):
        return error.__cause__
    if isinstance(error, httpx.ConnectTimeout):
        return LostAnswer(f"{host} cannot be reached: no connection in time", "try again")
    if isinstance(error, httpx.TimeoutException):
        return LostAnswer(f"{host} did not answer in time", "try again")
    text = str(error).lower()
    what, remedy = next(
        (told for words, told in _BROKEN.items() if any(word in text for word in words)),
        ("the connection broke", "try again"),
    )
    return LostAnswer(f"{host}: {what}", remedy)


__all__ = ["explain"]
