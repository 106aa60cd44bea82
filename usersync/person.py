"""Why one person cannot get in: the account, the profile, and what would happen to it now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from usersync import attempt, profile, repair
from usersync.backends import Account, Match, Recorded, Table
from usersync.errors import Refused
from usersync.model import Outcome, Step
from usersync.privacy import visible
from usersync.reference import whole_id
from usersync.session import Session
from usersync.sql.corrections import TOKENS
from usersync.sql.users import (
    ANONYMOUS,
    OTHER_AUDIENCE,
    OTHER_INSTANCE,
    SOFT_DELETED,
    readable_update,
)

#: Columns of a profile that apps close themselves with, and which of their values does.
_OPENS = re.compile(r"(is_|has_)?(active|enabled|approved|verified|allowed|onboarded)")
_CLOSES = re.compile(
    r"(is_)?(disabled|inactive|banned|blocked|suspended|deleted|archived|deactivated|locked)"
    r"(_at|_on|_until)?"
)
_STATES = re.compile(r"(account_|user_)?(status|state)")

#: As ``queries/find_users.sql`` says.
_MOST_MATCHES = 3

_IN_DASHBOARD = "in the dashboard under Authentication, Users"


def examine(session: Session, reference: str) -> Outcome:
    """Everything that may keep one person out; what is tried is rolled back.

    Args:
        session: the run's surroundings.
        reference: the user's id, the short id that lists print, or the address.

    Raises:
        Refused: no user is meant, or several by a short id.
    """
    wanted = profile.meant(reference)
    tables = [
        session.backend.table(settings, writing=False) for settings in session.target.profiles
    ]
    matches = session.backend.find_users(tables[0], wanted)
    if not matches:
        _refuse_gone(session, tables, wanted)
    if len(matches) != 1 and "@" not in wanted:
        profile.the_one(matches, wanted)
    steps: list[Step] = []
    # More than so many are not looked up.
    all_of_them = f"{len(matches)} or more" if len(matches) == _MOST_MATCHES else len(matches)
    for number, match in enumerate(matches, start=1):
        several = f"{number} of {all_of_them}: " if len(matches) > 1 else ""
        steps += [
            replace(step, name=f"{several}{step.name}") for step in _steps(session, tables, match)
        ]
    keeping = [step for step in steps if step.status == "finding"]
    unknown = any(step.status == "unknown" for step in steps)
    notes = ["What was tried was rolled back: nothing was written."]
    next_steps = tuple(keeping[0].next_step.splitlines()) if keeping else ()
    if len(matches) > 1:
        notes.insert(0, f"{all_of_them} users have this address.")
        next_steps = _which(session, matches) if keeping else ()
    return Outcome(
        steps=tuple(steps),
        notes=tuple(notes),
        next_steps=next_steps,
        exit_code=2 if keeping else 1 if unknown else 0,
    )


def _which(session: Session, matches: tuple[Match, ...]) -> tuple[str, ...]:
    """That nobody is helped before it is known whom."""
    return (
        "find out which of them it is: ask by which way the person signs in, and when that began",
        *(session.command("doctor", "--user", match.user.id) for match in matches),
    )


def _refuse_gone(session: Session, tables: list[Table], wanted: str) -> None:
    """No such user; a profile that outlived its user is named."""
    if whole_id(wanted):
        for table in tables:
            if session.backend.left_behind(table, wanted):
                raise Refused(
                    f"no user in auth.users has the id {wanted}, and {table.settings.name} has a"
                    " profile of it: the account was deleted",
                    "the person signs up again, and gets another id",
                )
    profile.the_one((), wanted)


def _steps(session: Session, tables: list[Table], match: Match) -> Iterator[Step]:
    user = match.user
    since = f", signed up {user.created_at:%Y-%m-%d %H:%M} UTC" if user.created_at else ""
    who = f"{user.email or 'no address'}{since}, by {visible(user.provider)}"
    yield Step("user", "ok", who, user_id=user.id)
    for table in tables:
        names = tuple(name for name in table.column_types if _is_flag(name))
        account = session.backend.account(table, user.id, names)
        if account is None:
            yield Step("account", "unknown", "the user was deleted meanwhile")
            return
        if table is tables[0]:
            yield from _of_account(session, account, match)
        else:
            (match,) = session.backend.find_users(table, user.id) or (match,)
        due = not match.has_profile and not match.skip_reason
        tried = attempt.tried(session, table, match) if due else None
        yield _of_profile(session, table, match, tried)
        if tried:
            yield tried
        yield from (_recorded(one, has_profile=match.has_profile) for one in account.recorded)
        if account.flags is None:
            yield Step(
                "flags", "skipped", "not told over the API: a database connection reads them"
            )
        yield from (_flag(name, value) for name, value in sorted((account.flags or {}).items()))


def _of_account(session: Session, account: Account, match: Match) -> Iterator[Step]:
    """What the Auth server looks at before it signs somebody in."""
    if account.deleted_at:
        yield Step(
            "soft-deleted",
            "finding",
            f"since {account.deleted_at} UTC: this account signs in no more",
            next_step="the person signs up again: a soft-deleted account does not come back",
        )
    if match.skip_reason in (OTHER_AUDIENCE, OTHER_INSTANCE):
        yield Step(
            "audience",
            "finding",
            f"{match.skip_reason}: the Auth server does not see this user",
            next_step=f"compare aud and instance_id with those of a user who gets in,"
            f" {_IN_DASHBOARD} or in the SQL editor",
        )
    if account.unreadable:
        yield Step(
            "readable",
            "finding",
            f"{', '.join(account.unreadable)} is null: the Auth server fails with"
            " `Database error` whenever it reads this user",
            next_step=_readable(session, account.unreadable, match),
        )
    if account.banned_until:
        yield Step(
            "banned",
            "finding",
            f"until {account.banned_until} UTC",
            next_step=f"unban the user {_IN_DASHBOARD}, if that is meant to end",
        )
    if account.confirmed_at:
        yield Step("confirmed", "ok", f"{account.confirmed_at} UTC")
    elif account.is_anonymous or account.is_sso or account.last_sign_in_at:
        yield Step("confirmed", "ok", "no, and this user got in without")
    else:
        yield Step(
            "confirmed",
            "finding",
            "neither address nor phone is confirmed: no sign-in where the project asks for it",
            next_step=f"send a magic link {_IN_DASHBOARD}; opening it confirms the address",
        )
    kind = [
        *(["anonymous"] if account.is_anonymous else []),
        *(["an SSO user"] if account.is_sso else []),
    ]
    signs = ", ".join(map(visible, account.identities)) or "none"
    yield Step("identities", "ok", "; ".join([signs, *kind]))
    last = f"{account.last_sign_in_at} UTC" if account.last_sign_in_at else "never"
    yield Step("last sign-in", "ok", last)


def _readable(session: Session, columns: tuple[str, ...], match: Match) -> str:
    """What lets the Auth server read a user: with a way back, where there can be one."""
    if set(columns) <= set(TOKENS) and repair.keeps(session):
        return session.command("repair.tokens", "--dry-run")
    update = readable_update(columns, match.user.id)
    return f"in the SQL editor, with the whole id, which --show-ids prints: {update}"


def _of_profile(session: Session, table: Table, match: Match, tried: Step | None) -> Step:
    where = f"profile in {table.settings.name}"
    if match.has_profile:
        role = f", role {visible(match.role or 'none')}" if table.settings.role else ""
        left_out = f"; the user needs none: {match.skip_reason}" if match.skip_reason else ""
        return Step(where, "ok", f"there{role}{left_out}")
    if match.skip_reason in (SOFT_DELETED, OTHER_AUDIENCE, OTHER_INSTANCE):
        return Step(where, "ok", f"none, and none is needed: {match.skip_reason}")
    if match.skip_reason:
        rule = "users.anonymous" if match.skip_reason == ANONYMOUS else "users.exclude"
        return Step(
            where,
            "finding",
            f"none: {match.skip_reason}, by {rule} in usersync.yaml",
            next_step=f"change {rule} in usersync.yaml if this user needs a profile, then: "
            + session.command("create-profile", match.user.id),
        )
    create = attempt.command(session, match)
    return Step(where, "finding", "none", next_step=(tried and tried.next_step) or create)


def _recorded(recorded: Recorded, *, has_profile: bool) -> Step:
    """What our trigger wrote down when this user signed up, or changed."""
    subject = f" {visible(recorded.subject)}" if recorded.subject else ""
    told = f"{recorded.sqlstate} {recorded.condition}{subject}, in trigger"
    return Step(
        "at the sign-up",
        "ok" if has_profile else "finding",
        f"{told} {visible(recorded.trigger)}, {recorded.at} UTC",
    )


def _is_flag(name: str) -> bool:
    return any(kind.fullmatch(name.lower()) for kind in (_OPENS, _CLOSES, _STATES))


def _flag(name: str, value: str | None) -> Step:
    """A column of the profile that apps close themselves with."""
    lowered = (value or "").lower()
    closed = (
        (_OPENS.fullmatch(name.lower()) and lowered == "false")
        or (_CLOSES.fullmatch(name.lower()) and lowered not in ("", "false"))
        or (_STATES.fullmatch(name.lower()) and _CLOSES.fullmatch(lowered))
    )
    detail = f"{visible(name)} is {visible(value) if value is not None else 'null'}"
    if not closed:
        return Step("flag", "ok", detail)
    return Step(
        "flag",
        "finding",
        f"{detail}: the app may keep this person out by it",
        next_step=f"ask the app's team what {visible(name)} means; usersync never changes it",
    )
