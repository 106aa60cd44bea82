"""The rights on a profile table that a sync, and the API, cannot do without."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from psycopg import sql

from usersync.sql import compose, load, profiles

if TYPE_CHECKING:
    from usersync.config import ProfileTable
    from usersync.sql.names import Names

#: A right of the access list ``a``, as the journal keeps it; the line names its table.
WORDS = sql.SQL(
    "format('%s to %s by %s', lower(a.privilege_type), a.grantee::regrole, a.grantor::regrole)"
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


def given(told: Sequence[tuple[str, str]]) -> sql.Composed:
    """The query that tells which rights are there still, just as they were given.

    Args:
        told: tables as the journal names them, each with the words of a right.
    """
    rows = [{"profile_table": table, "words": words} for table, words in told]
    listed = sql.SQL("{}::jsonb").format(sql.Literal(json.dumps(rows)))
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
