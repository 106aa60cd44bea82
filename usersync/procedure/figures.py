"""What a run of a runbook came to in numbers."""

from __future__ import annotations

from collections.abc import Mapping

from usersync.model import Figures
from usersync.procedure.surroundings import Surroundings
from usersync.runbook.models import Step


def figures(run: Surroundings, codes: Mapping[str, int], exit_code: int) -> Figures:
    """The numbers of the steps, each as it was last told.

    Args:
        run: the run.
        codes: the exit code of each step, in their order.
        exit_code: that of the run.
    """
    missing: int | None = None
    total = created = failed = findings = 0
    for step in run.loaded.runbook.steps:
        told = run.memory.fields(step.id)
        tells = _tells(run, step)
        if told is None:
            continue
        if "missing" in tells:
            missing = told["missing"]
            total = told["total"]
        if "created" in tells:
            created += told["created"]
            failed += told["failed"]
        if "findings" in tells and run.memory.status(step.id) == "finding":
            findings += told["findings"]
    decided = next((name for name, code in codes.items() if code and code == exit_code), "")
    return Figures(missing, total, created, failed, findings, decided)


def _tells(run: Surroundings, step: Step) -> tuple[str, ...]:
    if step.is_own_sql:
        return ("findings",) if step.verb == "check" else ()
    action = run.actions.get(step.does)
    return action.operation.tells if action else ()
