"""What the migration finds in a target and would do there, before it does anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from usersync.backends import Table, inspection
from usersync.backends.catalog import Survey, UserTrigger
from usersync.config import ProfileTable, Settings
from usersync.errors import Refused
from usersync.migration import takeover
from usersync.migration.states import PAUSED_MARK, states
from usersync.model import ChangeState
from usersync.session import Session
from usersync.sql import changes
from usersync.sql.changes import Change, Shape
from usersync.sql.profiles import table_name
from usersync.sql.replaced import Replaced
from usersync.sql.unique import new_columns

Writer = Literal["keep", "own", "none"]


@dataclass(frozen=True, slots=True)
class Ground:
    """One look at a target: what is there, what the configuration asks for, how they differ."""

    survey: Survey
    changes: tuple[Change, ...]
    states: tuple[ChangeState, ...]
    writer: Writer = "own"
    """Who gives a new user the profile, as configured or found."""


def look(session: Session, *, create_table: bool = False, replace: str | None = None) -> Ground:
    """Survey the target and render the changes for it; writes nothing.

    Args:
        session: the run's surroundings.
        create_table: whether profile tables that are missing shall be made.
        replace: the app's trigger whose place ours is to take.

    Raises:
        Refused: a profile table is missing, or does not fit its configuration.
    """
    tables = session.target.profiles
    survey = session.backend.catalog.survey(tables)
    made = {table for entry in survey.ledger for table in entry.drops}
    who: Writer = "own" if replace else writer(survey, session.target.settings)
    shapes = [
        _shape(session, survey, table, made=made, create=create_table, ours=who == "own")
        for table in tables
    ]
    taken = [one.name for one in survey.user_triggers if not is_ours(survey, one)]
    settings = takeover.named(session.target.settings, survey, replace)
    rendered = changes.render(settings, shapes, on_users=who == "own", taken=taken)
    rendered = takeover.carried(rendered, survey, settings)
    if replace:
        theirs = takeover.chosen(session, survey, replace)
        rendered = takeover.taking(rendered, survey, settings, theirs)
    return Ground(survey, rendered, states(survey, rendered), who)


def writer(survey: Survey, settings: Settings) -> Writer:
    """Who gives a new user the profile: as configured, else the app's own trigger where one does.

    Args:
        survey: what is there.
        settings: what holds in the target.
    """
    if settings.trigger is not None:
        return settings.trigger
    if settings.install.what == "nothing":
        return "keep"
    ours = any(entry.change == changes.SIGN_UP for entry in survey.ledger)
    theirs = any(_writes(one) for one in other_writers(survey, settings))
    return "keep" if theirs and not ours else "own"


def _shape(
    session: Session,
    survey: Survey,
    settings: ProfileTable,
    *,
    made: Collection[str],
    create: bool,
    ours: bool,
) -> Shape:
    name = table_name(settings).as_string()
    is_there = survey.tables.get(name, False)
    if not is_there and (create or name in made):
        types = changes.new_column_types(settings)
        return Shape(settings, types, made=True, suffixed=new_columns(settings, types))
    try:
        # Our trigger fills the columns itself, whatever made the profiles until now.
        filled = settings.model_copy(update={"create": "columns"}) if ours else settings
        found: Table = session.backend.table(filled, writing=True)
    except Refused as error:
        if is_there or session.target.settings.install.lacks("trigger"):
            raise
        make = session.command("migration.apply", "--create-table")
        raise Refused(error.message, f"{error.next_step}\nor let it be made: {make}") from error
    return Shape(settings, found.column_types, made=name in made, suffixed=found.suffixed)


def unasked(found: Ground, settings: Settings) -> str:
    """Why the configuration asks for no change at all; empty when it asks for some.

    Args:
        found: what is there.
        settings: what holds in the target.
    """
    if found.changes:
        return ""
    if settings.install.what == "nothing":
        return "usersync.yaml says install: nothing"
    why = "the app's own trigger is kept" if found.writer == "keep" else "trigger: none"
    return f"usersync.yaml says install: {settings.install.what}, and {why}"


def refuse_ground(survey: Survey, settings: Settings, *, on_users: bool) -> None:
    """Refuse to change a target where that cannot work, or is not ours to do.

    Args:
        survey: what is there.
        settings: what holds in the target.
        on_users: whether a trigger on ``auth.users`` is to be made.

    Raises:
        Refused: with what stands in the way.
    """
    schema = settings.install.schema_name
    inspection.refuse(inspection.read_only(survey.read_only))
    if survey.schema_owner and not survey.owns_schema:
        raise Refused(
            f"the schema {schema} belongs to {survey.schema_owner}, who is not us",
            "name another one under install: schema: in usersync.yaml",
        )
    strangers = unrecorded(survey)
    if strangers:
        raise Refused(
            f"in no ledger of ours, and not touched: {', '.join(strangers[:3])}",
            "name another schema under install: schema: in usersync.yaml, or take these out",
        )
    if not survey.schema_owner and not survey.may_create_schema:
        raise Refused("we may not create a schema in this database", "connect as postgres")
    if on_users and not survey.may_create_trigger:
        raise Refused(
            "we may not create a trigger on auth.users",
            "connect as postgres, or as a role with the right TRIGGER on auth.users",
        )


def refuse_newer(found: Sequence[ChangeState]) -> None:
    """Refuse to touch what a newer usersync installed.

    Raises:
        Refused: with its version.
    """
    newer = [state for state in found if state.state == "newer"]
    if newer:
        raise Refused(
            f"{newer[0].name}: {newer[0].detail}; reading it still works",
            f"use usersync {newer[0].tool_version} or later",
        )


def other_writers(survey: Survey, settings: Settings) -> tuple[UserTrigger, ...]:
    """Triggers on ``auth.users`` that are not ours and bear our name, or that act on sign-ups and
    write a profile table, or may do so once they are resumed.
    """
    return tuple(
        trigger
        for trigger in survey.user_triggers
        if not is_ours(survey, trigger)
        and (trigger.name == settings.install.trigger or _writes(trigger))
    )


def _writes(trigger: UserTrigger) -> bool:
    """Whether it makes profiles at a sign-up, or may do so once it is resumed."""
    return trigger.on_insert and bool(trigger.inserts_into or PAUSED_MARK in trigger.source)


def refuse_namesake(survey: Survey, change: Change) -> None:
    """Refuse to put a trigger of ours over one of the app that bears its name.

    Args:
        survey: what is there.
        change: what is to be applied.

    Raises:
        Refused: with the app's definition.
    """
    for one in survey.user_triggers:
        replaced = change.replaces is not None and change.replaces.trigger == one.name
        if one.name == change.trigger and not replaced and not is_ours(survey, one):
            raise Refused(
                f"the trigger {one.name} on auth.users ({one.function}) is the app's own, and bears"
                f" the name of ours: it was left alone\n{one.definition};",
                "let ours bear another name: install: {trigger: usersync_user_created} in"
                " usersync.yaml",
            )


def is_ours(survey: Survey, trigger: UserTrigger) -> bool:
    """Whether the ledger says that usersync installed what a trigger on ``auth.users`` calls."""
    return f"function {trigger.function}" in _recorded(survey)


def unrecorded(survey: Survey) -> tuple[str, ...]:
    """What stands in our schema, or bears a name of ours, and is in no ledger entry."""
    recorded = _recorded(survey)
    return tuple(identity for identity in survey.objects if identity not in recorded)


def refuse_dependents(survey: Survey, names: Collection[str]) -> None:
    """Refuse to take out changes when something that is not ours would go with them.

    Args:
        survey: what is there.
        names: the changes that are to go.

    Raises:
        Refused: with what stands on them.
    """
    for name in names:
        others = survey.dependents.get(name, ())
        if others:
            raise Refused(
                f"{name} cannot be taken out: {', '.join(others)} stands on its function, and is"
                " not ours",
                "let it call another function, then run the same command again",
            )


def _recorded(survey: Survey) -> frozenset[str]:
    return frozenset(identity for entry in survey.ledger for identity in entry.objects)


def refuse_other_writers(
    session: Session, survey: Survey, replaces: Replaced | None = None
) -> None:
    """Refuse to install a second writer of one table.

    Args:
        session: the run's surroundings.
        survey: what is there.
        replaces: the one whose place ours is to take.

    Raises:
        Refused: with the trigger's name, function and definition.
        Stopped: what is to be replaced is not what it was.
    """
    name = replaces.trigger if replaces else None
    found = other_writers(survey, takeover.named(session.target.settings, survey, name))
    if replaces:
        takeover.stop_if_moved(session, survey, replaces)
        found = tuple(one for one in found if one.name != replaces.trigger)
    if not found:
        return
    one = found[0]
    if one.inserts_into:
        writes = f"writes {', '.join(one.inserts_into)} already"
    elif PAUSED_MARK in one.source:
        writes = "is paused, and will write again"
    else:
        writes = "bears our name"
    replacing = session.command("migration.apply", "--replace", one.name, "--dry-run")
    other = "let ours bear another name: install: {trigger: usersync_user_created} in usersync.yaml"
    raise Refused(
        f"the trigger {one.name} on auth.users ({one.function}) {writes}: one table has"
        f" one writer, and nothing was touched\n{one.definition};\n{one.function_definition}",
        "\n".join(
            (
                "keep it: say trigger: keep in usersync.yaml; migration.verify and migration.test"
                " judge it"
                if _writes(one)
                else other,
                *(("or let ours take its place: " + replacing,) if one.on_insert else ()),
            )
        ),
    )
