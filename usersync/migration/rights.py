"""What ``rights.grant`` gave, taken back by ``uninstall`` as a change that the journal recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from usersync.backends.catalog import Footprint, LedgerEntry
from usersync.backends.rights import RIGHTS, Right
from usersync.errors import Refused
from usersync.model import Step
from usersync.session import Session
from usersync.sql.rights import revokes


def refuse_others(session: Session, found: Footprint, keep: str) -> None:
    """Refuse to leave where this role cannot take everything back.

    Args:
        session: the run's surroundings.
        found: what is there.
        keep: the command that leaves it.

    Raises:
        Refused: with each right, and who can.
    """
    others = [one for one in found.granted if not one.revocable]
    if others:
        who = ", ".join(dict.fromkeys(one.grantor for one in others))
        told = ", ".join(map(str, others))
        raise Refused(
            f"given by rights.grant, and {session.backend.user} cannot take it back: {told}",
            f"connect as {who}\nor leave it: {keep}",
        )


def entries(found: Footprint) -> tuple[LedgerEntry, ...]:
    """What undoes it, as if the ledger had it; nothing where nothing of it is there.

    Args:
        found: what is there.
    """
    if not found.granted:
        return ()
    last = found.lines[-1]
    undo = revokes([(one.table, one.grantee, one.privilege) for one in found.granted])
    return (LedgerEntry(RIGHTS, last.tool_version, "", "", undo, {}, last.at, ""),)


def fate(found: Footprint) -> str:
    """What becomes of it, and what the app may lose.

    Args:
        found: what is there.
    """
    told = ", ".join(
        str(one) if one.lost else f"{one} (which it has from others too)" for one in found.granted
    )
    if not any(one.lost for one in found.granted):
        return f"is taken back: {told}"
    lost = "What the app does by it fails from then on: --keep-grants leaves it"
    return f"is taken back: {told}. {lost}"


def left(found: Footprint, kept: Sequence[Right]) -> tuple[str, ...]:
    """What of it stays, and why.

    Args:
        found: what is there.
        kept: what somebody wants to keep.
    """
    return (
        *(f"{one} stays, as rights.grant gave it: --keep-grants" for one in kept),
        *(
            f"{table} keeps the rights that rights.grant gave: an earlier usersync did not keep"
            " which they were"
            for table in found.untold
        ),
        *(
            f"{one} stays: rights.grant gave such a right, but on another table or not just so"
            for one in found.uncertain
        ),
    )


def keep_told(session: Session) -> None:
    """Let the file of the user tell of the rights, before the target's own journal goes.

    Args:
        session: the run's surroundings.
    """
    session.journal.keep(session.backend.catalog.footprint().lines)


def named(steps: Sequence[Step], found: Footprint) -> tuple[Step, ...]:
    """The steps of a run, that which took the rights back with each of them.

    Args:
        steps: what was done.
        found: what was there before.
    """
    told = f"taken back: {', '.join(map(str, found.granted))}"
    return tuple(replace(one, detail=told) if one.name == RIGHTS else one for one in steps)
