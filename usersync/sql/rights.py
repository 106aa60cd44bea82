"""The rights on a profile table that a sync, and the API, cannot do without."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from psycopg import sql

from usersync.sql import compose, load, profiles

if TYPE_CHECKING:
    from usersync.config import ProfileTable
    from usersync.sql.names import Names

#: A right of the access list ``a`` of ``c``, as the journal keeps it; what the owner gave goes over
#: to the next owner. The line tells of which table.
WORDS = sql.SQL(
    "format('%s to %s by %s', lower(a.privilege_type), a.grantee::regrole,"
    " case when a.grantor = c.relowner then 'its owner' else a.grantor::regrole::text end)"
)


def grants(table: ProfileTable) -> str:
    """The statements that give them."""
    named = {"profiles": profiles.table_name(table)}
    return compose(load("queries/grant_rights"), named).as_string()


def lacking(table: ProfileTable) -> sql.Composed:
    """The query that tells which of them are lacking."""
    return compose(load("queries/rights_lacking"), _named(table))


def held(table: ProfileTable) -> sql.Composed:
    """The query that tells which rights anybody has."""
    return compose(load("queries/rights_held"), _named(table) | {"words": WORDS})


def given(told: Sequence[Mapping[str, Any]]) -> sql.Composed:
    """The query that tells which rights are there still, and which for certain as they were given.

    Args:
        told: each right that the journal tells.
    """
    listed = sql.SQL("{}::jsonb").format(sql.Literal(json.dumps(list(told))))
    return compose(load("queries/rights_given"), {"words": WORDS, "told": listed})


def revokes(rights: Sequence[tuple[str, str, str]]) -> str:
    """The statements that take rights back.

    Args:
        rights: table, role and privilege of each, sorted, as the catalog spells them.
    """
    return "\n".join(
        compose(
            load("queries/rights_revoke"),
            {
                "privileges": sql.SQL(", ".join(privilege for *_, privilege in found)),
                "table": sql.SQL(table),
                "grantee": sql.SQL(grantee),
            },
        ).as_string()
        for (table, grantee), found in groupby(rights, key=lambda one: one[:2])
    )


def _named(table: ProfileTable) -> Names:
    return {"profiles_text": sql.Literal(profiles.table_name(table).as_string())}
