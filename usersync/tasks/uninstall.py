"""``uninstall``."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from usersync.tasks import inputs
from usersync.tasks.command import command, finish, request


@command(
    writes=True,
    meant="use --dry-run",
    help={
        "dry_run": "say what would go and what stays, with the digest that approves it",
        "sql": "print exactly the statements, and nothing else; writes nothing",
        "approve": "do exactly what the dry run with this digest showed",
        "keep_grants": "leave the rights on profile tables that rights.grant gave",
        "wait": "seconds to wait for another run of usersync on this target (default 0)",
    },
)
def uninstall(
    _context: Context,
    dry_run: bool = False,
    sql: bool = False,
    approve: str | None = None,
    keep_grants: bool = False,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Take everything of ours out, prove it; profiles stay, records go into files."""
    from usersync.migration import UninstallOptions

    wait_s = inputs.positive("--wait", wait) or 0.0
    options = UninstallOptions(approve=approve, wait_s=wait_s, keep_grants=keep_grants)
    inputs.at_most_one({"--dry-run": dry_run, "--sql": sql})
    if dry_run or sql:
        how = {"statements": sql, "keep_grants": keep_grants}
        asked = request("uninstall", "uninstall.plan", flags, **how)
    else:
        asked = request("uninstall", "uninstall", flags, options=options)
    return finish(asked, json=flags["json"])
