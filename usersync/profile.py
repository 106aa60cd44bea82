"""One profile by hand: the user who cannot wait for the sync."""

from __future__ import annotations

import difflib
from dataclasses import replace

from usersync import reference, sync
from usersync.backends import Backend, BatchResult, Ids, Match, Selection, Table
from usersync.config import RoleSettings
from usersync.errors import Refused, UsersyncError
from usersync.model import JournalEvent, Outcome, Plan, Step, TableResult
from usersync.privacy import short_id
from usersync.session import Session
from usersync.sql.profiles import role_update


def create(
    session: Session,
    reference: str,
    *,
    role: str | None,
    yes: bool,
    fire_triggers: tuple[str, ...],
    keep: bool = True,
) -> Outcome:
    """Create the profile of one user in every profile table that lacks it.

    Args:
        session: the run's surroundings.
        reference: the user's id, the short id that lists print, or the address.
        role: one of the configured roles; None for the default one.
        yes: the person agreed beforehand.
        fire_triggers: triggers that may reach outside.
        keep: whether to commit; otherwise it is rolled back, and asks nobody.

    Raises:
        Refused: no such user, several, one who needs no profile, or a role that there is not.
        Stopped: a guard stands, or the person said no.
    """
    wanted = meant(reference)
    tables = [session.backend.table(settings, writing=True) for settings in session.target.profiles]
    sync.refuse_unrunnable(session, tables)
    _check_role(tables, role)
    if not keep and session.backend.most_rehearsed == 0:
        raise Refused(
            "nothing can be rehearsed this way: every statement over the API is kept",
            "over a database connection: set SUPABASE_DB_URL",
        )
    steps = tuple(
        _in_table(session, table, wanted, role, yes=yes, fire=fire_triggers, keep=keep)
        for table in tables
    )
    return Outcome(
        steps=steps, exit_code=2 if any(step.status == "failed" for step in steps) else 0
    )


def _in_table(
    session: Session,
    table: Table,
    reference: str,
    role: str | None,
    *,
    yes: bool,
    fire: tuple[str, ...],
    keep: bool,
) -> Step:
    match = the_one(session.backend.find_users(table, reference), reference)
    where = table.settings.name
    wanted = role if table.settings.role else None
    if match.has_profile:
        if wanted is not None and wanted != match.role:
            raise Refused(
                f"this user has a profile in {where} already, with the role"
                f" {match.role or 'none'}; usersync never changes an existing profile",
                f"in the SQL editor: {role_update(table.settings, match.user.id, wanted)}\n"
                "with the whole id, which --show-ids prints",
            )
        return Step(where, "ok", "the profile is there already", user_id=match.user.id)
    if match.skip_reason:
        raise Refused(
            f"user {short_id(match.user.id)} needs no profile: {match.skip_reason}",
            "change the rules under users: in usersync.yaml, if that is wrong",
        )
    sync.refuse_read_only([table])
    plan = Plan(
        as_of=session.clock(),
        total=1,
        existing=0,
        rows=1,
        digest="",
        users=(match.user,),
        triggers=session.backend.triggers(table),
    )
    again = (match.user.id, *(("--role", role) if role else ()))
    guards = sync.trigger_guards(session, plan, fire, "create-profile", *again)
    sync.stop_at(guards)
    if not keep:
        with session.backend.rehearsal(session.target.settings.rehearse_timeout_s) as door:
            return _told(table, match, wanted, _one(door, table, match, wanted), "would be created")
    sync.authorize(
        session, "create-profile", TableResult(where, plan=plan), *again, approve=None, yes=yes
    )
    return _create(session, table, match, wanted)


def _create(session: Session, table: Table, match: Match, role: str | None) -> Step:
    where = table.settings.name
    session.journal.started(where, counts={"planned": 1})
    unit = replace(session.journal.unit(where), user_ids=(match.user.id,))
    try:
        result = _one(session.backend, table, match, role, unit)
    except (UsersyncError, KeyboardInterrupt):
        session.journal.ended(where, counts={"created": 0, "failed": 0}, exit_code=1)
        raise
    counts = {"created": result.created, "failed": len(result.failures)}
    session.journal.committed(unit, counts, (match.user.id,))
    session.journal.ended(where, counts=counts, exit_code=2 if result.failures else 0)
    return _told(table, match, role, result, "created")


def _one(
    door: Backend, table: Table, match: Match, role: str | None, unit: JournalEvent | None = None
) -> BatchResult:
    """Create the profile of this user and of nobody else."""
    user = Ids((match.user.id,))
    return door.create(table, Selection(), user, max_failures=1, role=role, event=unit)


def _told(table: Table, match: Match, role: str | None, result: BatchResult, verb: str) -> Step:
    where = table.settings.name
    if result.failures:
        told = f"not created: {result.failures[0].told}"
        return Step(where, "failed", told, user_id=match.user.id)
    if not result.created:
        return Step(where, "ok", "somebody else made it just now", user_id=match.user.id)
    settings, own = table.settings.role, table.own_function
    given = f", role {role or settings.default}" if settings else ""
    if own is not None:
        given = f" by {', '.join(own.functions)}"
    return Step(where, "changed", f"profile {verb}{given}", user_id=match.user.id)


def meant(typed: str) -> str:
    """Whom somebody means, as doors look for them.

    Args:
        typed: the user's id, the short id that lists print, or an address.

    Raises:
        Refused: it is none of them.
    """
    if wanted := reference.user(typed):
        return wanted
    raise Refused(
        "this is no user id: it takes a whole one, or the 8 characters that lists print",
        "find the id in the lists of `status --verbose`, or give the address to `--email -`",
    )


def _check_role(tables: list[Table], role: str | None) -> None:
    if role is None:
        return
    with_role = [table.settings.role for table in tables if table.settings.role]
    if not with_role:
        names = ", ".join(table.settings.name for table in tables)
        raise Refused(
            f"{names} has no role column, so --role means nothing",
            "leave --role out, or name the column under role: in usersync.yaml",
        )
    for table in tables:
        if table.own_function is not None:
            raise Refused(
                f"{', '.join(table.own_function.functions)} gives new profiles of"
                f" {table.settings.name} their role, so --role means nothing",
                "leave --role out, or say create: columns for this table in usersync.yaml",
            )
    for settings in with_role:
        if role not in settings.allowed:
            raise Refused(f"there is no role {role}{_near(settings, role)}")


def _near(settings: RoleSettings, role: str) -> str:
    near = difflib.get_close_matches(role, settings.allowed, n=1)
    guess = f"; did you mean {near[0]}?" if near else ";"
    return f"{guess} allowed: {', '.join(settings.allowed)}"


def the_one(matches: tuple[Match, ...], reference: str) -> Match:
    """The user that was meant.

    Args:
        matches: who it may be.
        reference: what was given.

    Raises:
        Refused: there is none, or there are several.
    """
    what = "this address" if "@" in reference else f"the id {reference}"
    if not matches:
        raise Refused(
            f"no user in auth.users has {what}",
            "look the user up in the dashboard under Authentication",
        )
    if len(matches) > 1:
        ids = ", ".join(match.user.id for match in matches[:2])
        more = " and more" if len(matches) > 2 else ""
        raise Refused(
            f"several users have {what}: {ids}{more}",
            "give the whole id of the one you mean; --show-ids prints whole ids",
        )
    return matches[0]
