"""Drills: a runbook proved on an embedded Postgres: broken, found, healed, and found in order."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from usersync import local, runner
from usersync.errors import StepFailed, UsersyncError
from usersync.interruption import terminable
from usersync.migration import ApplyOptions
from usersync.model import Run, worst
from usersync.operations import runbooks
from usersync.procedure import RunbookOptions
from usersync.runbook import Loaded, drill_log
from usersync.runbook.models import Drill

USERS = 20

#: So many gates may open one after the other before a drill is no drill any more.
_MOST_RUNS = 12


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill showed.

    Args:
        loaded: the runbook.
        duration_s: from the fault to the run that finds nothing.
        runs: what was run, in its order.
    """

    loaded: Loaded
    duration_s: float
    runs: tuple[Run, ...] = field(default=())


def drill_all(
    names: Sequence[str],
    *,
    record: bool,
    own_trigger: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Drill runbooks one after the other; the exit code is 0 when all of them healed.

    Args:
        names: of the runbooks; of several, those that have no drill of this kind are left out.
        record: note for their pages when it was and how long it took.
        own_trigger: on an app that has a trigger of its own.
        say: where the lines go.
    """
    exit_code = 0
    with terminable():
        for name in names:
            try:
                if own_trigger and len(names) > 1 and not _is_for_own_trigger(name):
                    say(f"{name}: left out, `own_trigger: false` stands in its drill")
                    continue
                drilled = drill(name, say, own_trigger=own_trigger)
            except UsersyncError as error:
                say(f"{name}: FAILED\n{error.message}\n{error.next_step}".rstrip())
                exit_code = worst([exit_code, error.exit_code])
                continue
            if record:
                drill_log.add(drilled.loaded, datetime.now(UTC).date(), drilled.duration_s)
    return exit_code


def drill(name: str, say: Callable[[str], None] = print, *, own_trigger: bool = False) -> Drilled:
    """Break a database of no account, and let the runbook heal it.

    Args:
        name: of the runbook.
        say: where the lines go.
        own_trigger: the app has a trigger of its own, which its team puts back when it is asked.

    Raises:
        StepFailed: the doctor does not name the runbook, it does not heal, or does not end.
    """
    loaded = runbooks.load(name)
    wanted = loaded.runbook.drill
    if wanted is None:
        raise StepFailed(f"{name} has no drill", "add `drill:` with a `fault:` to it")
    with local.temporary() as server:
        return _Drill(server, loaded, wanted, say, own_trigger=own_trigger).carry_out()


def _is_for_own_trigger(name: str) -> bool:
    wanted = runbooks.load(name).runbook.drill
    return wanted is None or wanted.own_trigger


class _Drill:
    """One drill on one server."""

    def __init__(
        self,
        server: local.LocalServer,
        loaded: Loaded,
        wanted: Drill,
        say: Callable[[str], None],
        *,
        own_trigger: bool,
    ) -> None:
        self._server = server
        self._loaded = loaded
        self._wanted = wanted
        self._say = say
        self._runs: list[Run] = []
        self._own_trigger = own_trigger
        self._person: Callable[[], None] | None = None
        if wanted.person:
            self._person = self._follows
        elif own_trigger:
            self._person = self._put_back

    def carry_out(self) -> Drilled:
        local.seed(self._server.url, users=USERS, missing=0)
        if self._own_trigger:
            self._put_back()
        if self._wanted.installed:
            self._expect(self._run("migration.apply", options=ApplyOptions(yes=True)), 0)
        started = time.monotonic()
        with self._fault():
            self._found()
            self._healed()
        self._in_order()
        took_s = time.monotonic() - started
        self._say(f"{self._loaded.id}: broken, found, healed and in order in {took_s:.1f} s")
        return Drilled(self._loaded, took_s, tuple(self._runs))

    @contextlib.contextmanager
    def _fault(self) -> Iterator[None]:
        script = self._loaded.sql[self._wanted.fault].text
        url = self._server.url_of(self._wanted.role)
        if not self._wanted.hold:
            local.run_statement(url, script)
            yield
            return
        with local.held_open(url, script):
            # Shorter transactions hold nobody up.
            time.sleep(1.5)
            yield

    def _found(self) -> None:
        """The doctor names the runbook, if it heals what a doctor can see."""
        if not self._loaded.runbook.heals:
            return
        run = self._run("doctor")
        if run.exit_code == 0 or not self._names_it(run):
            raise StepFailed(
                f"the doctor does not name {self._loaded.id}; it says: {_told(run)}",
                "make `heals:` name the check that finds the fault",
            )

    def _healed(self) -> None:
        """The runbook runs, gate by gate, a person doing what it asks of one."""
        approve: str | None = None
        for _ in range(_MOST_RUNS):
            run = self._runbook(approve)
            approve = run.runbook.digest if run.runbook else None
            if not approve and run.exit_code in (0, 2) and self._person is None:
                return
            if self._person is not None and (run.exit_code in (0, 1, 2) or len(self._runs) > 2):
                self._person()
                # What was approved before is another plan now.
                self._person, approve = None, None
            elif not approve:
                raise StepFailed(f"{self._loaded.id} ended with {run.exit_code}: {_told(run)}")
        raise StepFailed(f"{self._loaded.id} does not end: {_told(self._runs[-1])}")

    def _follows(self) -> None:
        """A person does what the runbook asks."""
        assert self._wanted.person
        script = self._loaded.sql[self._wanted.person].text
        local.run_statement(self._server.url_of("supabase_admin"), script)

    def _put_back(self) -> None:
        """The app's team runs the migration that makes its trigger."""
        local.run_script(self._server.url, "app_trigger")

    def _in_order(self) -> None:
        """A second run finds nothing to do, and the doctor does not name the runbook any more."""
        run = self._runbook(None)
        changed = [step.name for step in run.steps if step.status in ("changed", "would-change")]
        if run.exit_code or changed:
            raise StepFailed(f"a second run of {self._loaded.id} is not in order: {_told(run)}")
        after = self._run("doctor")
        if self._loaded.runbook.heals and self._names_it(after):
            raise StepFailed(f"the doctor still names {self._loaded.id}: {_told(after)}")

    def _names_it(self, run: Run) -> bool:
        named = re.compile(rf"runbook\.(show )?{re.escape(self._loaded.id)}\b")
        return any(named.search(line) for line in run.next_steps)

    def _runbook(self, approve: str | None) -> Run:
        options = RunbookOptions(self._loaded.id, self._wanted.inputs, approve=approve)
        return self._run("runbook.run", task=f"runbook.{self._loaded.id}", options=options)

    def _run(self, operation: str, task: str = "", **inputs: Any) -> Run:
        run = runner.run(
            runner.Request(
                task=task or operation,
                operation=operation,
                inputs=inputs,
                target="local",
                local_directory=self._server.directory,
            )
        )
        self._runs.append(run)
        return run

    def _expect(self, run: Run, exit_code: int) -> None:
        if run.exit_code != exit_code:
            raise StepFailed(f"{run.task} ended with {run.exit_code}: {_told(run)}")


def _told(run: Run) -> str:
    """A run in a few lines, for the drill that went wrong."""
    lines = [run.error] if run.error else []
    lines += [f"{step.status} {step.name}: {step.detail} {step.next_step}" for step in run.steps]
    lines += [f"{check.check}: {check.count}" for check in run.checks if check.count]
    return "\n".join([*lines, *run.next_steps])
