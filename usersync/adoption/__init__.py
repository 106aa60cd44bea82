"""Settings for an app that has a profile table already, proposed from what its database says."""

from __future__ import annotations

from collections.abc import Mapping

from usersync.adoption.making import making
from usersync.adoption.mapping import Mapped, mapped, role_of
from usersync.adoption.text import Adopted, lines
from usersync.backends.catalog import ActingTrigger, LikelyTable
from usersync.config import ProfileTable
from usersync.errors import UsersyncError
from usersync.session import Session
from usersync.sql.names import quoted
from usersync.triggers.inserts import written


def proposed_settings(session: Session) -> str:
    """The text of a ``usersync.yaml`` for this database, with the reason for each choice.

    Args:
        session: its door only reads, and is a database connection.

    Raises:
        Refused: this door does not see the catalog.
    """
    return "\n".join(lines(look(session))) + "\n"


def look(session: Session) -> tuple[Adopted, ...]:
    """The tables that may hold the profiles, the likeliest first, with what is proposed for each.

    Args:
        session: its door only reads, and is a database connection.
    """
    return tuple(_adopted(session, table) for table in session.backend.catalog.likely_tables())


def _adopted(session: Session, table: LikelyTable) -> Adopted:
    writer, values = _writer(session, table)
    role = role_of(table, values)
    found = []
    for column in table.columns:
        if column.name == table.key or column.generated or (role and role.column == column.name):
            continue
        one = mapped(column, values, writer)
        if one is not None:
            found.append(_checked(session, table, one))
    made = making(session, table, writer, found, role, seen=bool(values)) if writer else None
    ours = any(trigger.on_users and _is_ours(session, trigger) for trigger in table.triggers)
    return Adopted(table, tuple(found), role, writer, made, ours)


def _is_ours(session: Session, trigger: ActingTrigger) -> bool:
    schema = session.target.settings.install.schema_name
    return trigger.function.startswith((f"{schema}.", f"{quoted(schema)}."))


def _writer(session: Session, table: LikelyTable) -> tuple[ActingTrigger | None, Mapping[str, str]]:
    """The app's trigger that writes the table, one of sign-ups first, and the values it writes."""
    writer = None
    theirs = [one for one in table.triggers if one.on_users and not _is_ours(session, one)]
    for trigger in sorted(theirs, key=lambda one: not one.on_insert):
        if trigger.function not in (table.written_by or ""):
            continue
        writer = writer or trigger
        if values := written(trigger.source, table.schema_name, table.table_name):
            return trigger, values
    return writer, {}


def _checked(session: Session, table: LikelyTable, proposed: Mapped) -> Mapped:
    """A source that Postgres takes for this column; otherwise none, and what it said."""
    if proposed.source is None:
        return proposed
    try:
        settings = ProfileTable.model_validate(
            {
                "schema": table.schema_name,
                "table": table.table_name,
                "key": table.key,
                "columns": {proposed.column: proposed.source},
            }
        )
        session.backend.table(settings, writing=False)
    except UsersyncError as error:
        if f"columns.{proposed.column}" not in error.message:
            return proposed  # the table itself does not fit yet; the text says so
        told = error.message.rpartition(f"columns.{proposed.column}: ")[2]
        return Mapped(
            proposed.column, None, f"{proposed.why}: {proposed.source.describe()}, but {told}"
        )
    return proposed


__all__ = ["Adopted", "look", "proposed_settings"]
