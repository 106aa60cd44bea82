"""What the migration puts into a database."""

from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from usersync.config.section import Section
from usersync.config.sources import problem
from usersync.config.values import Identifier, LockSeconds, Seconds

Extent = Literal["nothing", "trigger", "full"]
"""How much is installed, from the least to the most."""


class Install(Section):
    """What the migration puts into the database, and how long it may hold up others.

    A word alone says how much: ``install: nothing`` is ``install: {what: nothing}``.
    """

    # What is installed is the same in every extent that has it, and the ledger remembers the name
    # of a trigger whose place ours took: the hash must hold neither.
    what: Extent = Field(
        "full",
        description="How much: `full`; `trigger`, which is the trigger and what it needs; "
        "`nothing`. `install: nothing` alone says the same.",
        repr=False,
    )
    schema_name: Identifier = Field(
        "usersync", alias="schema", description="The schema of everything usersync installs."
    )
    trigger: Identifier = Field(
        "on_auth_user_created",
        description="The name of the trigger that makes the profile of a new user; where ours took "
        "the place of one of the app, it has the name of that one.",
        repr=False,
    )
    on_error: Literal["record", "block"] = Field(
        "record",
        description="A profile that cannot be made is recorded and the sign-up goes on, or it "
        "blocks the sign-up.",
    )
    lock_timeout_s: LockSeconds = Field(
        0.5,
        description="The longest one wait for a lock on `auth.users`; sign-ins queue behind it.",
    )
    max_blocked_s: Seconds = Field(
        3.0, description="The longest that all waits of one run for that lock may take together."
    )

    @model_validator(mode="before")
    @classmethod
    def _a_word_says_how_much(cls, value: Any) -> Any:
        return {"what": value} if isinstance(value, str | bool | int | float) else value

    def lacks(self, part: Extent) -> str:
        """What the file must say first where a part is to be installed; empty when it does.

        Args:
            part: the least extent that has it.
        """
        extents = get_args(Extent)
        if extents.index(part) <= extents.index(self.what):
            return ""
        return f"say install: {part} in usersync.yaml, which says install: {self.what}"

    @model_validator(mode="after")
    def _schema_is_our_own(self) -> Self:
        if self.schema_name in {"auth", "public", "storage", "extensions", "realtime"}:
            raise problem(f"`{self.schema_name}` belongs to others; choose another", "schema")
        return self
