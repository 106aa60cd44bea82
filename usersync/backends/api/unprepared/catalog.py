"""The schema of a target that shows none of it: the answer is always the ways that can."""

from __future__ import annotations

from typing import NoReturn

from usersync.backends.api.catalog import needs_connection
from usersync.config import ProfileTable
from usersync.errors import CouldNotTell
from usersync.model import Paused


class NoCatalog:
    """Stands where a catalog would; see `usersync.backends.catalog.Catalog`.

    Args:
        missing: says that our functions are not there, and how they get there.
    """

    def __init__(self, missing: CouldNotTell) -> None:
        self._missing = missing

    def __getattr__(self, verb: str) -> NoReturn:
        """Whatever is asked."""
        raise self._missing

    def likely_tables(self) -> NoReturn:
        """Also our functions would not tell."""
        raise needs_connection("looking for the profile table")

    def paused(self, tables: tuple[ProfileTable, ...]) -> tuple[Paused, ...]:  # noqa: ARG002
        """None that can be seen; ``status`` says that most checks need a connection."""
        return ()
