"""``targets``."""

from __future__ import annotations

from invoke.context import Context

from usersync.tasks.command import command


@command(
    writes=False,
    common=(),
    help={
        "config": "configuration file (default: usersync.yaml in this folder)",
        "json": "one line of JSON, for `fromJSON` in a matrix",
    },
)
def targets(_context: Context, config: str | None = None, json: bool = False) -> int:
    """The targets of usersync.yaml and what each is for; reads no secret."""
    from json import dumps

    from usersync.config import environments

    found = environments(config)
    if json:
        print(dumps([{"target": name, "environment": kind} for name, kind in found.items()]))
    else:
        width = max(map(len, found))
        print("\n".join(f"{name:<{width}}  {kind}" for name, kind in found.items()))
    return 0
