"""Calling what a step names: an operation or a file of SQL, in its time, as often as it says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from usersync.backends.catalog import Ask
from usersync.errors import TooSlow, Unconfigured, UsersyncError
from usersync.model import CheckResult, Outcome
from usersync.runbook import Action
from usersync.runbook.models import Step
from usersync.runbook.own_sql import OwnSql
from usersync.session import Session

#: Longer than any statement may take: what else may last is bounded by the operation itself.
_FOREVER_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Call:
    """What a step calls, and with what.

    Args:
        step: the step.
        action: the operation; None for a file of SQL.
        own: the file; None for an operation.
        arguments: filled in.
    """

    step: Step
    action: Action | None
    own: OwnSql | None
    arguments: Mapping[str, Any]


def within(
    session: Session, timeout_s: float | None, work: Callable[[Session], Outcome]
) -> Outcome:
    """Do work that is cancelled after so long; on a door of its own, which that closes.

    Raises:
        TooSlow: it took longer.
    """
    if timeout_s is None:
        return work(session)
    door = session.backend.another()
    over = threading.Event()

    def cancel() -> None:
        over.set()
        door.cancel()

    timer = threading.Timer(min(timeout_s, _FOREVER_S), cancel)
    timer.daemon = True
    timer.start()
    try:
        outcome = work(replace(session, backend=door))
    except UsersyncError as error:
        if over.is_set():
            raise _took_too_long(timeout_s) from error
        raise
    finally:
        timer.cancel()
        door.close()
    if over.is_set() and outcome.error:
        late = _took_too_long(timeout_s)
        return replace(outcome, error=late.message, next_steps=(late.next_step,), exit_code=1)
    return outcome


def _took_too_long(timeout_s: float) -> TooSlow:
    return TooSlow(
        f"it took longer than its timeout of {timeout_s:g} s and was ended",
        "what it had committed stays; look at what it waits for, or raise `timeout:`",
    )


def repeated(
    step: Step, attempt: Callable[[], Outcome], satisfied: Callable[[Outcome], bool]
) -> Outcome:
    """Try as often as the step says, until it is satisfied; the last attempt counts.

    Raises:
        UsersyncError: that of the last attempt.
    """
    times = step.retry.times if step.retry else 0
    for left in range(times, -1, -1):
        try:
            outcome = attempt()
        except Unconfigured:
            raise
        except UsersyncError:
            if not left:
                raise
        else:
            if not left or satisfied(outcome):
                return outcome
        assert step.retry is not None
        time.sleep(step.retry.wait)
    raise AssertionError


def operation(call: Call, session: Session, agreement: Mapping[str, Any]) -> Outcome:
    """Call an operation as its task does."""
    assert call.action is not None
    return named(call.action, session, call.arguments, agreement)


def named(
    action: Action,
    session: Session,
    arguments: Mapping[str, Any],
    agreement: Mapping[str, Any],
) -> Outcome:
    """Call an operation by its action."""
    given = action.arguments(arguments, agreement)
    outcome: Outcome = action.operation.function(session, **given)
    return outcome


def own_check(own: OwnSql, ask: Ask, arguments: Mapping[str, Any]) -> CheckResult:
    """Ask a check by SQL of somebody's own."""
    return ask(own.name, own.header, own.text, arguments)


def of_check(result: CheckResult) -> Outcome:
    """The result of one check as an outcome."""
    return Outcome(checks=(result,), exit_code=result.exit_code)


def own_change(
    call: Call,
    session: Session,
    *,
    max_rows: int,
    verify: Callable[[Ask], bool],
    keep: bool,
) -> int:
    """Run a change by SQL of somebody's own as one transaction; how many rows it wrote."""
    assert call.own is not None
    event = session.journal.unit(f"step {call.step.id}")
    rows = session.backend.catalog.alter(
        call.own.text,
        call.arguments,
        max_rows=max_rows,
        verify=verify,
        event=event if session.backend.keeps_journal else None,
        keep=keep,
    )
    if keep:
        session.journal.committed(event, {"rows": rows})
    return rows
