"""What an error of Postgres means to the person who reads it."""

from __future__ import annotations

import psycopg
from psycopg.errors import lookup

from usersync.backends import blame
from usersync.errors import Broken, CouldNotTell, UsersyncError

#: Serialization failure, deadlock, lock time-out, too many connections; shutdown, crash, start-up.
TRANSIENT = frozenset({"40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03"})

#: Classes whose messages quote values of the row; these are never shown.
_CLASSES_WITH_VALUES = ("22", "23", "P0")


def condition_name(sqlstate: str) -> str:
    """Postgres's own name of an SQLSTATE, such as ``unique_violation``."""
    try:
        name = lookup(sqlstate).__name__
    except KeyError:
        return "raised by a trigger"
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip(
        "_"
    )


def is_transient(error: psycopg.Error) -> bool:
    """Whether the same transaction may pass when it is tried again."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate in TRANSIENT or error.sqlstate.startswith("08")


def is_timeout(error: psycopg.Error) -> bool:
    """Whether the statement time-out, or a cancel, ended it."""
    return error.sqlstate == "57014"


def explain(error: psycopg.Error) -> UsersyncError:
    """An error of a statement as one of ours, without any value of a row."""
    state = error.sqlstate
    text = "" if state and state.startswith(_CLASSES_WITH_VALUES) else _first_line(error)
    if state is None:
        return _explain_client(error, text)
    place = blame.place(error.diag.context or "")
    if place and state.startswith(("42", "3F")):
        return Broken(
            f"Postgres refused with {state} ({condition_name(state)}): {text}, in {place}",
            "correct that function, or what it names",
        )
    if state == "42501":
        return _explain_right(text)
    if state == "55P03":
        return CouldNotTell(
            "another session held a lock for longer than usersync waits (lock_timeout_s, retry_s)",
            "run the same command again, or look at pg_stat_activity for a long transaction",
        )
    if state == "25006":
        return CouldNotTell(
            "this server is read-only: a replica, or a project over its disk quota",
            "connect to the primary",
        )
    return CouldNotTell(
        f"Postgres refused with {state} ({condition_name(state)})" + (f": {text}" if text else "")
    )


def _explain_right(text: str) -> CouldNotTell:
    """What this role may not do, or see."""
    if "row-level security" in text:
        return CouldNotTell(
            "row security hides rows from this role, so nothing it counts can be trusted",
            "connect as postgres, or as a role with BYPASSRLS",
        )
    return CouldNotTell(f"Postgres refused: {text}", "run `connect.check` to see which right")


def _explain_client(error: psycopg.Error, text: str) -> UsersyncError:
    """An error that did not come from the server."""
    if isinstance(error, psycopg.DataError):
        return CouldNotTell(
            f"an answer of Postgres cannot be read: {text}",
            "correct what is out of range, such as a created_at after the year 9999 in auth.users",
        )
    return CouldNotTell(
        f"the connection to Postgres was lost: {text}",
        "run the same command again: what was committed stays, nothing is done twice",
    )


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    return text.strip().splitlines()[0] if text.strip() else "no message"
