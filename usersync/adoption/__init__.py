"""Settings for an app that has a profile table already, proposed from what its database says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from usersync.adoption.making import making
from usersync.adoption.mapping import Mapped, Role, described, mapped, role_of
from usersync.adoption.text import Adopted, lines
from usersync.backends.catalog import ActingTrigger, LikelyTable
from usersync.config import LiteralValue, Suffixed, UserColumn
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
    if writer is None or (made is not None and made.create == "columns"):
        found = [_numbered(session, table, found, one, role) for one in found]
    ours = any(trigger.on_users and _is_ours(session, trigger) for trigger in table.triggers)
    everybody = bool(values and writer and writer.on_insert and not writer.asks_anonymous)
    return Adopted(table, tuple(found), role, writer, made, ours, everybody)


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
        settings = described(table, columns={proposed.column: proposed.source})
        session.backend.table(settings, writing=False)
    except UsersyncError as error:
        if f"columns.{proposed.column}" not in error.message:
            return proposed  # the table itself does not fit yet; the text says so
        told = error.message.rpartition(f"columns.{proposed.column}: ")[2]
        return Mapped(
            proposed.column, None, f"{proposed.why}: {proposed.source.describe()}, but {told}"
        )
    return proposed


def _numbered(
    session: Session, table: LikelyTable, found: Sequence[Mapped], one: Mapped, role: Role | None
) -> Mapped:
    """The same with a number for who comes later, where no two profiles may have one value."""
    if one.source is None or isinstance(one.source, LiteralValue | Suffixed | UserColumn):
        return one
    columns: dict[str, Any] = {each.column: each.source for each in found if each.source}
    columns[one.column] = wanted = Suffixed(one.source)
    try:
        session.backend.table(
            described(table, create="columns", columns=columns, role=role and role.settings),
            writing=True,
        )
    except UsersyncError:
        return one
    return replace(one, source=wanted, why=f"{one.why}; no two may have the same")


__all__ = ["Adopted", "look", "proposed_settings"]
