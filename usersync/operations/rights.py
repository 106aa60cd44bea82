"""Operations on the rights that a sync needs."""

from __future__ import annotations

from dataclasses import replace

from usersync.model import Outcome, Step
from usersync.operations.registry import operation
from usersync.session import Session
from usersync.sql import rights


@operation("rights.grant", "schema", repeatable=True)
def grant_rights(session: Session) -> Outcome:
    """Grant what the sync and the API need on the profile tables; run as their owner."""
    journal = session.journal
    steps = []
    for table in session.target.profiles:
        unit = replace(journal.unit(table.name), counts={"granted": 1})
        session.backend.catalog.alter(
            rights.grants(table),
            {},
            max_rows=0,
            verify=lambda _: True,
            event=unit if session.backend.keeps_journal else None,
            keep=True,
        )
        journal.committed(unit, unit.counts)
        granted = "select, insert to us; what its policies count on to the roles of the API"
        steps.append(Step(table.name, "changed", f"granted {granted}"))
    return Outcome(steps=tuple(steps))
