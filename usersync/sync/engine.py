"""Carrying a plan out: workers take batches until nothing is left, and every row is counted."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime

from usersync.backends import Backend, BatchResult, Failure
from usersync.errors import CouldNotTell, Interrupted, Refused, Stopped, TooSlow, UsersyncError
from usersync.model import LIST_LENGTH, FailureGroup, Summary
from usersync.session import Session
from usersync.sync.balance import Balance, strike
from usersync.sync.plan import Planned, SyncOptions
from usersync.sync.work import BatchSize, Listed, Pages, Sweep, Work

#: Sweep the whole heap only for users that are this part of all.
_SWEEP_FROM_SHARE = 5

#: How long an interrupted run waits for the batches under way before it cancels them.
_PATIENCE_S = 3.0


@dataclass
class _Tally:
    """What all workers together have done so far."""

    created: int = 0
    already_there: int = 0
    failed_ids: set[str] = field(default_factory=set)
    failures: dict[tuple[str, str, str], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, result: BatchResult) -> None:
        with self.lock:
            self.created += result.created
            self.already_there += result.already_there
            for failure in result.failures:
                # A sweep meets a row again that moves ahead of it: once is enough.
                if failure.user_id not in self.failed_ids:
                    self.failed_ids.add(failure.user_id)
                    reason = (failure.sqlstate, failure.condition, failure.subject)
                    self.failures[reason].append(failure.user_id)

    @property
    def failed(self) -> int:
        """How many creations failed."""
        return len(self.failed_ids)

    def groups(self) -> tuple[FailureGroup, ...]:
        """The failures by reason, the most frequent first."""
        return tuple(
            FailureGroup(
                sqlstate=sqlstate,
                condition=condition,
                subject=subject,
                count=len(ids),
                user_ids=tuple(ids[:LIST_LENGTH]),
            )
            for (sqlstate, condition, subject), ids in sorted(
                self.failures.items(), key=lambda item: (-len(item[1]), item[0])
            )
        )


class _Crew:
    """Workers with a door each, who share the work, the size of batches and the tally."""

    def __init__(
        self, session: Session, planned: Planned, options: SyncOptions, *, rehearsing: bool
    ) -> None:
        self._session = session
        self._planned = planned
        self._options = options
        self._rehearsing = rehearsing
        self._size = BatchSize(options.batch_size, options.rate)
        self._stop = threading.Event()
        self._started = time.monotonic()
        self.tally = _Tally()
        self.stopped: UsersyncError | None = None

    def run(self, doors: Sequence[Backend], work: Work) -> None:
        """Do all of the work; returns when it is done, or when ``stopped`` says why it is not."""
        with ThreadPoolExecutor(len(doors), thread_name_prefix="usersync") as pool:
            futures: dict[Future[None], Backend] = {}
            try:
                for door in doors:
                    futures[pool.submit(self._work, door, work)] = door
                self._watch(futures)
            except KeyboardInterrupt:
                self.stopped = _interrupted()
            finally:
                self._let_go(futures)

    def _let_go(self, futures: Mapping[Future[None], Backend]) -> None:
        """End what still runs: patiently at first, then by cancelling it."""
        if all(future.done() for future in futures):
            return
        self._stop.set()
        try:
            wait(futures, timeout=_PATIENCE_S)
        finally:
            for future, door in futures.items():
                if not future.done():
                    door.cancel()

    def _watch(self, futures: Collection[Future[None]]) -> None:
        pending = set(futures)
        while pending:
            # Short waits: only the main thread hears Ctrl-C, and not while it is blocked.
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if error is None:
                    continue
                if not isinstance(error, UsersyncError):
                    raise error
                self.stopped = self.stopped or error
                return

    def _work(self, door: Backend, work: Work) -> None:
        while not self._stop.is_set():
            batch = work.claim(self._size.rows)
            if batch is None:
                return
            unit = None
            if not self._rehearsing:
                unit = self._session.journal.unit(
                    self._planned.table.settings.name, digest=self._planned.plan.digest
                )
            began = time.monotonic()
            try:
                result = door.create(
                    self._planned.table,
                    self._planned.selection,
                    batch,
                    max_failures=self._failures_left(),
                    event=unit,
                    numbers=self._planned.numbers,
                )
            except TooSlow:
                if not work.give_back(batch):
                    raise
                self._size.halve()
                continue
            self._size.took(time.monotonic() - began)
            self.tally.add(result)
            if unit is not None and result.found:
                self._session.journal.committed(unit, _counts(result), _ids(result.failures))
            self._session.progress.advance(result.created, len(result.failures))
            self._stop_when_hopeless(result)
            self._keep_rate()

    def _failures_left(self) -> int:
        return max(self._session.target.settings.max_failures - self.tally.failed, 0)

    def _stop_when_hopeless(self, result: BatchResult) -> None:
        allowed = self._session.target.settings.max_failures
        if self.tally.failed > allowed:
            raise Stopped(
                f"stopped after {self.tally.failed:,} failed creations (max_failures = {allowed:,})"
            )
        whole_batch_failed = result.failures and len(result.failures) == result.found
        if (
            whole_batch_failed
            and self.tally.created == 0
            and self.tally.failed == result.found
            and self.tally.failed < self._planned.plan.rows
        ):
            raise Stopped(
                f"stopped: all {result.found:,} creations of the first batch failed, so the cause"
                " is hardly in the rows"
            )

    def _keep_rate(self) -> None:
        if self._options.rate:
            done = self.tally.created + self.tally.failed
            due = self._started + done / self._options.rate
            self._stop.wait(max(due - time.monotonic(), 0))


def execute(
    session: Session, planned: Planned, options: SyncOptions
) -> tuple[Summary, UsersyncError | None]:
    """Create the planned profiles.

    Args:
        session: the run's surroundings.
        planned: the plan, which no guard stops.
        options: workers, rate and batch size.

    Returns:
        What was done, and why it ended early, if it did. What was committed stays.
    """
    table, plan = planned.table, planned.plan
    started = time.monotonic()
    timestamp = session.clock()
    crew = _Crew(session, planned, options, rehearsing=False)
    balance = Balance()
    if plan.rows:
        session.journal.started(
            table.settings.name, digest=plan.digest, counts={"planned": plan.rows}
        )
        balance = _carry_out(session, planned, options, crew)
    error = crew.stopped
    summary = replace(
        _summary(crew, planned, timestamp, started, balance),
        newer=max(balance.newer, plan.newer),
        stopped=error.message if error else "",
    )
    if error is None and balance.remaining:
        error = CouldNotTell(
            f"{balance.remaining:,} planned users have no profile still", session.command("status")
        )
    if plan.rows:
        try:
            _journal_end(session, planned, summary, error)
        except UsersyncError as untold:
            # What was done must be told all the same, and first of all why it ended.
            error = error or untold
    return summary, error


def _carry_out(session: Session, planned: Planned, options: SyncOptions, crew: _Crew) -> Balance:
    """Do the work and look who is left; what ends it early is in ``crew.stopped``, not raised."""
    doors = [session.backend]
    session.progress.begin(planned.plan.rows)
    try:
        while len(doors) < options.workers:
            doors.append(session.backend.another())
        return _all_work(session, planned, crew, doors)
    except KeyboardInterrupt:
        crew.stopped = _interrupted()
    except UsersyncError as error:
        crew.stopped = error
    finally:
        session.progress.end()
        for door in doors[1:]:
            door.close()
    return Balance(crew.tally.already_there)


def rehearse(
    session: Session, planned: Planned, options: SyncOptions
) -> tuple[Summary, UsersyncError | None]:
    """Run the real statements of a plan in one transaction and roll everything back.

    One worker, so that the counts and failures are those of the one-worker run that follows.

    Returns:
        What would have been done, and why it gave up, if it did.
    """
    timeout_s = session.target.settings.rehearse_timeout_s
    started = time.monotonic()
    timestamp = session.clock()
    options = replace(options, rate=None)
    most = session.backend.most_rehearsed
    if most is not None:
        _refuse_many(session, planned, most)
        # What one call has taken back, the next would not meet.
        options = replace(options, batch_size=max(planned.plan.rows, 1))
    crew = _Crew(session, planned, options, rehearsing=True)
    dead_rows, balance = 0, Balance()
    if planned.plan.rows:
        session.progress.begin(planned.plan.rows)
        try:
            with session.backend.rehearsal(timeout_s) as door:
                balance = _all_work(session, planned, crew, [door])
                if crew.stopped is None:
                    dead_rows = door.rehearsed_rows()
        finally:
            session.progress.end()
    summary = replace(
        _summary(crew, planned, timestamp, started, balance),
        rehearsed=True,
        dead_rows=dead_rows,
        fired_triggers=tuple(trigger.name for trigger in planned.plan.triggers),
    )
    error = crew.stopped
    if isinstance(error, CouldNotTell) and time.monotonic() - started >= timeout_s:
        error = CouldNotTell(
            f"the rehearsal took longer than {timeout_s:g} s (rehearse_timeout_s) and was rolled"
            " back; nothing remains but dead rows for the next vacuum",
            f"rehearse a part: {session.command('sync', '--rehearse', '--limit', '10000')}\n"
            f"or read the plan: {session.command('sync', '--dry-run')}\n"
            "or raise rehearse_timeout_s in usersync.yaml; until it ends, a rehearsal blocks"
            " deletions of the users it touches",
        )
    return replace(summary, stopped=error.message if error else ""), error


def _refuse_many(session: Session, planned: Planned, most: int) -> None:
    """Refuse a rehearsal that would need several calls."""
    if planned.plan.rows > most:
        raise Refused(
            f"a rehearsal over the API is one call, of at most {most:,} profiles;"
            f" {planned.plan.rows:,} are planned",
            f"rehearse a part: {session.command('sync', '--rehearse', '--limit', str(most))}\n"
            "or over a database connection: set SUPABASE_DB_URL\n"
            f"or read the plan: {session.command('sync', '--dry-run')}",
        )


def _all_work(session: Session, planned: Planned, crew: _Crew, doors: Sequence[Backend]) -> Balance:
    """Take the planned users by name. Where they are too many to be named, sweep when most are
    missing; then, or else, page through who is left.
    """
    plan, table, tally = planned.plan, planned.table, crew.tally

    def look() -> Balance:
        if crew.stopped is not None:
            return Balance(tally.already_there)
        return strike(
            session.backend,
            planned,
            created=tally.created,
            already_there=tally.already_there,
            failed_ids=tally.failed_ids,
        )

    if planned.counts.user_ids is not None:
        crew.run(doors, Listed(planned.counts.user_ids))
        return look()
    # Numbers go by name.
    sweeps = planned.selection.last is None and planned.numbers is None
    if sweeps and plan.rows * _SWEEP_FROM_SHARE >= plan.total:
        crew.run(doors, Sweep(table, plan))
        # Asked, not summed up: somebody who joined the users beside the plan may stand in the
        # numbers for one whose row moved to where the sweep had been.
        swept = look()
        if crew.stopped is not None or not swept.remaining:
            return swept
    skip_ids = frozenset(tally.failed_ids)
    crew.run(doors, Pages(session.backend, table, planned.selection, skip_ids=skip_ids))
    return look()


def _summary(
    crew: _Crew, planned: Planned, timestamp: datetime, started: float, balance: Balance
) -> Summary:
    plan, tally = planned.plan, crew.tally
    return Summary(
        timestamp=timestamp,
        total=plan.total,
        existing=plan.existing,
        created=tally.created,
        failed=tally.failed,
        already_there=balance.already_there,
        gone=balance.gone,
        execution_time_s=time.monotonic() - started,
        failures=tally.groups(),
    )


def _journal_end(
    session: Session, planned: Planned, summary: Summary, error: UsersyncError | None
) -> None:
    exit_code = error.exit_code if error else 2 if summary.failed else 0
    counts = {
        "created": summary.created,
        "failed": summary.failed,
        "already_there": summary.already_there,
        "gone": summary.gone,
    }
    session.journal.ended(
        planned.table.settings.name,
        digest=planned.plan.digest,
        counts=counts,
        exit_code=exit_code,
    )


def _interrupted() -> Interrupted:
    return Interrupted("interrupted; what was committed stays")


def _counts(result: BatchResult) -> dict[str, int]:
    return {"created": result.created, "failed": len(result.failures)}


def _ids(failures: Sequence[Failure]) -> tuple[str, ...]:
    return tuple(failure.user_id for failure in failures)
