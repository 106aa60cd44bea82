"""What a run knows by now: the inputs, and what each step that was done told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usersync.procedure.told import Told
from usersync.runbook.expressions import NotKnown, Scope, fill, parse


class Memory:
    """Everything that the expressions of later steps can see.

    Args:
        inputs: the values of the inputs.
    """

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self.inputs = inputs
        self._told: dict[str, Told] = {}

    def keep(self, step: str, told: Told) -> None:
        """Remember what a step came to."""
        self._told[step] = told

    def status(self, step: str) -> str:
        """What a step came to; empty for one that was not done yet."""
        return self._told[step].status if step in self._told else ""

    def fields(self, step: str) -> Mapping[str, Any] | None:
        """What expressions may read of a step; None when nothing is known of it."""
        told = self._told.get(step)
        return told.fields if told else None

    def value(self, text: str, own: Mapping[str, Any] | None = None) -> Any:
        """What an expression is now.

        Args:
            text: the expression.
            own: the fields of the step that it belongs to.

        Raises:
            NotKnown: it names a step of which nothing is known.
        """
        return parse(text).value(self._scope(own))

    def filled(self, value: Any) -> Any:
        """A value of the file with its expressions filled in.

        Raises:
            NotKnown: one of them names a step of which nothing is known.
        """
        return fill(value, self._scope(None))

    def _scope(self, own: Mapping[str, Any] | None) -> Scope:
        def read(step: str, field: str) -> Any:
            fields = own if not step else self.fields(step)
            if fields is None or field not in fields:
                raise NotKnown(step)
            return fields[field]

        return Scope(self.inputs, read)
