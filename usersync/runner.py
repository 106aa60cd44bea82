"""The loop: opens the target, runs one operation, and turns whatever happens into one Run."""

from __future__ import annotations

import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from usersync import __version__, config, connect, four_eyes, report, run_file, shelf
from usersync.errors import ConnectionFailed, Interrupted, Refused, UsersyncError
from usersync.interruption import terminable
from usersync.journal import Journal
from usersync.model import RUN_SCHEMA, JournalEvent, Outcome, Run, Step, TargetLine
from usersync.request import Request
from usersync.session import Session
from usersync.ways import Way, ways

if TYPE_CHECKING:
    from usersync.backends import Backend

#: How the error of a run begins that nobody foresaw.
BUG = "a bug in usersync"


def run(
    request: Request,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    doors: list[Backend] | None = None,
) -> Run:
    """Run one operation on one target; never raises what was foreseeable.

    Args:
        request: the operation, its inputs and where.
        clock: the time of what is told and journalled.
        doors: gets the doors that are opened, for another thread that may have to cancel them.

    Returns:
        What happened; its exit code is the task's.
    """
    run_id = str(uuid.uuid4())
    started_at = clock()
    opened: list[Backend] = [] if doors is None else doors
    interrupted = threading.Event()
    settings: tuple[Step, ...] = ()
    out: Path | None = None
    try:
        with terminable() as interrupted:
            out = run_file.writable(request.out)
            settings = settings_of(request) if request.show_settings else ()
            outcome = _work(request, run_id, clock, opened)
    except ConnectionFailed as error:
        outcome = _with_runbook(_failed(error), request)
    except UsersyncError as error:
        if isinstance(error, Interrupted):
            interrupted.set()
        outcome = _failed(error)
    except KeyboardInterrupt:
        interrupted.set()
        outcome = _failed(Interrupted("interrupted; what was committed stays, nothing else ran"))
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes an exit code
        outcome = _bug(error)
    finally:
        for door in opened:
            door.close()
    outcome = replace(outcome, steps=(*settings, *outcome.steps))
    finished = _run(request, run_id, started_at, clock(), outcome, opened)
    finished = replace(finished, interrupted=interrupted.is_set())
    if out is not None:
        run_file.write(out, report.as_json(finished, show_ids=request.show_ids))
    return finished


def _work(
    request: Request, run_id: str, clock: Callable[[], datetime], opened: list[Backend]
) -> Outcome:
    if request.refusal is not None:
        raise request.refusal
    # psycopg and what stands on it are loaded only now: listing the tasks stays fast.
    from usersync.operations import OPERATIONS

    operation = OPERATIONS[request.operation]
    if not request.opens_target:
        return operation.function(**request.inputs)
    if operation.needs == "settings":
        target = config.load_unconnected(request.config, request.target, request.env_file)
    else:
        target = _target(request)

    two_people = target.settings.approval.four_eyes and target.is_production
    if two_people and operation.effect != "read":
        four_eyes.check(request.inputs, config.github())
        request = replace(request, ask=None)

    def through(way: Way) -> Outcome:
        door = way.open(operation.effect == "read")
        opened.append(door)
        door.refuse(operation.effect, request.task)
        session = _session(request, run_id, clock, opened, target, door)
        outcome = operation.function(session, **request.inputs)
        return replace(outcome, notes=(*outcome.notes, *door.remarks))

    there = ways(
        target,
        opened=operation.needs == "door",
        say=request.progress.say,
        attended=request.ask is not None,
    )
    if not operation.each_door or len(there) == 1:
        return through(there[0])
    found: list[tuple[str, Outcome]] = []
    for way in there:
        try:
            found.append((way.name, through(way)))
        except UsersyncError as error:
            found.append((way.name, _failed(error)))
    return connect.together(found)


def _session(
    request: Request,
    run_id: str,
    clock: Callable[[], datetime],
    opened: list[Backend],
    target: config.Target,
    door: Backend,
) -> Session:
    circumstances = config.circumstances()
    common = JournalEvent(
        at=clock(),
        run_id=run_id,
        event="started",
        task=request.task,
        target=f"{target.name} {door.identity}",
        actor=circumstances.actor,
        reason=circumstances.reason,
        run_url=circumstances.run_url,
        tool_version=__version__,
        database_user=door.user,
        commit_sha=circumstances.commit_sha,
    )
    journal = Journal(
        door,
        _journal_path(request, target),
        common,
        clock,
        target.settings.journal.retention_days,
        circumstances.approver,
    )

    def ask(question: str, about: Outcome) -> bool:
        shown = _run(request, run_id, clock(), clock(), about, opened)
        assert request.ask is not None
        said_yes = request.ask(report.terminal(shown, show_ids=request.show_ids) + question)
        if said_yes:
            journal.approved()
        return said_yes

    return Session(
        target=target,
        backend=door,
        journal=journal,
        clock=clock,
        ask=None if request.ask is None else ask,
        progress=request.progress,
        narrator=request.narrator,
        program=request.program,
        task_prefix=request.task_prefix,
        common_options=_common_options(request),
    )


def settings_of(request: Request) -> tuple[Step, ...]:
    """Which settings of the environment are there, never what they hold."""
    if request.target == "local":
        return ()
    return tuple(
        Step(name, "ok" if is_set else "unset", "set" if is_set else "not set")
        for name, is_set in config.presence(env_file=request.env_file)
    )


def _journal_path(request: Request, target: config.Target) -> Path:
    """The journal file for targets that have no journal of their own."""
    if target.name == "local":
        return _local_directory(request) / "journal.jsonl"
    return platformdirs.user_state_path("usersync") / "journal.jsonl"


def _local_directory(request: Request) -> Path:
    from usersync import local

    return request.local_directory or local.default_directory()


def _target(request: Request) -> config.Target:
    target = config.load(request.config, request.target, request.env_file)
    if target.db_url is not None or target.api is not None:
        return target
    from usersync import local

    server = local.find(_local_directory(request))
    if server is None:
        start = f"{request.program} {request.task_prefix}local.up"
        raise Refused("the local stack is not running", f"start it: {start}")
    return config.with_url(target, server.url)


def _common_options(request: Request) -> tuple[str, ...]:
    given = (
        ("--target", request.target),
        ("--config", request.config),
        ("--env-file", request.env_file),
    )
    return tuple(part for name, value in given if value for part in (name, value))


def _run(
    request: Request,
    run_id: str,
    started_at: datetime,
    ended_at: datetime,
    outcome: Outcome,
    opened: list[Backend],
) -> Run:
    circumstances = config.circumstances()
    line: TargetLine | None = opened[0].line if opened else None
    return Run(
        schema=RUN_SCHEMA,
        run_id=run_id,
        task=request.task,
        tool_version=__version__,
        started_at=started_at,
        ended_at=ended_at,
        exit_code=outcome.exit_code,
        target=line,
        actor=circumstances.actor,
        reason=circumstances.reason,
        run_url=circumstances.run_url,
        tables=outcome.tables,
        runbook=outcome.runbook,
        steps=outcome.steps,
        history=outcome.history,
        changes=outcome.changes,
        checks=outcome.checks,
        paused=outcome.paused,
        verdicts=outcome.verdicts,
        footprint=outcome.footprint,
        statements=outcome.statements,
        notes=outcome.notes,
        next_steps=outcome.next_steps,
        error=outcome.error,
        digest=outcome.digest,
    )


def _failed(error: UsersyncError) -> Outcome:
    return Outcome(
        error=error.message,
        next_steps=tuple(error.next_step.splitlines()),
        exit_code=error.exit_code,
    )


def _with_runbook(outcome: Outcome, request: Request) -> Outcome:
    """What to do where no door opens stands in a runbook too."""
    name = shelf.healing().get("connection")
    page = (f"the runbook: {request.program} {request.task_prefix}runbook.show {name}",)
    return replace(outcome, next_steps=(*outcome.next_steps, *(page if name else ())))


def _bug(error: Exception) -> Outcome:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if config.circumstances().is_debug:
        traceback.print_exception(error, file=sys.stderr)
    return Outcome(
        # The text of an unforeseen error may hold a user's values: its kind and place must do.
        error=f"{BUG}: {type(error).__name__} in {frame.name}, line {frame.lineno} of"
        f" {Path(frame.filename).name}",
        next_steps=(
            "please report it, with the output of the same command under USERSYNC_DEBUG=1",
        ),
        exit_code=1,
    )


__all__ = ["BUG", "RUN_SCHEMA", "Request", "run", "settings_of"]
