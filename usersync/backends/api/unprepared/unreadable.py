"""The row of a page that the Auth server cannot read, found by asking for smaller pages."""

from __future__ import annotations

from collections.abc import Iterator

from usersync.backends.api.admin import Admin, Listed, PageUnreadable
from usersync.errors import CouldNotTell
from usersync.sql.corrections import TOKENS

#: So many are named; each costs some twenty requests.
_NAMED = 5


def explain(admin: Admin, number: int, per_page: int, error: PageUnreadable) -> CouldNotTell:
    """Where the rows are that make a page fail, and what mends them.

    Their ids cannot be seen over the API: they are told by their place, newest first, and by who
    stands beside them.

    Args:
        admin: the admin API.
        number: the page, counted from 1.
        per_page: how many users it has.
        error: what the Auth server said.
    """
    found: list[int] = []
    for row in _rows(admin, (number - 1) * per_page, per_page):
        found.append(row)
        if len(found) > _NAMED:
            break
    places = [_place(admin, row) for row in found[:_NAMED]]
    more = ["and more"] if len(found) > _NAMED else []
    return CouldNotTell(
        f"{error.message}: it cannot read a user made by plain SQL, with nulls where it expects"
        " text, so the list of users ends there\n"
        + "\n".join([*places, *more] or ["it passed when it was asked again"]),
        remedy(),
    )


def remedy() -> str:
    """What makes such users readable, with a database connection and without one."""
    values = ", ".join(f"{column} = coalesce({column}, '')" for column in TOKENS)
    nulls = " or ".join(f"{column} is null" for column in TOKENS)
    return (
        "over a database connection (SUPABASE_DB_URL): repair.tokens --dry-run\n"
        "or in the SQL editor:\n"
        f"update auth.users set {values} where {nulls};\n"
        "a user without role, created_at or updated_at needs these too; with SUPABASE_DB_URL"
        " migration.verify names everybody concerned"
    )


def _rows(admin: Admin, first: int, count: int) -> Iterator[int]:
    """The rows, counted from 0, that fail by themselves, of a range that fails."""
    if count == 1:
        yield first
        return
    # A page begins at a multiple of its size: only whole parts of it can be asked for.
    size = count // next(factor for factor in range(2, count + 1) if count % factor == 0)
    for start in range(first, first + count, size):
        try:
            admin.page(start // size + 1, size)
        except PageUnreadable:
            yield from _rows(admin, start, size)


def _place(admin: Admin, row: int) -> str:
    newer, older = (_neighbour(admin, beside) for beside in (row - 1, row + 1))
    beside = " and ".join(
        f"{'before' if one is newer else 'after'} {one['created_at']} (user {one['id']})"
        for one in (older, newer)
        if one is not None
    )
    return f"row {row + 1:,} of the list, newest first" + (
        f": signed up {beside}" if beside else ""
    )


def _neighbour(admin: Admin, row: int) -> Listed | None:
    """Who stands there, when that can be read."""
    if row < 0:
        return None
    try:
        users = admin.page(row + 1, 1).users
    except PageUnreadable:
        return None
    return users[0] if users else None
