"""The loop: one step after the other, each told as it happens; what failed last decides little,
what failed worst decides the exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from usersync.errors import UsersyncError
from usersync.model import Outcome, RunbookFacts, worst
from usersync.model import Step as Line
from usersync.procedure import approving, calls, changing, checking
from usersync.procedure.approving import Opening
from usersync.procedure.figures import figures
from usersync.procedure.options import Mode
from usersync.procedure.plans import StepPlan
from usersync.procedure.record import Record
from usersync.procedure.surroundings import Surroundings
from usersync.procedure.told import Told, of_error
from usersync.runbook.expressions import NotAnExpression, NotKnown
from usersync.runbook.models import Step

_CHANGES: Mapping[Mode, changing.Change] = {
    "run": changing.done,
    "rehearse": changing.rehearsed,
    "dry-run": changing.planned,
}


class Engine:
    """Carries out one runbook.

    Args:
        run: what it works with.
        facts: which runbook, for what is told.
        record: what is written down.
    """

    def __init__(self, run: Surroundings, facts: RunbookFacts, record: Record) -> None:
        self._run = run
        self._facts = facts
        self._record = record
        self._mode = run.options.mode
        self._lines: list[Line] = []
        self._codes: dict[str, int] = {}
        self._next: list[str] = []
        self._notes: list[str] = []
        self._stopped: Told | None = None
        self._opening: Opening | None = None
        self._undo: list[Step] = []
        self._was_approved = False
        self._would_change = ""
        """The first step that would change something: what stands behind it sees too little."""

    def carry_out(self) -> Outcome:
        """Do every step, and answer everything that is told of it."""
        steps = self._run.loaded.runbook.steps
        error = ""
        try:
            for step in steps:
                self._take(step)
            if self._mode == "run" and not self._stopped:
                self._ask_findings_again()
        except KeyboardInterrupt:
            error = "interrupted; what was committed stays, nothing else ran"
            self._codes["interrupted"] = 1
            cut_off, *rest = steps[len(self._lines) :] or (None,)
            if cut_off is not None:
                self._tell(cut_off, Told("unknown", "interrupted; what it had committed stays"))
            for step in rest:
                assert step is not None
                self._tell(step, Told("not-reached"))
        return self._outcome(error)

    def _take(self, step: Step) -> None:
        if self._stopped is not None:
            self._tell(step, Told("not-reached"))
            return
        started = self._run.session.clock()
        self._run.session.narrator.step_begins(step.id, f"{step.verb} {step.does}")
        told: Told | None = None
        try:
            told = self._do(step)
        except UsersyncError as error:
            told = of_error(error, stops=True, changes=step.verb == "change")
        except NotAnExpression as error:
            told = Told("failed", str(error), exit_code=1, stops=True)
        finally:
            if told is None:
                self._record.step_ended(step.id, Told("unknown", exit_code=1))
        self._run.memory.keep(step.id, told)
        if step.verb != "note":
            self._record.step_ended(step.id, told)
        self._tell(step, told, (self._run.session.clock() - started).total_seconds())
        if told.stops:
            self._stopped = told
            self._take_back(step, told)

    def _do(self, step: Step) -> Told:
        try:
            if step.when is not None and not self._run.memory.value(step.when):
                if step.verb == "gate":
                    self._passed(Opening(Told("skipped"), is_open=False))
                return Told("skipped", f"not needed: {step.when} does not hold")
            return self._by_verb()[step.verb](step)
        except NotKnown as error:
            if step.verb == "gate":
                self._passed(Opening(Told("unknown"), is_open=False))
            return self._unknown(error.step)

    def _by_verb(self) -> Mapping[str, Callable[[Step], Told]]:
        return {
            "check": self._check,
            "change": self._change,
            "gate": self._gate,
            "note": lambda step: Told("ok", str(self._run.memory.filled(step.note))),
        }

    def _check(self, step: Step) -> Told:
        call = self._run.call(step)
        self._record.step_started(step.id)
        told = checking.check(self._run, call)
        if self._would_change and told.status == "finding":
            text = f"{told.detail}; what it is after `{self._would_change}` is not known"
            return Told("unknown", text, told.lines, fields=told.fields)
        return told

    def _gate(self, step: Step) -> Told:
        if self._mode != "run":
            return self._announce(step)
        opening = approving.open_gate(self._run, step)
        self._passed(opening)
        self._record.step_started(step.id, opening.digest if opening.is_open else "")
        approved = self._run.options.approve
        self._was_approved |= bool(approved) and opening.digest == (approved or "").strip()
        if opening.told.exit_code == 4 and opening.digest:
            self._facts = _at_gate(self._facts, step.id, opening.digest)
        return opening.told

    def _passed(self, opening: Opening) -> None:
        """Keep what holds for the changes up to the next gate, and who said so."""
        self._opening = opening
        self._run.session.journal.approved(by_somebody=opening.is_open)

    def _announce(self, step: Step) -> Told:
        """What a gate would ask, and, where nothing would change before it, what would open it."""
        found = approving.look(self._run, step)
        self._opening = Opening(Told("ok"), is_open=True, plans=found)
        question = str(self._run.memory.filled(step.gate))
        if found and all(plan.todo is False for plan in found):
            return Told("skipped", f"nothing is left to do behind it ({question})")
        if self._would_change or self._mode == "rehearse":
            return Told("ok", f"would ask: {question}")
        digest = approving.digest_of(self._run, step, found)
        if not self._facts.gate:
            self._notes.append(f"Digest: {digest}")
        self._facts = _at_gate(self._facts, step.id, digest)
        self._next.append(
            f"to approve exactly this, once: {self._run.command('--approve', digest)}"
        )
        return Told("ok", f"would ask: {question}")

    def _change(self, step: Step) -> Told:
        opening = self._opening
        plan: StepPlan | None = None
        if opening is not None:
            if not opening.is_open:
                return _behind_closed(opening)
            plan = next((one for one in opening.plans if one.step == step.id), None)
        else:
            self._run.session.journal.approved(by_somebody=False)
        call = self._run.call(step)
        self._record.step_started(step.id)
        # In a dry run the plan was made when nothing had changed, as everything is.
        told = _CHANGES[self._mode](self._run, call, plan, opening is not None)
        if told.status == "would-change" and not self._would_change:
            self._would_change = step.id
        if told.status == "changed" and step.undo is not None:
            self._undo.append(step)
        return told

    def _unknown(self, of: str) -> Told:
        status = self._run.memory.status(of)
        if status == "skipped":
            return Told("skipped", f"`{of}` was skipped")
        if self._mode != "run":
            return Told("unknown", f"only `{of}`, done, would tell")
        return Told("unknown", f"it depends on `{of}`, of which nothing is known")

    def _take_back(self, failed: Step, told: Told) -> None:
        """Undo what was done outside of the database, the last first, when a later step failed."""
        if told.exit_code not in (1, 5, 6):
            return
        for step in reversed(self._undo):
            assert step.undo is not None
            if step is failed:
                continue
            action = self._run.actions[step.undo.change]
            try:
                arguments = self._run.memory.filled(dict(step.undo.with_))
                outcome = calls.named(action, self._run.session, arguments, {"yes": True})
                taken = outcome.exit_code in (0, 2) and not outcome.error
                detail = f"by {action.name}" if taken else outcome.error
            except UsersyncError as error:
                taken, detail = False, error.message
            result = Told("undone" if taken else "failed", detail, exit_code=0 if taken else 6)
            self._say(f"undo {step.id}", result)

    def _ask_findings_again(self) -> None:
        """What was found and then healed is no finding any more: ask each failed check again."""
        steps = [
            step
            for step in self._run.loaded.runbook.steps
            if step.verb == "check" and self._codes.get(step.id) == 2
        ]
        if not any(line.status in ("changed", "ok") for line in self._lines):
            return
        for step in steps:
            told = checking.check(self._run, self._run.call(step))
            self._run.memory.keep(step.id, told)
            if told.status == "ok":
                self._codes[step.id] = 0
            self._say(f"{step.id}, again", told, counts=step.id)

    def _tell(self, step: Step, told: Told, duration_s: float = 0.0) -> None:
        self._codes[step.id] = told.exit_code
        self._say(step.id, told, duration_s)

    def _say(self, name: str, told: Told, duration_s: float = 0.0, counts: str = "") -> None:
        self._codes[counts or name] = told.exit_code
        self._next += told.next_steps
        line = Line(
            name,
            told.status,
            told.detail,
            next_step="\n".join(told.lines),
            duration_s=duration_s,
        )
        self._lines.append(line)
        self._run.session.narrator.step_ends(line)

    def _outcome(self, error: str) -> Outcome:
        exit_code = worst(self._codes.values())
        notes = list(self._notes)
        if self._mode != "run":
            notes.append("Nothing was written." if self._mode == "dry-run" else "Rolled back.")
        if self._run.options.approve and not self._was_approved and self._stopped is None:
            notes.append("The digest was not needed: nothing was left to approve at its gate.")
        contact = self._run.session.target.settings.contact
        if contact and (exit_code == 6 or (exit_code and self._facts.severity == "emergency")):
            notes.append(f"Contact: {contact}")
        if self._mode == "run" and exit_code in (1, 5, 6):
            self._next.append(
                "afterwards, what was done finds nothing left to do: "
                + self._run.command("--resume", self._run.session.journal.run_id)
            )
        return Outcome(
            steps=tuple(self._lines),
            runbook=replace(self._facts, figures=figures(self._run, self._codes, exit_code)),
            digest=self._facts.digest,
            notes=tuple(notes),
            next_steps=tuple(dict.fromkeys(self._next)),
            exit_code=exit_code,
            error=error,
        )


def _behind_closed(opening: Opening) -> Told:
    """What becomes of a change whose gate was passed without being opened."""
    if opening.told.status == "unknown":
        return Told("unknown", "whether it is needed is not known, so its gate was not opened")
    return Told("skipped", "its gate did not need to be opened")


def _at_gate(facts: RunbookFacts, gate: str, digest: str) -> RunbookFacts:
    return facts if facts.gate else replace(facts, gate=gate, digest=digest)
