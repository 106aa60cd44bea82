"""What the migration finds in a target and would do there, before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from usersync.backends import Table
from usersync.backends.catalog import Survey, UserTrigger
from usersync.config import ProfileTable, Settings
from usersync.errors import Refused
from usersync.migration.states import states
from usersync.model import ChangeState
from usersync.session import Session
from usersync.sql import changes
from usersync.sql.changes import PROFILE_TABLE, Change, Shape
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
    made = any(entry.change == PROFILE_TABLE for entry in survey.ledger)
    shapes = [_shape(session, survey, table, made=made, create=create_table) for table in tables]
    rendered = changes.render(session.target.settings, shapes)
    return Ground(survey, rendered, states(survey, rendered))


def _shape(
    session: Session, survey: Survey, settings: ProfileTable, *, made: bool, create: bool
) -> Shape:
    is_there = survey.tables.get(table_name(settings).as_string(), False)
    if not is_there and (create or made):
        return Shape(settings, changes.new_column_types(settings), made=True)
    try:
        found: Table = session.backend.table(settings, writing=True)
    except Refused as error:
        if is_there:
            raise
        make = session.command("migration.apply", "--create-table")
        raise Refused(error.message, f"{error.next_step}\nor let it be made: {make}") from error
    return Shape(settings, found.column_types, made=made)


def refuse_ground(survey: Survey, settings: Settings) -> None:
    """Refuse to change a target where that cannot work, or is not ours to do.

    Raises:
        Refused: with what stands in the way.
    """
    schema = settings.install.schema_name
    if survey.read_only:
        raise Refused("this server takes no writes: it is a replica", "connect to the primary")
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
    """Insert triggers on ``auth.users`` that are not ours and write a profile table, or bear our
    name.
    """
    return tuple(
        trigger
        for trigger in survey.user_triggers
        if trigger.on_insert
        and not is_ours(trigger, settings)
        and (trigger.inserts_into or trigger.name == settings.install.trigger)
    )


def is_ours(trigger: UserTrigger, settings: Settings) -> bool:
    """Whether a trigger on ``auth.users`` calls a function that usersync installs."""
    names = (settings.install.trigger, changes.follow_name(settings))
    return (
        trigger.function_schema == settings.install.schema_name and trigger.function_name in names
    )


def unrecorded(survey: Survey) -> tuple[str, ...]:
    """What stands in our schema, or bears a name of ours, and is in no ledger entry."""
    recorded = {identity for entry in survey.ledger for identity in entry.objects}
    return tuple(identity for identity in survey.objects if identity not in recorded)


def refuse_other_writers(survey: Survey, settings: Settings) -> None:
    """Refuse to install a second writer of one table.

    Raises:
        Refused: with the trigger's name, function and definition.
    """
    found = other_writers(survey, settings)
    if not found:
        return
    one = found[0]
    writes = f"writes {', '.join(one.inserts_into)}" if one.inserts_into else "bears our name"
    raise Refused(
        f"the trigger {one.name} on auth.users ({one.function}) {writes} already: one table has"
        f" one writer, and nothing was touched\n{one.definition};\n{one.function_definition}",
        f"keep it: {'nothing is to be installed; migration.verify and migration.test judge it'}\n"
        f"or take it out yourself: drop function {one.function} cascade;",
    )
