"""What the migration finds in a target and would do there, before it does anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from usersync.backends import Table, inspection
from usersync.backends.catalog import Survey, UserTrigger
from usersync.config import ProfileTable, Settings
from usersync.errors import Refused
from usersync.migration.states import PAUSED_MARK, states
from usersync.model import ChangeState
from usersync.session import Session
from usersync.sql import changes
from usersync.sql.changes import Change, Shape
from usersync.sql.profiles import table_name


@dataclass(frozen=True, slots=True)
class Ground:
    """One look at a target: what is there, what the configuration asks for, how they differ."""

    survey: Survey
    changes: tuple[Change, ...]
    states: tuple[ChangeState, ...]


def look(session: Session, *, create_table: bool = False) -> Ground:
    """Survey the target and render the changes for it; writes nothing.

    Args:
        session: the run's surroundings.
        create_table: whether profile tables that are missing shall be made.

    Raises:
        Refused: a profile table is missing, or does not fit its configuration.
    """
    tables = session.target.profiles
    survey = session.backend.catalog.survey(tables)
    made = {table for entry in survey.ledger for table in entry.drops}
    shapes = [_shape(session, survey, table, made=made, create=create_table) for table in tables]
    rendered = changes.render(session.target.settings, shapes)
    return Ground(survey, rendered, states(survey, rendered))


def _shape(
    session: Session, survey: Survey, settings: ProfileTable, *, made: Collection[str], create: bool
) -> Shape:
    name = table_name(settings).as_string()
    is_there = survey.tables.get(name, False)
    if not is_there and (create or name in made):
        return Shape(settings, changes.new_column_types(settings), made=True)
    try:
        found: Table = session.backend.table(settings, writing=True)
    except Refused as error:
        if is_there:
            raise
        make = session.command("migration.apply", "--create-table")
        raise Refused(error.message, f"{error.next_step}\nor let it be made: {make}") from error
    return Shape(settings, found.column_types, made=name in made)


def refuse_ground(survey: Survey, settings: Settings) -> None:
    """Refuse to change a target where that cannot work, or is not ours to do.

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
    if not survey.may_create_trigger:
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
    """Insert triggers on ``auth.users`` that are not ours and write a profile table, may do so once
    they are resumed, or bear our name.
    """
    return tuple(
        trigger
        for trigger in survey.user_triggers
        if trigger.on_insert
        and not is_ours(survey, trigger)
        and (
            trigger.inserts_into
            or PAUSED_MARK in trigger.source
            or trigger.name == settings.install.trigger
        )
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


def refuse_other_writers(survey: Survey, settings: Settings) -> None:
    """Refuse to install a second writer of one table.

    Raises:
        Refused: with the trigger's name, function and definition.
    """
    found = other_writers(survey, settings)
    if not found:
        return
    one = found[0]
    if one.inserts_into:
        writes = f"writes {', '.join(one.inserts_into)} already"
    elif PAUSED_MARK in one.source:
        writes = "is paused, and will write again"
    else:
        writes = "bears our name"
    raise Refused(
        f"the trigger {one.name} on auth.users ({one.function}) {writes}: one table has"
        f" one writer, and nothing was touched\n{one.definition};\n{one.function_definition}",
        "keep it: nothing is to be installed; migration.verify and migration.test judge it\n"
        f"or take it out yourself: drop function {one.function} cascade;",
    )
