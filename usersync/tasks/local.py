"""``local.up``, ``local.down`` and ``local.seed``: the embedded Postgres."""

from __future__ import annotations

from typing import Any, get_args

from invoke.context import Context

from usersync.tasks import inputs
from usersync.tasks.command import command, program, task_prefix


@command(writes=True, common=(), help={"grants": "explicit (new projects) or legacy"})
def up(_context: Context, grants: str = "explicit", **_flags: Any) -> int:
    """Start the local stack; it stays up until local.down."""
    from usersync import local

    regime = inputs.choice("--grants", grants, get_args(local.Grants))
    server = local.start(local.default_directory(), grants=regime)  # type: ignore[arg-type]
    print(f"Running in {server.directory} ({regime} grants).")
    tasks = f"{program()} {task_prefix('local.up')}"
    print(f"Next:  {tasks}local.seed --users 150 --missing 5")
    print(f"       {tasks}status --target local")
    return 0


@command(writes=True, common=(), help={"delete": "remove its data too"})
def down(_context: Context, delete: bool = False, **_flags: Any) -> int:
    """Stop the local stack."""
    from usersync import local

    was_running = local.stop(local.default_directory(), delete=delete)
    print("Stopped." if was_running else "It was not running.")
    return 0


@command(
    writes=True,
    common=(),
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
    **_flags: Any,
) -> int:
    """Fill the local stack with reproducible users of every kind."""
    from usersync import local
    from usersync.errors import Refused

    directory = local.default_directory()
    server = local.find(directory)
    if server is None:
        start = f"{program()} {task_prefix('local.seed')}local.up"
        raise Refused("the local stack is not running", f"start it: {start}")
    user_count = inputs.whole_number("--users", users)
    missing_count = inputs.whole_number("--missing", missing)
    summary = local.seed(
        server.url,
        users=150 if user_count is None else user_count,
        missing=5 if missing_count is None else missing_count,
        seed=inputs.whole_number("--seed", seed) or 0,
    )
    print(
        f"{summary.users:,} users that need a profile, {summary.missing:,} of them without one;"
        f" also {summary.anonymous:,} anonymous and {summary.soft_deleted:,} soft-deleted."
    )
    return 0
