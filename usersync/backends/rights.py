"""The rights that ``rights.grant`` gave on profile tables: by the journal, and by the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usersync.model import JournalEvent

#: What a line counts that tells of rights: how many, and each of them by its words.
GRANTED = "granted"

#: What it counts besides: the number of the table, and where that number holds.
TABLE = "table_oid"
PLACE = ("database_oid", "cluster")

#: What a line of ``uninstall`` counts that took them back; so is it called in its plan.
RIGHTS = "rights.grant"


@dataclass(frozen=True, slots=True)
class Right:
    """One right that is there as ``rights.grant`` gave one; names as SQL has them."""

    table: str
    privilege: str
    grantee: str
    grantor: str
    certain: bool
    """Whether it is the one that was given: on the same table, and just so."""
    revocable: bool
    """Whether this role can take it back."""
    lost: bool
    """Whether its role has it from nobody else."""

    def __str__(self) -> str:
        return f"{self.privilege} on table {self.table} to {self.grantee}"


def counted(given: Sequence[str], table_oid: int, place: Mapping[str, int]) -> dict[str, int]:
    """What a line of the journal counts.

    Args:
        given: the words of each right that was lacking.
        table_oid: the number of the table.
        place: where that number holds.
    """
    if not given:
        return {GRANTED: 0}
    return {GRANTED: len(given)} | dict.fromkeys(given, 1) | {TABLE: table_oid, **place}


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


def told(lines: Iterable[JournalEvent], place: Mapping[str, int]) -> list[dict[str, Any]]:
    """Each right that lines of the journal tell, with its table, and whether that can be here.

    Args:
        lines: of any journals of the target.
        place: which database this is.
    """
    return [
        {
            "profile_table": line.table,
            "words": words,
            "table_oid": line.counts[TABLE],
            "is_here": all(line.counts.get(name) == place.get(name) for name in PLACE),
        }
        for line in lines
        if TABLE in line.counts
        for words in _words(line)
    ]


def untold(lines: Iterable[JournalEvent]) -> tuple[str, ...]:
    """The tables on which rights were given without a word of which, or of which table it was."""
    return tuple(dict.fromkeys(line.table for line in lines if not _is_whole(line)))


def uncertain(found: Iterable[Right]) -> tuple[str, ...]:
    """The rights of which nobody can tell whether they are what was given.

    Args:
        found: every right that is there as one was given.
    """
    rights = list(found)
    known = {str(one) for one in rights if one.certain}
    return tuple(dict.fromkeys(str(one) for one in rights if str(one) not in known))


def _words(line: JournalEvent) -> list[str]:
    return [name for name in line.counts if name not in {GRANTED, TABLE, *PLACE}]


def _is_whole(line: JournalEvent) -> bool:
    given = line.counts.get(GRANTED)
    return given == len(_words(line)) and (TABLE in line.counts or not given)


def _is_older(line: JournalEvent) -> bool:
    """Whether an earlier usersync wrote it, which told of no rights but only that it gave some."""
    return line.counts == {"rows": 0} and (line.task == RIGHTS or line.task.startswith("runbook."))
