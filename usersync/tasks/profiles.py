"""``status``, ``sync`` and ``create-profile``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from invoke.context import Context

from usersync.errors import Refused
from usersync.tasks import inputs
from usersync.tasks.arguments import EitherTask
from usersync.tasks.command import command, finish, request

if TYPE_CHECKING:
    from usersync.sync import SyncOptions


@command(
    writes=False,
    help={
        "verbose": "list the first missing users and findings",
        "quick": "two counts and nothing else",
        "history": "show the last N lines of the journal",
        "ids_to": "write the ids of all missing users to this file, one a line",
    },
)
def status(
    _context: Context,
    verbose: bool = False,
    quick: bool = False,
    history: str | None = None,
    ids_to: str | None = None,
    **flags: Any,
) -> int:
    """Measure the drift: users, profiles, who is missing since when (exit 0, 2, 1 or 3)."""
    lines = inputs.whole_number("--history", history) or 0
    asked = request(
        "status",
        "status",
        flags,
        quick=quick,
        verbose=verbose or flags["show_ids"],
        history=lines,
        ids_to=ids_to,
    )
    return finish(asked, json=flags["json"], verbose=verbose)


@command(
    writes=True,
    meant="put --dry-run behind the task",
    iterable=["fire_trigger"],
    help={
        "dry_run": "read only: print the plan and the digest that approves it",
        "rehearse": "run the real statements in one transaction, then roll back",
        "approve": "do exactly the plan of this digest, or nothing",
        "yes": "agree beforehand; never lifts --max-rows",
        "wait": "with --approve: seconds to wait for another run on this target (default 0)",
        "verbose": "print the plan before the summary",
        "workers": "connections that work side by side (default 1)",
        "shard": "I/N: only share I of N, for several machines",
        "limit": "at most N profiles, oldest users first",
        "max_rows": "stop before the first write when the plan has more rows",
        "rate": "at most R rows a second",
        "batch_size": "rows a batch (default: follows the measured latency)",
        "first_fill": "allow filling an empty profile table",
        "fire_trigger": "allow this trigger to reach outside (repeat for several)",
        "no_preserve": "also rewrite what differs from auth data in existing profiles",
    },
)
def sync(
    _context: Context,
    dry_run: bool = False,
    rehearse: bool = False,
    approve: str | None = None,
    wait: str | None = None,
    yes: bool = False,
    verbose: bool = False,
    workers: str | None = None,
    shard: str | None = None,
    limit: str | None = None,
    max_rows: str | None = None,
    rate: str | None = None,
    batch_size: str | None = None,
    first_fill: bool = False,
    fire_trigger: list[str] | None = None,
    no_preserve: bool = False,
    **flags: Any,
) -> int:
    """Create the missing profiles, exactly those of the plan (exit 0, 2, 1, 3 or 4)."""
    if dry_run and rehearse:
        raise Refused("--dry-run and --rehearse exclude each other", "give one of them")
    options = _options(
        workers=workers,
        shard=shard,
        limit=limit,
        max_rows=max_rows,
        rate=rate,
        batch_size=batch_size,
        approve=approve,
        wait_s=inputs.positive("--wait", wait) or 0.0,
        yes=yes,
        first_fill=first_fill,
        fire_triggers=tuple(fire_trigger or ()),
    )
    kind = "sync.overwrite" if no_preserve else "sync"
    operation = f"{kind}{'.plan' if dry_run else '.rehearse' if rehearse else ''}"
    return finish(
        request("sync", operation, flags, options=options), json=flags["json"], verbose=verbose
    )


class _UserIdOrEmail(EitherTask):
    """``create-profile USER_ID``, or ``create-profile --email -``."""

    instead = "email"


@command(
    writes=True,
    kind=_UserIdOrEmail,
    positional=["user_id"],
    iterable=["fire_trigger"],
    meant="leave it out: create-profile has no dry run; `status --verbose` shows who is missing",
    help={
        "user_id": "the user's id, or the first eight characters where one user matches",
        "email": "`-` reads an e-mail address from standard input instead",
        "role": "the role of the new profile, one of the configured ones",
        "yes": "agree beforehand",
        "fire_trigger": "allow this trigger to reach outside (repeat for several)",
    },
)
def create_profile(
    _context: Context,
    user_id: str | None = None,
    email: str | None = None,
    role: str | None = None,
    yes: bool = False,
    fire_trigger: list[str] | None = None,
    **flags: Any,
) -> int:
    """Create the profile of one user (exit 0, 2, 1, 3 or 4)."""
    asked = request(
        "create-profile",
        "create-profile",
        flags,
        reference=_reference(user_id, email),
        role=role,
        yes=yes,
        fire_triggers=tuple(fire_trigger or ()),
    )
    return finish(asked, json=flags["json"])


def _reference(user_id: str | None, email: str | None) -> str:
    if user_id and email:
        raise Refused("USER_ID and --email exclude each other", "give one of them")
    if user_id:
        if "@" in user_id:
            raise Refused(
                "an address on the command line ends up in shell histories and logs",
                "write it to standard input: create-profile --email -",
            )
        return user_id
    if email is None:
        raise Refused("whose profile?", "create-profile USER_ID, or create-profile --email -")
    if email != "-":
        raise Refused(
            "--email takes `-` and reads the address from standard input, which no log keeps",
            "create-profile --email - < file-with-the-address",
        )
    address = sys.stdin.readline().strip()
    if "@" not in address:
        raise Refused("standard input holds no e-mail address", "one address, on the first line")
    return address


def _options(
    *,
    workers: str | None,
    shard: str | None,
    limit: str | None,
    max_rows: str | None,
    rate: str | None,
    batch_size: str | None,
    **rest: Any,
) -> SyncOptions:
    from usersync.sync import SyncOptions

    count = inputs.whole_number("--workers", workers, least=1) or 1
    if count > 16:
        raise Refused("--workers takes at most 16: each is a connection of its own")
    return SyncOptions(
        workers=count,
        share=inputs.share("--shard", shard),
        limit=inputs.whole_number("--limit", limit, least=1),
        max_rows=inputs.whole_number("--max-rows", max_rows),
        rate=inputs.positive("--rate", rate),
        batch_size=inputs.whole_number("--batch-size", batch_size, least=1),
        **rest,
    )
