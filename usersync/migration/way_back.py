"""What becomes of the app's trigger when ours, which took its place, is taken out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from usersync.backends.catalog import LedgerEntry, Survey, UserTrigger
from usersync.errors import Refused, Stopped
from usersync.sql import replaced
from usersync.sql.changes import Change
from usersync.sql.replaced import Replaced


def returning(survey: Survey, todo: Sequence[LedgerEntry]) -> tuple[str, ...]:
    """What comes back with changes that are taken out, what does not and why, a line each.

    Args:
        survey: what is there.
        todo: the changes that go.
    """
    return tuple(
        line
        for entry in todo
        if (old := replaced.read(entry.revert))
        for line in _returning(survey, entry, old)
    )


def _returning(survey: Survey, entry: LedgerEntry, old: Replaced) -> Iterator[str]:
    other = _in_place(survey, entry, old)
    if other is not None:
        if (other.definition, other.function) == (old.definition, old.function):
            yield f"The trigger {old.trigger} of the app is back already; it stays."
            return
        yield (
            f"A trigger {old.trigger} that is not ours stands on auth.users, and stays: the one"
            " whose place ours took does not come back. As it was:"
        )
        yield f"{old.definition};"
        return
    yield f"The trigger {old.trigger} of the app comes back, and calls {old.function}."
    now = survey.replaced[old.function]
    if now.definition is None:
        yield f"{old.function} is gone, and comes back too, " + (
            "with its owner, its rights and its comment."
            if old.attributes
            else "with the owner and rights of a new function: an older usersync kept no others."
        )
    elif now.definition != old.function_definition:
        yield (
            f"{old.function} was changed since ours took the place of its trigger, and stays as it"
            " is now. As it was:"
        )
        yield from old.text.splitlines()
    elif old.attributes and now.attributes != old.attributes:
        yield (
            f"The owner, the rights or the comment of {old.function} were changed since ours took"
            " the place of its trigger, and stay as they are now. As they were:"
        )
        yield from (f"{one};" for one in old.attributes if one not in now.attributes)
        yield from (f"-- not then: {one};" for one in now.attributes if one not in old.attributes)


def refuse_no_return(survey: Survey, todo: Sequence[LedgerEntry], again: str) -> None:
    """Refuse to take out what replaced a trigger that could not come back.

    Args:
        survey: what is there.
        todo: the changes that go.
        again: the command that was given.

    Raises:
        Refused: with the reason, and the function's text.
    """
    for entry in todo:
        old = replaced.read(entry.revert)
        if old is None or _in_place(survey, entry, old) is not None:
            continue
        now = survey.replaced[old.function]
        if now.definition is None and now.obstacle:
            raise Refused(
                f"{old.function}, which the trigger {old.trigger} of the app calls, is gone, and"
                f" cannot be made again: {now.obstacle}. Nothing was touched. As it was:\n"
                f"{old.text}",
                f"put that right, or make the function yourself, then: {again}",
            )


def stop_if_returned(survey: Survey, before: Survey, change: Change, again: str) -> None:
    """Stop when what would be put back is not what was shown.

    Raises:
        Stopped: somebody changed it.
    """
    old = replaced.read(change.revert)
    if old is None:
        return
    then, now = (
        (one.replaced.get(old.function), [there.definition for there in _named(one, old.trigger)])
        for one in (before, survey)
    )
    if then != now:
        raise Stopped(
            f"somebody else has changed {old.trigger} or {old.function} just now; it was left"
            " alone",
            again,
        )


def comes_back(survey: Survey, entry: LedgerEntry) -> bool:
    """Whether a trigger of the app comes back when a change is taken out."""
    old = replaced.read(entry.revert)
    return old is not None and _in_place(survey, entry, old) is None


def _in_place(survey: Survey, entry: LedgerEntry, old: Replaced) -> UserTrigger | None:
    """A trigger of others that bears the name by now."""
    there = _named(survey, old.trigger)
    return next((one for one in there if f"function {one.function}" not in entry.objects), None)


def _named(survey: Survey, name: str) -> list[UserTrigger]:
    """The trigger of this name, if there is one."""
    return [one for one in survey.user_triggers if one.name == name]
