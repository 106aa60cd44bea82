"""Everything in a database that a migration might change, so that two moments can be compared."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from psycopg import sql

from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.sql import compose, load


def take(transactions: Transactions) -> Mapping[str, str]:
    """Definitions of all objects, and a digest of the rows of each table, by identity."""
    return transactions.read(_take)


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """What is not as it was, a line each.

    Args:
        before: an earlier fingerprint.
        after: a later one.
    """
    lines = [f"added: {identity}" for identity in after if identity not in before]
    lines += [f"gone: {identity}" for identity in before if identity not in after]
    for identity, definition in before.items():
        now = after.get(identity, definition)
        if now != definition:
            changed = [
                line
                for line in difflib.ndiff(definition.splitlines(), now.splitlines())
                if line[:1] in "+-"
            ]
            lines.append(f"changed: {identity}: {' '.join(changed[:4])}")
    return tuple(sorted(lines))


def _take(cursor: RowCursor) -> Mapping[str, str]:
    rows = fetch_all(cursor, compose(load("queries/fingerprint"), {}))
    taken = {row["identity"]: row["definition"] or "" for row in rows}
    for identity, definition in list(taken.items()):
        if identity.startswith("relation ") and definition[:1] in ("r", "p"):
            name = identity.removeprefix("relation ")
            taken[f"rows of {name}"] = _rows(cursor, name)
    return taken


def _rows(cursor: RowCursor, name: str) -> str:
    allowed = sql.SQL("select has_table_privilege({}, 'select') as allowed").format(
        sql.Literal(name)
    )
    if not fetch_all(cursor, allowed)[0]["allowed"]:
        return "hidden from us"
    row = fetch_all(cursor, compose(load("queries/fingerprint_rows"), {"table": sql.SQL(name)}))[0]
    return f"{row['rows']} rows, {row['digest']}"
