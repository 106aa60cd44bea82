"""``demo``."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from usersync.tasks.command import command, program, task_prefix


@command(writes=True, common=())
def demo(_context: Context, **_flags: Any) -> int:
    """Show the main job on an embedded Postgres, from nothing; leaves nothing behind."""
    from usersync import demonstration

    return demonstration.run(program(), task_prefix("demo"))
