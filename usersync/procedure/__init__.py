"""A runbook being carried out: its steps call the same operations as the tasks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usersync.errors import Refused
from usersync.model import Outcome, RunbookFacts
from usersync.procedure import gates
from usersync.procedure.engine import Engine
from usersync.procedure.memory import Memory
from usersync.procedure.options import Mode, RunbookOptions
from usersync.procedure.record import Record, earlier_run, inputs_hash, masked_line
from usersync.procedure.surroundings import Surroundings
from usersync.runbook import Action, Loaded, inputs
from usersync.session import Session

__all__ = ["Mode", "RunbookOptions", "carry_out"]

#: How far back in the journal a run is looked for.
_HISTORY = 5_000


def carry_out(
    session: Session, loaded: Loaded, actions: Mapping[str, Action], options: RunbookOptions
) -> Outcome:
    """Carry out a runbook.

    Args:
        session: where it works.
        loaded: the runbook.
        actions: every operation.
        options: what was asked for.

    Raises:
        Refused: inputs, digest or run that do not fit; nothing was done.
        Busy: another run holds the lock of the target.
    """
    runbook = loaded.runbook
    values = inputs.read(runbook.inputs, options.inputs)
    gate_ids = [step.id for step in runbook.steps if step.verb == "gate"]
    if options.approve:
        gates.gate_of(options.approve, gate_ids)
    for name in options.yes_to:
        if name not in gate_ids:
            raise Refused(f"--yes-to: there is no gate {name}", f"there are: {', '.join(gate_ids)}")
    masked = inputs.masked(runbook.inputs, values)
    facts = RunbookFacts(
        name=loaded.id,
        title=runbook.title,
        severity=runbook.severity,
        mode=options.mode,
        hash=loaded.digest,
        inputs=masked,
        inputs_hash=inputs_hash(values),
        resumes=options.resume or "",
    )
    if options.resume:
        _refuse_other(session, facts, options.resume)
    may_change = options.mode == "run" and any(step.verb == "change" for step in runbook.steps)
    record = Record(session.journal, writes=may_change)
    run = Surroundings(session, loaded, actions, options, Memory(values))
    task = f"runbook.{loaded.id}"
    turn = session.backend.exclusively(task, options.wait_s, for_all=True)
    with turn if may_change else contextlib.nullcontext():
        session.narrator.begins(session.backend.line, facts)
        record.run_started(loaded.digest, masked_line(masked, values), len(runbook.steps))
        exit_code = 1
        try:
            outcome = Engine(run, facts, record).carry_out()
            exit_code = outcome.exit_code
        finally:
            record.run_ended(exit_code)
    return outcome


def _refuse_other(session: Session, now: RunbookFacts, resume: str) -> None:
    """Refuse to go on with a run of another runbook, of another text, or with other inputs.

    Raises:
        Refused: it is another.
    """
    path = Path(resume)
    if path.suffix == ".json" or path.is_file():
        earlier = _from_file(path, now.name)
    else:
        history = session.journal.history(_HISTORY)
        earlier = earlier_run(history, resume, f"runbook.{now.name}")
    if earlier[0] != now.hash:
        raise Refused(
            f"the runbook has changed since run {resume}: its steps may be others",
            "read it, and start it anew without --resume",
        )
    if earlier[1] != now.inputs_hash:
        raise Refused(
            f"run {resume} had other inputs", "give the same ones, or start anew without --resume"
        )


def _from_file(path: Path, name: str) -> tuple[str, str]:
    try:
        run: Any = json.loads(path.read_text(encoding="utf-8"))
        facts = run["runbook"]
        earlier = str(facts["hash"]), str(facts["inputs_hash"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(
            f"--resume: {path} is no file that --out of a runbook wrote",
            "give that file, or the run's id from `status --history 50`",
        ) from None
    if facts["name"] != name:
        raise Refused(f"{path} is of the runbook {facts['name']}, not of {name}")
    return earlier
