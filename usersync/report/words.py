"""Numbers and names as first lines say them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from usersync.model import Summary

_DASH = "\N{EN DASH}"


class Code(str):
    """A name of the target or of a file, shown as code."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """How much of a run may be said: all, or what anybody may read."""

    is_public: bool = False

    def count(self, number: int) -> str:
        """A number: as it is, or the power of ten that it lies in, ``10-99`` with a dash."""
        if not self.is_public or number < 1:
            return f"{number:,}"
        lowest = 10 ** (len(str(number)) - 1)
        return f"{lowest:,}{_DASH}{10 * lowest - 1:,}"

    def counted(self, number: int, what: str) -> str:
        """``1 profile``, ``5 profiles``; a step is always several."""
        is_one = number == 1 and not self.is_public
        return f"{self.count(number)} {what}{'' if is_one else 's'}"

    def without_profile(self, missing: int, total: int) -> str:
        """``5 of 150 users have no profile``."""
        verb = "has" if missing == 1 and not self.is_public else "have"
        return f"{self.count(missing)} of {self.count(total)} users {verb} no profile"

    def left_out(self, summaries: Iterable[Summary]) -> tuple[str, ...]:
        """Who had no profile and was none of a sync's: beyond its limit, or not reached."""
        done = [one for one in summaries if not one.rehearsed]
        left = sum(one.missing - one.failed for one in done)
        total = self.count(sum(one.total for one in done))
        return (f"{self.count(left)} of {total} users were left out",) if left > 0 else ()


def minute(moment: datetime) -> str:
    """``2026-01-08 10:30 UTC``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
