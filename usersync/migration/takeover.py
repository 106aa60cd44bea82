"""``migration.apply --replace``: ours takes the place of the app's trigger, and gives it back."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from usersync.backends.catalog import Survey, UserTrigger
from usersync.errors import Refused, Stopped
from usersync.session import Session
from usersync.sql import replaced
from usersync.sql.changes import SIGN_UP, Change
from usersync.sql.replaced import Replaced


def chosen(session: Session, survey: Survey, name: str) -> UserTrigger:
    """The trigger that is meant, if ours can take its place.

    Args:
        session: the run's surroundings.
        survey: what is there.
        name: as it was typed.

    Raises:
        Refused: there is none, or it cannot be put back as it is.
    """
    install = session.target.settings.install
    triggers = [one for one in survey.user_triggers if one.on_insert]
    found = next((one for one in triggers if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in triggers) or "none"
        raise Refused(f"no trigger {name} on auth.users acts on sign-ups; there is {names}")
    if session.target.settings.trigger in ("keep", "none"):
        raise Refused(
            f"usersync.yaml says trigger: {session.target.settings.trigger}, so ours replaces none",
            "say trigger: own, or leave it out",
        )
    if name != install.trigger:
        raise Refused(
            f"ours takes the place and the name of {name}, and usersync.yaml calls it"
            f" {install.trigger}",
            f"say install: {{trigger: {name}}} in usersync.yaml, then run the same command again",
        )
    if not found.definition.startswith("CREATE TRIGGER") or found.enabled != "O":
        raise Refused(
            f"{name} is a constraint trigger or not simply enabled; what is replaced must come back"
            " as it was, and this could not",
            "keep it: say trigger: keep in usersync.yaml",
        )
    return found


def taking(rendered: Sequence[Change], survey: Survey, theirs: UserTrigger) -> tuple[Change, ...]:
    """The changes, of which the sign-up puts the app's trigger back when it is taken out.

    Args:
        rendered: what the configuration asks for.
        survey: what is there.
        theirs: the trigger whose place ours takes; nothing changes when it is ours already.
    """
    if any(f"function {theirs.function}" in entry.objects for entry in survey.ledger):
        return tuple(rendered)
    old = Replaced(
        theirs.name,
        theirs.definition,
        theirs.function,
        theirs.function_definition,
        survey.search_path,
    )
    return tuple(
        replace(one, revert=one.revert + old.restore(), replaces=old)
        if one.name == SIGN_UP
        else one
        for one in rendered
    )


def carried(rendered: Sequence[Change], survey: Survey) -> tuple[Change, ...]:
    """The changes, with what an earlier apply has replaced and the ledger keeps."""
    kept = {entry.change: replaced.carried(entry.revert) for entry in survey.ledger}
    return tuple(
        replace(one, revert=one.revert + kept[one.name]) if kept.get(one.name) else one
        for one in rendered
    )


def stop_if_moved(session: Session, survey: Survey, old: Replaced) -> None:
    """Stop when what is to be replaced is not what was shown.

    Raises:
        Stopped: somebody changed it.
    """
    now = next((one for one in survey.user_triggers if one.name == old.trigger), None)
    if now is None or (now.definition, now.function_definition) != (
        old.definition,
        old.function_definition,
    ):
        raise Stopped(
            f"somebody else has changed {old.trigger} or {old.function} just now; it was left"
            " alone",
            session.command("migration.apply", "--replace", old.trigger, "--dry-run"),
        )


def told(survey: Survey, old: Replaced, new: Change) -> tuple[str, ...]:
    """Both bodies, and what the app's function also did, a line each."""
    theirs = next(one for one in survey.user_triggers if one.name == old.trigger)
    also = [one for one in theirs.writes if one not in theirs.inserts_into]
    difference = difflib.unified_diff(
        old.function_definition.splitlines(),
        new.apply.splitlines(),
        f"{old.function}, as it is",
        "ours",
        n=10_000,
        lineterm="",
    )
    place = (
        f"Takes the place of {old.trigger} ({old.function}); the function stays, and is called no"
        " more. migration.rollback puts the trigger back."
    )
    return (
        place,
        f"It also writes {', '.join(also)}: ours does not." if also else "It writes nothing else.",
        f"It calls {', '.join(theirs.calls)}: ours does not."
        if theirs.calls
        else "It calls no other function.",
        f"{old.definition};",
        *difference,
    )
