"""Why a connection was not opened, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg

from usersync.backends.postgres.address import Address
from usersync.errors import ConnectionFailed


@dataclass(frozen=True, slots=True)
class _Cause:
    """One way in which opening a connection fails; ``{...}`` are facts of the address."""

    texts: str
    """A pattern for the words of libpq, Postgres or the pooler: while a connection is being
    opened there is often no SQLSTATE."""
    message: str
    next_step: str
    retryable: bool = False
    sqlstates: tuple[str, ...] = ()


_SESSION_POOLER = (
    "the session pooler, which has IPv4: host `aws-<n>-<region>.pooler.supabase.com`, port 5432, "
    "user `postgres.{ref}`, copied from the dashboard under Connect"
)
_BANS = "the platform bans addresses that keep trying"

#: The first that fits stands; refused credentials come first, since they are never tried again.
_CAUSES = (
    _Cause(
        r"invalid .*value|invalid port number|invalid connection option|invalid URI",
        "the connection string cannot be read",
        "Copy it again from the dashboard under Connect; percent-encode special characters in the "
        "password (`@` is %40, `/` is %2F).",
    ),
    _Cause(
        r"ECIRCUITBREAKER|too many (failed )?authentication",
        "the pooler lets nobody into {label} for now, after too many refused passwords",
        "Wait some minutes, then correct the password before the next try; " + _BANS + ".",
    ),
    _Cause(
        r"EADDRNOTALLOWED|allow_list|EBANNED|tenant is banned",
        "{label} does not take connections from this address",
        "Look at Network restrictions and Network bans in the project's Database settings.",
    ),
    _Cause(
        r"tenant or user not found|tenant/user .* not found|ENOTFOUND|ENOIDENTIFIER"
        r"|EINVALIDUSERINFO|no tenant identifier|Invalid format for user",
        "the pooler at {host} knows no project for the user {user}",
        "The user must be `postgres.<project ref>` and the host that of the project's own region, "
        "both copied from the dashboard under Connect. A paused project is not known either: "
        "resume it there.",
    ),
    _Cause(
        r"no password supplied",
        "{host} asks for a password, and the connection string has none",
        "Write it into the connection string: `postgresql://{user}:PASSWORD@...`.",
    ),
    _Cause(
        r"authentication failed|SCRAM|role .* does not exist|not permitted to log in"
        r"|EAUTHQUERY.*user not found",
        "{host} refused the password of the user {user}; it is not tried again, since " + _BANS,
        "Reset the password in the project's Database settings, or percent-encode its special "
        "characters (`@` is %40). Behind the pooler the user is `postgres.<project ref>`.",
        sqlstates=("28P01", "28000"),
    ),
    _Cause(
        r"ESSLREQUIRED|SSL connection is required|server requires.*SSL",
        "{host} wants an encrypted connection",
        "Add `?sslmode=require` to the connection string.",
    ),
    _Cause(
        r"does not support SSL|server doesn't support SSL",
        "{host} offers no encryption, and the connection string asks for it",
        "Is this the right host? If it is, take `sslmode` out of the connection string.",
    ),
    _Cause(
        r"certificate|SSL error|sslrootcert",
        "the certificate of {host} cannot be verified",
        "Download the certificate from the project's Database settings and add "
        "`sslrootcert=FILE` beside `sslmode=verify-full`.",
    ),
    _Cause(
        r"no pg_hba.conf entry|pg_hba.conf rejects",
        "{host} does not let the user {user} in this way",
        "Its pg_hba.conf says from where and how: perhaps with `sslmode=require` only.",
    ),
    _Cause(
        r"database .* does not exist",
        "there is no database {database} at {host}",
        "On Supabase the database is called `postgres`: the connection string ends in `/postgres`.",
        sqlstates=("3D000",),
    ),
    _Cause(
        r"too many clients|remaining connection slots|EMAXC|max client|MaxClients"
        r"|too many connections",
        "all connections of {label} are taken",
        "Close other clients, or raise the pool size in the project's Database settings.",
        retryable=True,
        sqlstates=("53300",),
    ),
    _Cause(
        r"starting up|shutting down|recovery mode|not yet accepting|not accepting connections",
        "{host} is starting or stopping",
        "Try again in a minute.",
        retryable=True,
        sqlstates=("57P01", "57P03"),
    ),
    _Cause(
        r"Temporary failure in name resolution",
        "the name {host} cannot be looked up now",
        "Is this machine online?",
        retryable=True,
    ),
    _Cause(
        r"failed to resolve host|could not translate host name|name or service not known"
        r"|No address associated|nodename nor servname",
        "there is no host {host}",
        "Is the name right? A paused project has none: resume it in the dashboard.{ipv4}",
    ),
    _Cause(
        r"No such file or directory",
        "no server listens on the local socket",
        "Start the database, or name its host.",
        retryable=True,
    ),
    _Cause(
        r"connection refused",
        "nothing listens at {host}, port {port}",
        "Is the port right, and is the database running? A pooler listens on 5432 and 6543.{ban}",
        retryable=True,
    ),
    _Cause(
        r"Network is unreachable|No route to host|Cannot assign requested address",
        "there is no way from here to {host}",
        "Is this machine online?{ipv4}",
        retryable=True,
    ),
    _Cause(
        r"timeout|timed out",
        "{host}, port {port}, did not answer in time",
        "Does a firewall let this machine out to that port?{ipv4} A project that is being resumed "
        "answers after some minutes.",
        retryable=True,
    ),
    _Cause(
        r"closed the connection unexpectedly|connection reset|could not receive data"
        r"|SSL SYSCALL",
        "{host} broke the connection off while it was being opened",
        "Try again; if it stays so, look at the project's database log.",
        retryable=True,
    ),
    _Cause(
        r"permission denied to set role",
        "the login role {user} may not become postgres",
        "Link the project again with the Supabase CLI, or use the user postgres.",
        sqlstates=("42501",),
    ),
)


def explain(error: psycopg.Error, address: Address) -> ConnectionFailed:
    """Say what a failure to open a connection means and what to do about it.

    Args:
        error: what psycopg raised while opening it.
        address: where it should have gone.

    Returns:
        An error without any secret; ``retryable`` says whether trying again may help.
    """
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return unreadable()
    text = str(error)
    facts = _facts(address)
    for cause in _CAUSES:
        if error.sqlstate in cause.sqlstates or re.search(cause.texts, text, re.IGNORECASE):
            return ConnectionFailed(
                cause.message.format(**facts),
                cause.next_step.format(**facts),
                retryable=cause.retryable and not _is_lasting(text, address),
            )
    return ConnectionFailed(
        f"{facts['host']} let nobody in: {_last_words(text)}",
        "Look at the database log of that time.",
        retryable=False,
    )


def _is_lasting(text: str, address: Address) -> bool:
    """Whether no waiting helps, although elsewhere it might: no IPv6, or a banned address."""
    return (address.kind == "direct" and "unreachable" in text) or (
        address.is_supabase and "refused" in text
    )


def unreadable() -> ConnectionFailed:
    """The answer to a connection string that libpq cannot read."""
    first = _CAUSES[0]
    return ConnectionFailed(first.message, first.next_step, retryable=False)


def _facts(address: Address) -> dict[str, str]:
    """What messages may say about an address; what nobody could mean as a name is left out."""
    pooler = _SESSION_POOLER.format(ref=address.project_ref or "<project ref>")
    return {
        "host": address.shown_host,
        "port": address.port or "5432",
        "label": address.label,
        "user": address.user if re.fullmatch(r"[\w.-]+", address.user) else "given",
        "database": address.database if re.fullmatch(r"[\w-]+", address.database) else "so called",
        "ipv4": (
            f" A direct host has IPv6 only, which many networks and all of GitHub's runners "
            f"lack: use {pooler}."
            if address.kind == "direct"
            else ""
        ),
        "ban": (
            " Supabase answers so, too, to an address that it has banned after wrong passwords: "
            "look at Network bans in the project's Database settings."
            if address.is_supabase
            else ""
        ),
    }


def _last_words(text: str) -> str:
    """The server's own message, on one line that a terminal can take."""
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    line = line.rpartition("FATAL:")[2].strip()
    return "".join(character for character in line if character.isprintable())[:200]
