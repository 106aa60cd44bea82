"""Operations on transactions of others that hold up changes of ``auth.users``."""

from __future__ import annotations

from usersync.backends.catalog import Holder
from usersync.model import Outcome, Step
from usersync.operations.registry import operation
from usersync.session import Session


@operation("transactions.long", "read", tells=("findings",))
def long_transactions(session: Session) -> Outcome:
    """Who holds a lock on ``auth.users`` for longer than a second."""
    found = session.backend.catalog.holders()
    return Outcome(
        steps=tuple(
            Step(
                f"process {one.pid}",
                "finding",
                one.words(),
                next_step="find out whose it is; it can be ended: runbook.long-transaction",
            )
            for one in found
        ),
        exit_code=2 if found else 0,
    )


@operation("transactions.end", "external", tells=())
def end_transactions(session: Session, *, longer_than_s: float = 1.0) -> Outcome:
    """End the sessions that hold a lock on ``auth.users`` for so long; each is rolled back."""
    catalog = session.backend.catalog
    old = [one for one in catalog.holders() if one.age_s > longer_than_s]
    steps = tuple(_ended(one, catalog.end(one.pid)) for one in old)
    failed = any(step.status == "failed" for step in steps)
    return Outcome(
        steps=steps,
        exit_code=1 if failed else 0,
        error="a session could not be ended" if failed else "",
    )


def _ended(holder: Holder, ended: bool | None) -> Step:
    name = f"process {holder.pid}"
    if ended is None:
        return Step(name, "ok", "it has ended by itself")
    if not ended:
        return Step(name, "failed", "the server did not end it", next_step="ask its owner")
    return Step(name, "changed", f"ended, and rolled back: {holder.words()}")
