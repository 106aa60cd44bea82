"""Corrections as SQL: what the procedures that plan one and carry it out may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from usersync.sql import corrections, pages, profiles
from usersync.sql.fragments import fragment
from usersync.sql.names import ours

if TYPE_CHECKING:
    from usersync.config import ProfileTable, Settings
    from usersync.sql.names import Names

_HASH = sql.SQL("md5(coalesce(change.before::text, '') || change.after::text)")


def names(
    settings: Settings,
    kind: str,
    table: ProfileTable | None,
    *,
    object_name: str,
    column_types: Mapping[str, str],
    facts: Mapping[str, Any],
    run_id: str = "",
    columns: Sequence[str] = (),
) -> Names:
    """What the two procedures of a correction may name.

    Args:
        settings: what holds in the target.
        kind: see `usersync.backends.repairs.Kind`.
        table: the profile table; None for ``auth.users``.
        object_name: what its before-images call the table.
        column_types: the type of each of its columns.
        facts: what ``queries/repair_facts.sql`` told.
        run_id: the run whose changes are taken back.
        columns: the columns that it changed.
    """
    relation = sql.Identifier("auth", "users") if table is None else profiles.table_name(table)
    key = "id" if table is None else table.key
    named: Names = {
        **ours(settings),
        "profiles": relation,
        "key": sql.Identifier(key),
        "key_text": sql.Literal(key),
        "relation_text": sql.Literal(relation.as_string()),
        "table_name": sql.Literal(object_name),
        "object": sql.Literal(object_name),
        "columns": sql.Literal(list(facts["columns"])),
        "hash": _HASH,
        **pages.ISOLATION,
        "run_id": sql.Literal(run_id or None),
        "detail": sql.SQL("coalesce(cells.names, '')"),
        "blocked": sql.SQL("null::text"),
        "created_at": sql.SQL("u.created_at"),
    }
    named |= corrections.OF[kind](named, settings, table, column_types, facts, columns)
    shape = {"orphans": "repair_orphan", "parked": "repair_parked"}.get(kind, "repair_row")
    action = {"orphans": "repair_park", "parked": "repair_unpark"}.get(kind, "repair_update")
    named["exact"] = fragment(shape, named, indent=12)
    named["action"] = fragment(action, named, indent=12)
    return named
