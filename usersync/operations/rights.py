"""Operations on the rights that a sync needs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from usersync.backends.catalog import Ask
from usersync.config import ProfileTable
from usersync.errors import StepFailed
from usersync.model import Outcome, Step
from usersync.operations.registry import operation
from usersync.session import Session
from usersync.sql import rights

_HEADER = {"asks": "which rights are lacking?", "level": "error", "remedy": "rights.grant"}


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
        unit = replace(journal.unit(table.name), counts={"granted": 1})
        session.backend.catalog.alter(
            rights.grants(table),
            {},
            max_rows=0,
            verify=partial(_verified, table),
            event=unit if session.backend.keeps_journal else None,
            keep=keep,
        )
        if keep:
            journal.committed(unit, unit.counts)
        granted = "select, insert to us; what its policies count on to the roles of the API"
        steps.append(Step(table.name, "changed", f"granted {granted}"))
    return Outcome(steps=tuple(steps))


def _verified(table: ProfileTable, ask: Ask) -> bool:
    """Whether all of them are there: Postgres only warns where a role may grant nothing.

    Raises:
        StepFailed: some are not; nothing was granted.
    """
    lacking = ask("rights", _HEADER, rights.lacking(table), {})
    if lacking.unknown or lacking.count:
        found = "; ".join(f"{one.subject} {one.detail}" for one in lacking.findings)
        raise StepFailed(
            f"{table.name}: {found or lacking.unknown} all the same: this role is not the owner of"
            " the table; nothing was granted",
            "connect as the owner of the table, or grant it in the SQL editor of the dashboard",
        )
    return True
