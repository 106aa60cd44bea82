"""``health.schedule``: whether what should run regularly did, as the target's journal tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from usersync.config import Schedule
from usersync.model import CheckResult, Finding, JournalEvent
from usersync.session import Session

CHECK = "schedule_overdue"

#: How far back the journal is searched.
_JOURNAL_LINES = (100, 5_000)


def last_success(task: str, read: Callable[[int], tuple[JournalEvent, ...]]) -> datetime | None:
    """When a task last ended well; None when the journal, as far as it is read, does not say.

    Args:
        task: its name.
        read: answers so many of the last lines, newest first.
    """
    for lines in _JOURNAL_LINES:
        events = read(lines)
        for event in events:
            if event.event == "ended" and event.task == task and event.exit_code == 0:
                return event.at
        if len(events) < lines:
            break
    return None


def is_overdue(schedule: Schedule, last: datetime | None, now: datetime) -> bool:
    """Whether the last success is too long ago, or there was none."""
    return last is None or now - last > timedelta(hours=schedule.within_h)


def check(session: Session) -> tuple[CheckResult, ...]:
    """The check that stands beside those in SQL, where a schedule is configured.

    Args:
        session: the run's surroundings.
    """
    schedule = session.target.settings.health.schedule
    if schedule is None:
        return ()
    question = f"Did {schedule.task} succeed within the last {schedule.within_h:g} hours?"
    remedy = (
        "Look at the runs of its workflow: GitHub disables a schedule after 60 days without"
        " activity in a public repository, and may drop a run at high load. Then run it."
    )
    if not session.backend.keeps_journal:
        why = f"the target keeps no journal; to install it: {session.installing('full')}"
        return (CheckResult(CHECK, "warning", question, remedy, 0, unknown=why),)
    last = last_success(schedule.task, session.journal.history)
    if not is_overdue(schedule, last, session.clock()):
        return (CheckResult(CHECK, "warning", question, remedy, 0),)
    since = f"the last success was {last:%Y-%m-%d %H:%M} UTC" if last else "there was none"
    finding = Finding(f"{CHECK}:{schedule.task}", schedule.task, since)
    return (CheckResult(CHECK, "warning", question, remedy, 1, findings=(finding,)),)
