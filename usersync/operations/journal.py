"""Operations on the journal itself."""

from __future__ import annotations

from typing import Literal

from usersync.backends.repairs import Correction
from usersync.errors import Refused, UsersyncError
from usersync.model import Outcome, Step
from usersync.operations.registry import operation
from usersync.reference import whole_id
from usersync.session import Session


@operation("journal.forget", "data", repeatable=True)
def forget(session: Session, *, user_id: str) -> Outcome:
    """Take a user's id out of the journal, who asked to be forgotten; what was done stays told.

    Args:
        session: the run's surroundings.
        user_id: the whole id.

    Raises:
        Refused: it is no whole id.
    """
    wanted = whole_id(user_id)
    if not wanted:
        raise Refused("journal.forget takes a whole user id", "the lists have it with --show-ids")
    with session.backend.exclusively("journal.forget", 0.0):
        in_target, in_file = session.journal.forget(wanted)
        kept = _forget_rows(session, wanted)
    detail = f"taken out of {in_target} lines of the target and {in_file} of the file"
    steps = [Step("journal", _status(in_target + in_file), detail, user_id=wanted)]
    if kept:
        detail = f"{kept} old values and parked profiles removed"
        steps.append(Step("old values", "changed", detail, user_id=wanted))
    return Outcome(steps=tuple(steps))


def _status(changed: int) -> Literal["changed", "ok"]:
    return "changed" if changed else "ok"


def _forget_rows(session: Session, user_id: str) -> int:
    """What repairs keep of this user; over the API there is no way to it."""
    try:
        session.backend.refuse("schema", "journal.forget")
    except UsersyncError:
        return 0
    repairs = session.backend.catalog.repairs
    return repairs.forget(user_id) if repairs.ground(Correction("tokens")).keeps else 0
