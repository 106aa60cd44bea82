"""The rights that ``rights.grant`` gave on profile tables: by the journal, and by the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from usersync.model import JournalEvent

#: What a line counts that tells of rights: how many, and each of them by its words.
GRANTED = "granted"

#: What a line of ``uninstall`` counts that took them back; so is it called in its plan.
RIGHTS = "rights.grant"


@dataclass(frozen=True, slots=True)
class Right:
    """One right that is there just as ``rights.grant`` gave it; names as SQL has them."""

    table: str
    privilege: str
    grantee: str
    grantor: str
    revocable: bool
    """Whether this role can take it back."""
    lost: bool
    """Whether its role has it from nobody else."""

    def __str__(self) -> str:
        return f"{self.privilege} on table {self.table} to {self.grantee}"


def counted(given: Sequence[str]) -> dict[str, int]:
    """What a line of the journal counts.

    Args:
        given: the words of each right that was lacking.
    """
    return {GRANTED: len(given)} | dict.fromkeys(given, 1)


def since_taken_back(lines: Iterable[JournalEvent]) -> tuple[JournalEvent, ...]:
    """The lines that tell of rights which nobody has taken back, nor left to the app, since.

    Args:
        lines: of any journals of the target.
    """
    found: list[JournalEvent] = []
    for line in sorted(lines, key=lambda one: one.at):
        left = line.task == "uninstall" and line.event == "ended" and line.exit_code == 0
        if left or (line.event == "unit" and RIGHTS in line.counts):
            found.clear()
        elif line.event == "unit" and (GRANTED in line.counts or _is_older(line)):
            found.append(line)
    return tuple(found)


def told(lines: Iterable[JournalEvent]) -> list[tuple[str, str]]:
    """Each table with the words of a right, as lines of the journal tell it."""
    return [(line.table, words) for line in lines for words in _words(line)]


def untold(lines: Iterable[JournalEvent]) -> tuple[str, ...]:
    """The tables on which rights were given without a word of which."""
    return tuple(
        dict.fromkeys(line.table for line in lines if line.counts.get(GRANTED) != len(_words(line)))
    )


def _words(line: JournalEvent) -> list[str]:
    return [name for name in line.counts if name != GRANTED]


def _is_older(line: JournalEvent) -> bool:
    """Whether an earlier usersync wrote it, which told of no rights but only that it gave some."""
    return line.counts == {"rows": 0} and (line.task == RIGHTS or line.task.startswith("runbook."))
