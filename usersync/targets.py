"""Several targets: one operation on each of them, one report, one exit code."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from usersync import __version__, config, report, run_file, runner
from usersync.errors import Interrupted, Refused, Stopped, UsersyncError
from usersync.interruption import terminable
from usersync.model import EXIT_CODES_WORST_FIRST, RUN_SCHEMA, Run, TargetLine, worst
from usersync.runner import Request

if TYPE_CHECKING:
    from usersync.backends import Backend

Clock = Callable[[], datetime]

#: How long an interrupted read waits for what it cancelled.
_PATIENCE_S = 3.0

#: Reads that start a server of their own: side by side they would fill this machine.
_HEAVY = {"migration.prove"}

#: What cannot be for several, and why.
_FOR_ONE = {
    "health.serve": "it listens on one port",
    "migration.export": "its files belong to one project",
}

_VERDICTS = {
    1: "could not tell",
    3: "refused",
    4: "stopped",
    5: "undone",
    6: "half done",
    7: "locked",
}


def run(request: Request, *, clock: Clock = lambda: datetime.now(UTC)) -> Run:
    """Run one operation on the target, or on each of several; never raises what was foreseeable.

    Reads go side by side, and every target answers for itself. Writes go one after the other, in
    the order in which they were named, and nothing is written before the configuration of each is
    known to be right. That one of them cannot be reached, refuses, stops at a guard, is locked or
    drifts says nothing about the next, so it goes on, as Ansible does with its other hosts. It ends
    after a step that failed half-way (exit codes 5 and 6), after a bug and after Ctrl-C: what broke
    there is not understood, and may break the next as well. Who was not reached is told.

    Args:
        request: the operation, its inputs and where.
        clock: the time of what is told and journalled.

    Returns:
        What happened; with several targets, or ``all``, one run in ``targets`` for each.
    """
    asked = tuple(dict.fromkeys(request.targets))
    if request.refusal is not None or (len(asked) < 2 and config.ALL not in asked):
        target = asked[0] if asked else request.target
        return runner.run(replace(request, target=target), clock=clock)
    started_at = clock()
    try:
        reads = _effect(request.operation) == "read"
        names = _names(request, asked, reads=reads)
        out = run_file.writable(request.out)
    except UsersyncError as error:
        return runner.run(replace(request, refusal=error), clock=clock)
    each = [
        replace(request, target=name, targets=(), out=None, show_settings=False) for name in names
    ]
    with terminable() as interrupted:
        beside = reads and request.operation not in _HEAVY
        runs = _side_by_side(each, clock) if beside else _in_turn(each, clock)
    runs = [_named(one, name) for one, name in zip(runs, names, strict=True)]
    circumstances = config.circumstances()
    finished = Run(
        schema=RUN_SCHEMA,
        run_id=str(uuid.uuid4()),
        task=request.task,
        tool_version=__version__,
        started_at=started_at,
        ended_at=clock(),
        exit_code=worst(one.exit_code for one in runs),
        actor=circumstances.actor,
        reason=circumstances.reason,
        run_url=circumstances.run_url,
        steps=runner.settings_of(request) if request.show_settings else (),
        notes=(_in_one_line(runs),),
        interrupted=interrupted.is_set() or any(one.interrupted for one in runs),
        targets=tuple(runs),
    )
    if out is not None:
        run_file.write(out, report.as_json(finished, show_ids=request.show_ids))
    return finished


def _effect(operation: str) -> str:
    from usersync.operations import OPERATIONS

    return OPERATIONS[operation].effect


def _names(request: Request, asked: tuple[str, ...], *, reads: bool) -> tuple[str, ...]:
    """The targets that are meant, once it is sure that the request can be for several."""
    names = config.target_names(asked, request.config, request.env_file)
    each = " ".join(f"--target {name}" for name in names)
    if not reads and config.ALL in asked:
        raise Refused(
            f"--target {config.ALL} is for what only reads, and {request.task} can write",
            f"name the targets that are meant: {each}",
        )
    if getattr(request.inputs.get("options"), "approve", None):
        raise Refused(
            "--approve is for one target: a digest stands for the plan of one",
            f"run it once for each, with the digest of its own dry run: --target {names[0]}",
        )
    reasons = {"ids_to": "--ids-to writes the ids of one", "statements": "--sql prints that of one"}
    for name, reason in reasons.items():
        if request.inputs.get(name):
            raise Refused(
                f"several targets, and {reason}", f"run it once for each: --target {names[0]}"
            )
    if request.operation in _FOR_ONE:
        raise Refused(
            f"{request.task} is for one target: {_FOR_ONE[request.operation]}",
            f"run it once for each: --target {names[0]}",
        )
    if not reads:
        for name in names:
            config.load(request.config, name, request.env_file)
    return names


def _side_by_side(requests: Sequence[Request], clock: Clock) -> list[Run]:
    """Run all at once, each in a thread and through a door of its own."""
    doors: list[list[Backend]] = [[] for _ in requests]
    futures = [_started(one, clock, opened) for one, opened in zip(requests, doors, strict=True)]
    try:
        wait(futures)
    except KeyboardInterrupt:
        late = [number for number, future in enumerate(futures) if not future.done()]
        for number in late:
            for door in doors[number]:
                door.cancel()
        # They write nothing: whoever does not hear of it in time is left behind.
        wait(futures, timeout=_PATIENCE_S)
        error = Interrupted("interrupted before it had an answer")
        cut_off = {
            number: replace(
                runner.run(replace(requests[number], refusal=error), clock=clock),
                target=doors[number][0].line if doors[number] else None,
            )
            for number in late
        }
        return [cut_off.get(n) or future.result() for n, future in enumerate(futures)]
    return [future.result() for future in futures]


def _started(request: Request, clock: Clock, doors: list[Backend]) -> Future[Run]:
    future: Future[Run] = Future()

    def work() -> None:
        try:
            future.set_result(runner.run(request, clock=clock, doors=doors))
        except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
            future.set_exception(error)

    # A thread of this kind keeps no interrupted program from ending.
    threading.Thread(target=work, name=f"usersync {request.target}", daemon=True).start()
    return future


def _in_turn(requests: Sequence[Request], clock: Clock) -> list[Run]:
    """Run one after the other, until one of them says that the next must not."""
    runs: list[Run] = []
    end: UsersyncError | None = None
    for one in requests:
        try:
            done = runner.run(one if end is None else replace(one, refusal=end), clock=clock)
        except KeyboardInterrupt:
            end = Interrupted("interrupted; what was committed stays, nothing else ran")
            done = runner.run(replace(one, refusal=end), clock=clock)
        runs.append(done)
        end = end or _end(done, str(one.target))
    return runs


def _end(done: Run, name: str) -> UsersyncError | None:
    """Why the targets after this one are left alone."""
    if done.interrupted:
        return Interrupted(f"not reached: interrupted at {name}; nothing was done here")
    if done.exit_code in (5, 6) or done.error.startswith(runner.BUG):
        return Stopped(
            f"not reached: {name} ended with exit code {done.exit_code}; nothing was done here",
            f"see to {name} first",
        )
    return None


def _named(run: Run, name: str) -> Run:
    """A run that says which target it is about, also when that was never opened."""
    return run if run.target else replace(run, target=TargetLine(name, "", "", "not opened"))


def _in_one_line(runs: Sequence[Run]) -> str:
    """``3 targets: 2 in sync, 1 with drift (staging)``, the best first."""
    kinds: dict[str, list[Run]] = {}
    for one in sorted(runs, key=lambda one: -EXIT_CODES_WORST_FIRST.index(one.exit_code)):
        kinds.setdefault(_verdict(one), []).append(one)
    parts = []
    for kind, those in kinds.items():
        names = ", ".join(one.target.name for one in those if one.target and one.exit_code)
        parts.append(f"{len(those)} {kind}{f' ({names})' if names else ''}")
    return f"{len(runs)} target{'s' if len(runs) > 1 else ''}: {', '.join(parts)}"


def _verdict(run: Run) -> str:
    tables = [table for table in run.tables if table.status or table.plan or table.summary]
    if run.exit_code == 0:
        return "in sync" if tables else "fine"
    if run.exit_code == 2:
        missing = any(
            (table.status and table.status.missing) or (table.plan and table.plan.rows)
            for table in tables
        )
        return "with drift" if missing else "with findings"
    return _VERDICTS[run.exit_code]
