"""Carrying a repair out, in batches of one transaction each, or rehearsing it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from usersync.backends.repairs import Corrected, RowChange
from usersync.errors import Interrupted, Stopped, UsersyncError
from usersync.model import LIST_LENGTH, Step, TableResult
from usersync.repair import retention
from usersync.repair.plan import Planned, planned_result, would
from usersync.session import Session

#: Users of a batch keep still until it is committed: a sign-in should not notice.
_BATCH_ROWS = 100

#: In a word, what became of a row.
_DID = {
    "profiles": "rewritten",
    "emails": "corrected",
    "tokens": "corrected",
    "orphans": "parked",
    "parked": "put back",
    "images": "put back",
}


@dataclass
class _Tally:
    """What the batches have done so far."""

    planned: Planned
    done: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, result: Corrected) -> None:
        self.done += result.done
        self.moved += result.moved
        self.failed |= {
            one.user_id: f"{one.sqlstate} {one.condition} {one.subject}".rstrip()
            for one in result.failures
        }

    def result(self, *, rehearsed: bool) -> TableResult:
        before = planned_result(self.planned)
        assert before.repair is not None
        return replace(
            before,
            repair=replace(
                before.repair,
                state="rehearsed" if rehearsed else "done",
                changed=len(self.done),
                failed=len(self.failed),
                moved=len(self.moved),
            ),
        )

    def steps(self, *, rehearsed: bool) -> tuple[Step, ...]:
        """The first rows of each kind, those that need somebody first."""
        row_is = self.planned.row_is
        details = {row.id: row.detail for row in self.planned.rows}
        did = _DID[self.planned.job.correction.kind]

        def told(row_id: str) -> str:
            return f"{did}: {details[row_id]}" if details.get(row_id) else did

        stay = [step for step in would(self.planned) if step.status == "finding"]
        failed = [
            Step(row_is, "failed", f"not {did}: {why}", user_id=row_id)
            for row_id, why in list(self.failed.items())[:LIST_LENGTH]
        ]
        moved = [
            Step(row_is, "finding", "changed by somebody else meanwhile; stays", user_id=row_id)
            for row_id in self.moved[:LIST_LENGTH]
        ]
        done = [
            Step(
                row_is,
                "would-change" if rehearsed else "changed",
                told(row_id),
                user_id=row_id,
            )
            for row_id in self.done[:LIST_LENGTH]
        ]
        return (*stay, *failed, *moved, *done)


Carried = tuple[TableResult, tuple[Step, ...], UsersyncError | None]


def carry_out(session: Session, planned: Planned) -> Carried:
    """Change the planned rows; what was committed stays, however it ends.

    Args:
        session: the run's surroundings.
        planned: the plan, which no guard stops.

    Returns:
        What was done, the rows, and why it ended early, if it did.
    """
    tally, journal = _Tally(planned), session.journal
    error: UsersyncError | None = None
    removed: tuple[Step, ...] = ()
    if not planned.rows:
        return tally.result(rehearsed=False), tally.steps(rehearsed=False), None
    counts = {"planned": len(planned.rows)}
    journal.started(planned.table, digest=planned.digest, counts=counts)
    session.progress.begin(len(planned.rows))
    try:
        _correct(session, planned, tally, keep=True)
        removed = retention.prune(session, planned.job)
    except KeyboardInterrupt:
        error = Interrupted("interrupted; what was committed stays, nothing else ran")
    except UsersyncError as raised:
        error = raised
    finally:
        session.progress.end()
    result = tally.result(rehearsed=False)
    assert result.repair is not None
    done = {
        "changed": result.repair.changed,
        "moved": result.repair.moved,
        "failed": result.repair.failed,
    }
    code = error.exit_code if error else 2 if tally.failed or tally.moved else 0
    try:
        journal.ended(planned.table, digest=planned.digest, counts=done, exit_code=code)
    except UsersyncError as untold:
        error = error or untold
    return result, (*removed, *tally.steps(rehearsed=False)), error


def rehearse(session: Session, planned: Planned) -> Carried:
    """Run the real statements of a plan in one transaction and roll everything back."""
    tally = _Tally(planned)
    if planned.rows:
        with session.backend.rehearsal(session.target.settings.rehearse_timeout_s) as door:
            _correct(replace(session, backend=door), planned, tally, keep=False)
    return tally.result(rehearsed=True), tally.steps(rehearsed=True), None


def _correct(session: Session, planned: Planned, tally: _Tally, *, keep: bool) -> None:
    repairs = session.backend.catalog.repairs
    allowed = session.target.settings.max_failures
    for batch in _batches(planned.rows):
        unit = session.journal.unit(planned.table, digest=planned.digest) if keep else None
        result = repairs.correct(
            planned.job.correction,
            planned.ground,
            batch,
            run_id=session.journal.run_id,
            max_failures=max(allowed - len(tally.failed), 0),
            event=unit,
        )
        tally.add(result)
        session.progress.advance(len(result.done), len(result.failures))
        if len(tally.failed) > allowed:
            raise Stopped(
                f"stopped after {len(tally.failed):,} rows that could not be changed"
                f" (max_failures = {allowed:,})"
            )


def _batches(rows: Sequence[RowChange]) -> Iterator[tuple[RowChange, ...]]:
    remaining = iter(rows)
    while batch := tuple(itertools.islice(remaining, _BATCH_ROWS)):
        yield batch
