"""The digest of a plan: a token that stands for it and can say what has moved since.

No artefact has to be kept between the dry run and the run: whoever approves recomputes the plan
for the users of the token and compares part by part.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from usersync.errors import Refused

_TOKEN = re.compile(
    r"(?P<rows>\d+)-(?P<newest_at>\d{8}T\d{12})-(?P<target>[0-9a-f]{4})(?P<schema>[0-9a-f]{4})"
    r"(?P<settings>[0-9a-f]{4})(?P<tool>[0-9a-f]{4})-(?P<users>[0-9a-f]{64})(?P<values>[0-9a-f]{8})"
)

_MEANING = {
    "target": "the target (another database, environment or table)",
    "schema": "the profile table (its columns, constraints, indexes or triggers)",
    "settings": "the configuration (who needs a profile, where values come from, --limit, --shard)",
    "tool": "the version of usersync",
}


def fingerprint(*parts: object, length: int = 4) -> str:
    """The start of a hash over the parts' texts, ``length`` hexadecimal digits."""
    text = "\x1f".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class Digest:
    """What a plan is made of, each part as a short hash."""

    rows: int
    newest_at: datetime
    """Sign-up time of the newest user in the plan: who came later is not in it."""
    target: str
    schema: str
    settings: str
    tool: str
    users: str
    values: str

    def __str__(self) -> str:
        moment = self.newest_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")
        return (
            f"{self.rows}-{moment}-{self.target}{self.schema}{self.settings}{self.tool}"
            f"-{self.users}{self.values}"
        )

    @classmethod
    def parse(cls, token: str) -> Digest:
        """Read a digest as ``sync --dry-run`` printed it.

        Raises:
            Refused: it is none.
        """
        found = _TOKEN.fullmatch(token.strip())
        fields = found.groupdict() if found else {}
        try:
            newest_at = datetime.strptime(fields.pop("newest_at") + "Z", "%Y%m%dT%H%M%S%f%z")
        except (KeyError, ValueError):
            raise Refused(
                "the digest given to --approve is none that usersync prints",
                "copy it whole from the last lines of `sync --dry-run`",
            ) from None
        return cls(rows=int(fields.pop("rows")), newest_at=newest_at, **fields)

    def moved(
        self,
        now: Digest,
        what: str = "users",
        where: str = "of that time are without a profile now",
    ) -> tuple[str, ...]:
        """What is different now, one phrase each; empty when the plan still stands.

        Args:
            now: the same plan, made anew.
            what: its rows are.
            where: those that are counted now are in that state.
        """
        moved = [
            phrase for part, phrase in _MEANING.items() if getattr(self, part) != getattr(now, part)
        ]
        if (self.rows, self.users) != (now.rows, now.users):
            moved.append(f"the {what} (the plan held {self.rows:,}; {now.rows:,} {where})")
        elif self.values != now.values and "settings" not in moved:
            moved.append("values of these users (an e-mail, a name) that would be written")
        return tuple(moved)
