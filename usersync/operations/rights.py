"""Operations on the rights that a sync needs."""

from __future__ import annotations

from usersync.model import Outcome, Step
from usersync.operations.registry import operation
from usersync.session import Session


@operation("rights.grant.rehearse", "schema")
def rehearse_rights(session: Session) -> Outcome:
    """Grant the rights for real, which locks no table, and roll it back."""
    return _granted(session, keep=False)


@operation("rights.grant", "schema", rehearsal="rights.grant.rehearse", repeatable=True)
def grant_rights(session: Session) -> Outcome:
    """Grant what the sync and the API need on the profile tables; run as their owner."""
    return _granted(session, keep=True)


def _granted(session: Session, *, keep: bool) -> Outcome:
    journal = session.journal
    steps = []
    for table in session.target.profiles:
        unit = journal.unit(table.name)
        counts = session.backend.catalog.grant(table, event=unit, keep=keep)
        if keep:
            journal.committed(unit, counts)
        granted = "select, insert to us; what its policies count on to the roles of the API"
        steps.append(Step(table.name, "changed", f"granted {granted}"))
    return Outcome(steps=tuple(steps))
