"""What the migration puts into a database."""

from typing import Literal, Self

from pydantic import Field, model_validator

from usersync.config.section import Section
from usersync.config.sources import problem
from usersync.config.values import Identifier, LockSeconds, Seconds


class Install(Section):
    """What the migration puts into the database, and how long it may hold up others."""

    schema_name: Identifier = Field(
        "usersync", alias="schema", description="The schema of everything usersync installs."
    )
    trigger: Identifier = Field(
        "on_auth_user_created",
        description="The name of the trigger that makes the profile of a new user.",
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

    @model_validator(mode="after")
    def _schema_is_our_own(self) -> Self:
        if self.schema_name in {"auth", "public", "storage", "extensions", "realtime"}:
            raise problem(f"`{self.schema_name}` belongs to others; choose another", "schema")
        return self
