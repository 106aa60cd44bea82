"""Operations on the journal itself."""

from __future__ import annotations

import re

from usersync.errors import Refused
from usersync.model import Outcome, Step
from usersync.operations.registry import operation
from usersync.session import Session

_USER_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@operation("journal.forget", "data", repeatable=True)
def forget(session: Session, *, user_id: str) -> Outcome:
    """Take a user's id out of the journal, who asked to be forgotten; what was done stays told.

    Args:
        session: the run's surroundings.
        user_id: the whole id.

    Raises:
        Refused: it is no whole id.
    """
    wanted = user_id.strip().lower()
    if not _USER_ID.fullmatch(wanted):
        raise Refused("journal.forget takes a whole user id", "the lists have it with --show-ids")
    with session.backend.exclusively("journal.forget", 0.0):
        in_target, in_file = session.journal.forget(wanted)
    detail = f"taken out of {in_target} lines of the target and {in_file} of the file"
    status = "changed" if in_target or in_file else "ok"
    return Outcome(steps=(Step("journal", status, detail, user_id=wanted),))  # type: ignore[arg-type]
