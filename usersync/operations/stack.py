"""Operations on the local stack itself: start it, fill it, stop it. They open no target."""

from __future__ import annotations

from usersync import local
from usersync.errors import Refused
from usersync.model import Outcome
from usersync.operations.registry import operation


@operation("local.up", "external")
def up(*, grants: local.Grants, tasks: str) -> Outcome:
    """Start the local stack, building it first when there is none.

    Args:
        grants: the regime to build it with.
        tasks: what stands before the names of tasks in the next commands.
    """
    server = local.start(local.default_directory(), grants=grants)
    return Outcome(
        notes=(f"Running in {server.directory} ({grants} grants).",),
        next_steps=(
            f"{tasks}local.seed --users 150 --missing 5",
            f"{tasks}status --target local",
        ),
    )


@operation("local.down", "external")
def down(*, delete: bool) -> Outcome:
    """Stop the local stack; with ``delete`` its data goes too."""
    was_running = local.stop(local.default_directory(), delete=delete)
    return Outcome(notes=("Stopped." if was_running else "It was not running.",))


@operation("local.seed", "data")
def seed(*, users: int, missing: int, seed: int, tasks: str) -> Outcome:
    """Fill the local stack with reproducible users of every kind.

    Args:
        users: how many need a profile.
        missing: how many of them have none.
        seed: another number gives other data.
        tasks: what stands before the names of tasks in the next command.

    Raises:
        Refused: it is not running, not empty, or the numbers make no sense.
    """
    server = local.find(local.default_directory())
    if server is None:
        raise Refused("the local stack is not running", f"start it: {tasks}local.up")
    made = local.seed(server.url, users=users, missing=missing, seed=seed)
    told = (
        f"{made.users:,} users that need a profile, {made.missing:,} of them without one;"
        f" also {made.anonymous:,} anonymous and {made.soft_deleted:,} soft-deleted."
    )
    return Outcome(notes=(told,))
