"""How long it is kept what repairs keep, told before it goes."""

from __future__ import annotations

from usersync.backends.repairs import Pruned
from usersync.model import Step
from usersync.repair.job import Job, keeps
from usersync.session import Session


def due_with(session: Session, job: Job) -> int:
    """How many parked profiles go for good with a repair; part of what its digest approves.

    Args:
        session: the run's surroundings.
        job: what is asked for; what only puts something back removes nothing.
    """
    journal = session.target.settings.journal
    if journal.parked_days is None or job.gives_back:
        return 0
    repairs = session.backend.catalog.repairs
    return repairs.due(journal.before_images_days, journal.parked_days).parked


def prune(session: Session, job: Job) -> tuple[Step, ...]:
    """Remove what is older than it is kept; nothing is told where there is nothing.

    Args:
        session: the run's surroundings; the line is one of its journal's.
        job: what was done; what only puts something back removes nothing.
    """
    if job.gives_back:
        return ()
    journal = session.target.settings.journal
    gone = session.backend.catalog.repairs.prune(
        journal.before_images_days, journal.parked_days, event=session.journal.unit("")
    )
    return (Step("retention", "changed", f"removed {_named(session, gone)}"),) if gone.any else ()


def coming(session: Session) -> tuple[str, ...]:
    """What the next repair that changes something removes besides, and when a profile is due.

    Args:
        session: the run's surroundings.
    """
    journal = session.target.settings.journal
    due = session.backend.catalog.repairs.due(journal.before_images_days, journal.parked_days)
    told = []
    if due.any:
        told.append(f"A repair that changes something removes besides: {_named(session, due)}")
    if due.next_at:
        told.append(
            f"The next parked profile goes for good at {due.next_at:%Y-%m-%dT%H:%M:%SZ}, or with"
            f" the first repair after that: journal.parked_days = {journal.parked_days}"
        )
    if due.parked or due.next_at:
        told.append(
            f"to keep one, put it back: {session.command('repair.orphans', '--restore')};"
            " or raise journal.parked_days"
        )
    return tuple(told)


def parked(session: Session) -> tuple[str, ...]:
    """The same for whoever repairs nothing, where somebody said how long parked profiles are kept.

    Args:
        session: the run's surroundings.
    """
    has_end = session.target.settings.journal.parked_days is not None
    return coming(session) if has_end and keeps(session) else ()


def _named(session: Session, found: Pruned) -> str:
    journal = session.target.settings.journal
    told = []
    if found.old_values:
        told.append(
            f"{found.old_values:,} old values (journal.before_images_days ="
            f" {journal.before_images_days})"
        )
    if found.parked:
        told.append(
            f"for good {found.parked:,} parked profiles (journal.parked_days ="
            f" {journal.parked_days})"
        )
    return ", ".join(told)
