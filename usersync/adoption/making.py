"""How `sync` is to make the missing profiles: by the app's own function, or from columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from usersync.adoption.mapping import Mapped, Role, described
from usersync.backends import OwnFunction
from usersync.backends.catalog import ActingTrigger, LikelyTable
from usersync.errors import UsersyncError
from usersync.session import Session


@dataclass(frozen=True, slots=True)
class Making:
    """The setting ``create``, and why."""

    create: Literal["own_function", "columns"] | None
    """None where the default does what is right now and later."""
    why: str


def making(
    session: Session,
    table: LikelyTable,
    writer: ActingTrigger,
    columns: Sequence[Mapped],
    role: Role | None,
    *,
    seen: bool,
) -> Making | None:
    """How profiles are to be made beside the app's trigger; None where that has no say.

    Args:
        session: its door only reads, and is a database connection.
        table: the profile table.
        writer: the trigger that makes its profiles.
        columns: what is proposed for them.
        role: what is proposed for the role.
        seen: whether the text of the function shows the values that it writes.
    """
    if not writer.on_insert:
        return None
    if writer.state == "paused":
        return Making(
            None,
            f"left open, since {writer.function} is paused: the columns fill a profile until"
            " `migration.resume` if it does no more than that, then it makes them itself",
        )
    own = _own_function(session, table)
    if own is None:
        return None
    same = seen and all(one.source for one in columns) and (role is None or role.as_written)
    return _chosen(own, same=same, swallows=writer.catches)


def _chosen(own: OwnFunction, *, same: bool, swallows: bool) -> Making:
    """Which of the two, by what the function asks, writes beside the profile, and hides."""
    if own.refusal:
        more = f", and writes {', '.join(own.also_writes)}, which columns do not"
        return Making("columns", own.refusal + (more if own.also_writes else ""))
    if not swallows:
        return Making("own_function", "so that a repaired profile equals a signed-up one")
    if same and not own.also_writes:
        why = "the function swallows errors, and from columns a failure has its reason"
        return Making("columns", why)
    why = "it swallows errors: who gets no profile fails without a reason"
    return Making("own_function", why)


def _own_function(session: Session, table: LikelyTable) -> OwnFunction | None:
    """What would make the profiles; None where the table does not fit yet, which the text says."""
    try:
        settings = described(table, create="own_function")
        return session.backend.table(settings, writing=False).own_function
    except UsersyncError:
        return None
