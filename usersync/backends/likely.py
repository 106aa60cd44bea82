"""Tables that may hold the profiles of an app that nobody has described yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column of such a table."""

    name: str
    type: str
    required: bool
    """NOT NULL and without a default."""
    generated: bool
    default_text: str | None
    allowed: tuple[str, ...]
    """The values that an enum or a check constraint lets in."""


@dataclass(frozen=True, slots=True)
class ActingTrigger:
    """A trigger on ``auth.users`` or on the table, and what its function writes."""

    on_users: bool
    name: str
    state: str
    """``on``, ``off``, ``replica only``, or ``paused``: then the saved body is the source."""
    moment: str
    function: str
    security_definer: bool
    language: str
    catches: bool
    """Whether its function swallows errors."""
    reaches_outside: bool
    writes: tuple[str, ...]
    """``insert into public.profiles`` and the like, as the text has it."""
    asks_anonymous: bool
    """Whether its condition or the text of its function speaks of anonymous users."""
    source: str
    inserts: bool
    """Whether its function, or one that it calls, may insert into the table."""

    @property
    def on_insert(self) -> bool:
        """Whether a new row fires it."""
        return "insert" in self.moment


@dataclass(frozen=True, slots=True)
class LikelyTable:
    """A table that may hold one row per user, and what speaks for it."""

    schema_name: str
    table_name: str
    key: str
    key_unique: bool
    references_users: bool
    written_by: str | None
    email: str | None
    score: int
    columns: tuple[Column, ...]
    triggers: tuple[ActingTrigger, ...]
