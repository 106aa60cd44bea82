"""The parts of the file that say what usersync may do, and what it keeps."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, MinLen
from pydantic import BaseModel, ConfigDict, Field, Strict

from usersync.config.values import Day, Flag, Rows, Text, Variable

UnattendedTask = Literal[
    "sync", "create-profile", "repair.emails", "repair.orphans", "repair.tokens"
]


class Section(BaseModel):
    """A part of the file: frozen, and nothing in it that is not listed here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Unattended(Section):
    """What may change production without a person at a terminal."""

    tasks: Annotated[tuple[UnattendedTask, ...], MinLen(1)] = Field(description="These tasks only.")
    max_rows: Rows | None = Field(None, description="At most so many rows in one run.")


class Approval(Section):
    """How many people it takes to change production by an approved plan."""

    four_eyes: Flag = Field(
        default=False,
        description="Whoever carries out a plan is somebody else than who made it; GitHub tells "
        "who, and that the run of `USERSYNC_PLAN_RUN_ID` made it. `--yes`, and a question at a "
        "terminal, are not enough then.",
    )


class Notify(Section):
    """Who is told outside of GitHub, when ``--publish notify`` is asked for."""

    webhook_env: Variable | None = Field(
        None,
        description="The NAME of the variable that holds the address of a webhook; told when the "
        "state changes, and once a day while it fails.",
    )
    format: Literal["slack", "json"] = Field("slack", description="What the webhook understands.")
    heartbeat_env: Variable | None = Field(
        None,
        description="The NAME of the variable that holds an address to ask after each success, so "
        "that a monitor outside notices when the schedule stops.",
    )


class JournalSettings(Section):
    """How long the target's journal keeps what it tells."""

    retention_days: Annotated[int, Strict(), Ge(1)] | None = Field(
        None,
        description="Lines older than this are removed when a run that changes something starts; "
        "kept for good when not said.",
    )
    before_images_days: Annotated[int, Strict(), Ge(1)] = Field(
        90,
        description="How long the old values of rows that a repair changed are kept, so that "
        "`restore` can put them back.",
    )
    parked_days: Annotated[int, Strict(), Ge(1)] | None = Field(
        None,
        description="How long parked profiles are kept that nobody put back. Each is the last copy "
        "of its row: after that it is deleted for good, when a repair changes something. Kept for "
        "good when not said.",
    )


class Acceptance(Section):
    """A finding the team knows of: still shown, no longer in the exit code."""

    id: Text = Field(
        description="The id of the finding, as `status --verbose` prints it, whole or its start."
    )
    reason: Text = Field(description="Why it is accepted.")
    until: Day = Field(description="The last day; afterwards it is a finding again.")
