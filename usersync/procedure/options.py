"""What a person may say about one run of a runbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["run", "dry-run", "rehearse"]


@dataclass(frozen=True, slots=True)
class RunbookOptions:
    """How to carry out which runbook.

    ``inputs`` are as they were typed; ``approve`` opens one gate, once; ``resume`` is a run's id
    or the file that its ``--out`` wrote; ``yes_to`` answers the questions of these gates
    beforehand; ``wait_s`` is how long to wait for another run.
    """

    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "run"
    approve: str | None = None
    resume: str | None = None
    yes_to: tuple[str, ...] = ()
    wait_s: float = 0.0

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The name and the inputs as they are typed.

        Args:
            values: the inputs as they were read.
        """
        said = [f"{name}={values.get(name, given)}" for name, given in self.inputs.items()]
        return (self.name, *(word for one in said for word in ("--input", one)))
