"""Which number goes behind whose value: the first who wants a text gets it, the next get numbers.

The rule is greedy: users in the order of the plan, each with the first number that neither a
profile nor somebody before has. So leaving a user out moves nobody who came before, and a run that
is cut off, limited or shared out gives in the end what one run would have given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from usersync.backends import Backend, Numbers, Selection, Table, Wish
from usersync.errors import CouldNotTell
from usersync.model import Numbered, NumberedValue
from usersync.sql.unique import numbered

#: How many more free numbers are asked for than there are users who want a text, until all do.
_SPARE = (0, 16, 256, 4_096, 65_536)


def numbers(
    backend: Backend, table: Table, selection: Selection, list_values: int
) -> tuple[Numbers | None, tuple[Numbered, ...]]:
    """The numbers of a plan, and what to say of them; None for a table that needs none.

    Args:
        backend: an open door.
        table: the profile table.
        selection: which of the missing users are meant.
        list_values: how many of the values to list, of each column.
    """
    if not table.suffixed:
        return None, ()
    for spare in _SPARE:
        with explained(table):
            wishes = backend.wishes(table, selection, spare)
        given = {
            column.name: give([one for one in wishes if one.column == column.name])
            for column in table.suffixed
        }
        if all(one is not None for one in given.values()):
            break
    found: dict[str, dict[str, int]] = {name: one or {} for name, one in given.items()}
    if any(one is None for one in given.values()):
        raise CouldNotTell(
            f"more than {_SPARE[-1]:,} values of {table.settings.name} stand in the way of one that"
            " is to get a number",
            "take unique: suffix out of usersync.yaml, or name another source",
        )
    texts = {(one.column, user_id): one.wanted for one in wishes for _, user_id, _ in one.users}
    told = [
        Numbered(
            column=column.name,
            count=len(found[column.name]),
            values=tuple(
                NumberedValue(user_id, numbered(texts[column.name, user_id], number, column.length))
                for user_id, number in list(found[column.name].items())[:list_values]
            ),
        )
        for column in table.suffixed
    ]
    return found, tuple(one for one in told if one.count)


@contextmanager
def explained(table: Table) -> Iterator[None]:
    """Name what may be to blame for an answer that fails: one user's value fails it for all.

    Raises:
        CouldNotTell: with the columns of which no two profiles may have the same value.
    """
    try:
        yield
    except CouldNotTell as error:
        if error.next_step or not table.suffixed:
            raise
        columns = ", ".join(column.name for column in table.suffixed)
        raise CouldNotTell(
            f"{table.settings.name}: who wants which {columns}: {error.message}",
            "let the `sql:` source in usersync.yaml answer null where what a user has does not fit;"
            " without `unique: suffix` such a user is a failed creation, and stops nobody",
        ) from error


def give(wishes: Sequence[Wish]) -> dict[str, int] | None:
    """The number of everybody who gets one, in the order of the plan; None when more free numbers
    must be known. Where no number fits any more the value stays as it is, and will fail.

    Args:
        wishes: all texts that are wanted in one column.
    """
    places = sorted(
        (position, user_id, is_meant, number)
        for number, wish in enumerate(wishes)
        for position, user_id, is_meant in wish.users
    )
    # What was skipped once is taken for good.
    left = [iter(wish.free) for wish in wishes]
    taken: set[tuple[int, int]] = set()
    found: dict[str, int] = {}
    for _, user_id, is_meant, wish in places:
        for number, marks in left[wish]:
            if taken.isdisjoint(enumerate(marks)):
                taken.update(enumerate(marks))
                if is_meant and number > 1:
                    found[user_id] = number
                break
        else:
            if wishes[wish].is_cut:
                return None
    return found
