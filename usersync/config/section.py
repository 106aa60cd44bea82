"""What every part of ``usersync.yaml`` is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the file: frozen, and nothing in it that is not listed here."""

    model_config = ConfigDict(frozen=True, extra="forbid")
