"""``migration.apply --replace``: ours takes the place of the app's trigger, and gives it back."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from usersync.backends.catalog import Survey, UserTrigger
from usersync.config import Settings
from usersync.errors import Refused, Stopped
from usersync.migration.states import PAUSED_MARK
from usersync.session import Session
from usersync.sql import replaced
from usersync.sql.changes import SIGN_UP, Change, sign_up_function
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
    triggers = [one for one in survey.user_triggers if one.on_insert]
    found = next((one for one in triggers if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in triggers) or "none"
        raise Refused(f"no trigger {name} on auth.users acts on sign-ups; there is {names}")
    kept = [replaced.read(entry.revert) for entry in survey.ledger if entry.change == SIGN_UP]
    before = next((old for old in kept if old), None)
    if before and before.trigger != name:
        raise Refused(
            f"ours stands in the place of the trigger {before.trigger} of the app, which must come"
            f" back before ours takes that of {name}",
            f"{session.command('migration.rollback', '--dry-run')}; then"
            f" {session.command('migration.apply', '--replace', name, '--dry-run')}",
        )
    if session.target.settings.trigger in ("keep", "none"):
        raise Refused(
            f"usersync.yaml says trigger: {session.target.settings.trigger}, so ours replaces none",
            "say trigger: own, or leave it out",
        )
    if not found.definition.startswith("CREATE TRIGGER") or found.enabled != "O":
        raise Refused(
            f"{name} is a constraint trigger or not simply enabled; what is replaced must come back"
            " as it was, and this could not",
            "keep it: say trigger: keep in usersync.yaml",
        )
    return found


def named(settings: Settings, survey: Survey, name: str | None) -> Settings:
    """The settings under which ours has the name of the trigger whose place it takes, or took.

    Args:
        settings: as configured.
        survey: what is there.
        name: the trigger of the app that is to be replaced now, if one is.
    """
    kept = [replaced.read(entry.revert) for entry in survey.ledger if entry.change == SIGN_UP]
    trigger = name or next((old.trigger for old in kept if old), settings.install.trigger)
    if trigger == settings.install.trigger:
        return settings
    install = settings.install.model_copy(update={"trigger": trigger})
    return settings.model_copy(update={"install": install})


def taking(
    rendered: Sequence[Change], survey: Survey, settings: Settings, theirs: UserTrigger
) -> tuple[Change, ...]:
    """The changes, of which the sign-up puts the app's trigger back when it is taken out.

    Args:
        rendered: what the configuration asks for.
        survey: what is there.
        settings: what holds in the target.
        theirs: the trigger whose place ours takes; nothing changes when it is ours already.

    Raises:
        Refused: ours would have the name of another function of ours.
    """
    ours = rf'^create or replace function \S+\."?{re.escape(theirs.name)}"?\('
    others = [one.apply for one in rendered if one.name != SIGN_UP]
    if any(re.search(ours, text, re.MULTILINE) for text in others):
        raise Refused(
            f"usersync has a function {theirs.name} already, for something else",
            "keep the trigger: say trigger: keep in usersync.yaml; or give it another name",
        )
    if any(f"function {theirs.function}" in entry.objects for entry in survey.ledger):
        return tuple(rendered)
    old = Replaced(
        theirs.definition,
        theirs.function,
        theirs.function_definition,
        survey.search_path,
        theirs.function_attributes,
    )
    return tuple(
        replace(_restoring(one, old, settings), replaces=old) if one.name == SIGN_UP else one
        for one in rendered
    )


def carried(rendered: Sequence[Change], survey: Survey, settings: Settings) -> tuple[Change, ...]:
    """The changes, with what an earlier apply has replaced and the ledger keeps."""
    kept = {entry.change: replaced.read(entry.revert) for entry in survey.ledger}
    return tuple(
        _restoring(one, old, settings) if (old := kept.get(one.name)) else one for one in rendered
    )


def _restoring(change: Change, old: Replaced, settings: Settings) -> Change:
    """The sign-up, which puts the app's trigger back before its own function goes."""
    ours = sign_up_function(settings).as_string()
    return replace(change, revert=old.restore(ours) + replaced.without(change.revert))


def stop_if_moved(session: Session, survey: Survey, old: Replaced) -> None:
    """Stop when what is to be replaced is not what was shown.

    Raises:
        Stopped: somebody changed it.
    """
    now = next((one for one in survey.user_triggers if one.name == old.trigger), None)
    if now is None or (
        now.definition,
        now.function_definition,
        now.function_attributes,
    ) != (old.definition, old.function_definition, old.attributes):
        raise Stopped(
            f"somebody else has changed {old.trigger} or {old.function} just now; it was left"
            " alone",
            session.command("migration.apply", "--replace", old.trigger, "--dry-run"),
        )


def told(session: Session, survey: Survey, old: Replaced, new: Change) -> tuple[str, ...]:
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
    configured = session.target.settings.install.trigger
    name = (
        f"Ours bears the name {old.trigger} until then: install.trigger ({configured}) does not"
        " count."
    )
    paused = PAUSED_MARK in theirs.source
    does = (
        f"It also writes {', '.join(also)}: ours does not." if also else "It writes nothing else.",
        f"It calls {', '.join(theirs.calls)}: ours does not."
        if theirs.calls
        else "It calls no other function.",
        *(f"Ours does not do this either: {one}." for one in theirs.effects),
    )
    return (
        place,
        *((name,) if configured != old.trigger else ()),
        *_acts(old.definition),
        *(
            ("It is paused; what it did stands in the text below, and stays paused.",)
            if paused
            else does
        ),
        f"{old.definition};",
        *difference,
    )


def _acts(definition: str) -> Iterator[str]:
    """When the app's trigger acts and ours does not, or otherwise."""
    head, _, rest = definition.partition(" ON auth.users ")
    when = re.search(r" (BEFORE|AFTER) (.+)$", head)
    events = [one for one in when[2].split(" OR ") if one != "INSERT"] if when else []
    if events:
        yield f"It also acts on {' and '.join(events)}: ours does not."
    if when and when[1] == "BEFORE":
        yield "It acts before the user is written, and may change it: ours comes after."
    if " WHEN (" in rest:
        yield "It acts on a condition (WHEN), and ours on every sign-up."
