"""``demo``."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from invoke.context import Context

from usersync.tasks.command import command, finish, program, request, task_prefix


@command(writes=True, opens_target=False)
def demo(_context: Context, **flags: Any) -> int:
    """Show the main job on an embedded Postgres; leaves its report in usersync-demo/ alone."""
    from usersync.demonstration import Shown

    shown = Shown(
        program(),
        task_prefix("demo"),
        say=partial(print, file=sys.stderr if flags["json"] else sys.stdout),
        show_ids=flags["show_ids"],
    )
    asked = request("demo", "demo", flags, opens_target=False, shown=shown)
    return finish(asked, json=flags["json"], is_told=True)
