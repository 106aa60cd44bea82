"""``local.up``, ``local.down`` and ``local.seed``: the embedded Postgres."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from usersync.tasks import inputs
from usersync.tasks.command import command, finish, request, task_names


@command(
    writes=True,
    opens_target=False,
    called="local.up",
    help={"grants": "explicit (new projects) or legacy"},
)
def up(_context: Context, grants: str = "explicit", **flags: Any) -> int:
    """Start the local stack; it stays up until local.down."""
    regime = inputs.choice("--grants", grants, ("explicit", "legacy"))
    tasks = task_names("local.up")
    asked = request("local.up", "local.up", flags, opens_target=False, grants=regime, tasks=tasks)
    return finish(asked, json=flags["json"])


@command(
    writes=True, opens_target=False, called="local.down", help={"delete": "remove its data too"}
)
def down(_context: Context, delete: bool = False, **flags: Any) -> int:
    """Stop the local stack."""
    asked = request("local.down", "local.down", flags, opens_target=False, delete=delete)
    return finish(asked, json=flags["json"])


@command(
    writes=True,
    opens_target=False,
    called="local.seed",
    help={
        "users": "users that need a profile (default 150)",
        "missing": "how many of them have none (default 5)",
        "seed": "another number gives other data (default 0)",
    },
)
def seed(
    _context: Context,
    users: str | None = None,
    missing: str | None = None,
    seed: str | None = None,
    **flags: Any,
) -> int:
    """Fill the local stack with reproducible users of every kind."""
    asked = request(
        "local.seed",
        "local.seed",
        flags,
        opens_target=False,
        users=inputs.whole_number("--users", users or "150"),
        missing=inputs.whole_number("--missing", missing or "5"),
        seed=inputs.whole_number("--seed", seed or "0"),
        tasks=task_names("local.seed"),
    )
    return finish(asked, json=flags["json"])
