"""What every part of one run of a runbook works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from usersync.procedure.calls import Call
from usersync.procedure.memory import Memory
from usersync.procedure.options import RunbookOptions
from usersync.runbook import Action, Loaded
from usersync.runbook.models import Step
from usersync.session import Session


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One run.

    Args:
        session: where it works.
        loaded: the runbook.
        actions: every operation.
        options: what was asked for.
        memory: what is known by now.
    """

    session: Session
    loaded: Loaded
    actions: Mapping[str, Action]
    options: RunbookOptions
    memory: Memory

    def call(self, step: Step) -> Call:
        """What a check or change calls, with its arguments filled in.

        Raises:
            NotKnown: they need a step of which nothing is known.
        """
        arguments = self.memory.filled(dict(step.with_))
        if step.is_own_sql:
            return Call(step, None, self.loaded.sql[step.does], arguments)
        action = self.actions[step.does]
        if step.max_rows is not None:
            arguments |= {"max_rows": self.memory.filled(step.max_rows)}
        return Call(step, action, None, arguments)

    def step(self, step_id: str) -> Step:
        """The step of this id."""
        return next(step for step in self.loaded.runbook.steps if step.id == step_id)

    def command(self, *options: str) -> str:
        """The command that runs this runbook again with the same inputs."""
        words = self.options.words(self.memory.inputs)
        return self.session.command("runbook.run", *words, *options)
