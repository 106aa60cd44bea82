"""What usersync has left in a target, by the catalog's word, and what the ledger knows of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usersync.backends import rights
from usersync.backends.rights import RIGHTS, Right
from usersync.backends.survey import LedgerEntry
from usersync.model import JournalEvent, Trace

#: They go with what they belong to, whoever made them.
PARTS = frozenset({"grant", "index"})

_LEDGER = ("table", "ledger")


@dataclass(frozen=True, slots=True)
class Footprint:
    """Everything of ours in one snapshot of a catalog."""

    traces: tuple[Trace, ...]
    standing: tuple[str, ...] = ()
    """What of others depends on something of ours, so that it would go too, or be in the way."""
    naming: tuple[str, ...] = ()
    """Functions, settings, jobs of others that name ours: Postgres does not track that."""
    knows_ledger: bool = True
    """Whether this role may read the ledger that is there."""
    granted: tuple[Right, ...] = ()
    """What ``rights.grant`` gave on profile tables, and is there just so."""
    lines: tuple[JournalEvent, ...] = ()
    """What the journal told of it: enough to look again once the journal is gone."""
    uncertain: tuple[str, ...] = ()
    """Rights like those that it gave, which stand on another table or not just so."""

    @property
    def untold(self) -> tuple[str, ...]:
        """The profile tables on which it gave rights before the journal told enough of them."""
        return rights.untold(self.lines)

    @property
    def strangers(self) -> tuple[str, ...]:
        """What stands in our place or bears our name, and is in no ledger entry."""
        if not self.knows_ledger:
            return ()
        return tuple(
            f"{one.kind} {one.name}"
            for one in self.traces
            if not one.change and one.kind not in PARTS
        )


def footprint(
    rows: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
    ledger: Sequence[LedgerEntry],
    granted: Sequence[Right] = (),
    lines: Sequence[JournalEvent] = (),
    cron_jobs: Sequence[str] = (),
    made_tables: Sequence[Trace] = (),
) -> Footprint:
    """What the rows of ``queries/footprint.sql`` say.

    Args:
        rows: those of the query.
        counts: how many rows the tables hold that we may read, by name.
        ledger: what was installed.
        granted: what ``rights.grant`` gave and is there still, for certain or not.
        lines: what the journal told of it.
        cron_jobs: the jobs of pg_cron that name usersync.
        made_tables: the profile tables that usersync made for the app, with what belongs to them.
    """

    def of(stance: str) -> list[Mapping[str, Any]]:
        return [row for row in rows if row["stance"] == stance]

    return Footprint(
        (
            *(
                Trace(
                    kind=row["kind"],
                    name=row["name"],
                    change=_change(row, ledger),
                    rows=counts.get(row["name"]) if row["countable"] else None,
                    size_bytes=row["size_bytes"],
                )
                for row in of("ours")
            ),
            *made_tables,
            *(Trace("grant", str(one), RIGHTS) for one in granted if one.certain),
        ),
        tuple(f"{row['kind']} {row['name']}" for row in of("standing")),
        (
            *(row["name"] for row in of("naming") if row["kind"] == "function"),
            *(f"setting {row['name']}" for row in of("naming") if row["kind"] == "setting"),
            *(f"cron job {name}" for name in cron_jobs),
        ),
        all(row["countable"] for row in of("ours") if (row["kind"], row["word"]) == _LEDGER),
        tuple(one for one in granted if one.certain),
        tuple(lines),
        rights.uncertain(granted),
    )


def _change(row: Mapping[str, Any], ledger: Sequence[LedgerEntry]) -> str:
    """The change that made something; empty when none of them did.

    What the ledger lists is known. What it does not list (policies, grants, what another version
    made besides) is known where the statements of a change make it.
    """
    for entry in ledger:
        if row["identity"] and row["identity"] in entry.objects:
            return entry.change
    for entry in ledger:
        # The schema stands in no list of objects: the first text that names it made it.
        inside = row["part_of"] in entry.objects or row["part_of"].startswith("schema ")
        if row["part_of"] and not inside:
            continue
        if row["kind"] == "index" or (row["word"] and _makes(entry.apply, row)):
            return entry.change
    return ""


def _makes(text: str, row: Mapping[str, Any]) -> bool:
    """Whether statements say ``create … view … name``, or ``grant … to name``."""
    kind = row["kind"].split()[-1]
    before = (
        r"\bto\s+"
        if kind == "grant"
        else rf'\bcreate\s+(?:\w+\s+){{0,4}}{kind}\s+(?:if\s+not\s+exists\s+)?(?:[\w"]+\.)?'
    )
    return bool(re.search(rf'{before}"?{re.escape(row["word"])}"?(?![\w$])', text))
