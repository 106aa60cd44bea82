"""A scratch copy: an embedded Postgres with a target's own definitions and synthetic rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from usersync import config, local
from usersync.backends.catalog import Definitions
from usersync.config import Target

DATABASE = "scratch"

#: Synthetic users, before there is any trigger.
USERS = 5


@dataclass(frozen=True, slots=True)
class Scratch:
    """A running copy.

    Args:
        target: the copy as a target, with the settings and tables of the original.
        left_out: what could not be copied, one sentence each.
    """

    target: Target
    left_out: tuple[str, ...]


@contextmanager
def copy(definitions: Definitions, target: Target) -> Iterator[Scratch]:
    """Make a copy of a target; nothing of it remains when the block ends.

    Args:
        definitions: what the target is made of.
        target: the original.
    """
    with local.temporary() as server:
        refused = local.build_copy(server, DATABASE, definitions, users=USERS)
        url = server.url_of("postgres", DATABASE)
        yield Scratch(
            config.copied(target, url),
            (*definitions.left_out, *refused),
        )
