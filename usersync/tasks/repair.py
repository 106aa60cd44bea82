"""``repair.*`` and ``restore``: rows that are there already are corrected, with a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invoke.context import Context

from usersync.tasks import inputs
from usersync.tasks.command import command, finish, request

if TYPE_CHECKING:
    from usersync.repair import RepairOptions

_HOW = {
    "dry_run": "read only: print the plan and the digest that approves it",
    "rehearse": "run the real statements in one transaction, then roll back",
    "approve": "do exactly the plan of this digest, or nothing",
    "yes": "agree beforehand; never lifts --max-rows",
    "max_rows": "stop before the first write when the plan has more rows",
    "fire_trigger": "allow this trigger to reach outside (repeat for several)",
    "wait": "seconds to wait for another run of usersync on this target (default 0)",
}


@command(
    writes=True,
    called="repair.emails",
    meant="put --dry-run behind the task",
    iterable=["fire_trigger"],
    help=_HOW,
)
def emails(
    _context: Context,
    dry_run: bool = False,
    rehearse: bool = False,
    approve: str | None = None,
    yes: bool = False,
    max_rows: str | None = None,
    fire_trigger: list[str] | None = None,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Give profiles the e-mail that their user signs in with; old ones are kept."""
    options = _options(max_rows, approve, yes, wait, fire_trigger)
    return _run("repair.emails", flags, dry_run, rehearse, options=options)


@command(
    writes=True,
    called="repair.orphans",
    meant="put --dry-run behind the task",
    iterable=["fire_trigger"],
    help=_HOW | {"restore": "put parked profiles back whose user exists and whose key is free"},
)
def orphans(
    _context: Context,
    restore: bool = False,
    dry_run: bool = False,
    rehearse: bool = False,
    approve: str | None = None,
    yes: bool = False,
    max_rows: str | None = None,
    fire_trigger: list[str] | None = None,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Park profiles whose user does not exist, whole, or put them back."""
    options = _options(max_rows, approve, yes, wait, fire_trigger)
    return _run("repair.orphans", flags, dry_run, rehearse, options=options, restore=restore)


@command(
    writes=True,
    called="repair.tokens",
    meant="put --dry-run behind the task",
    iterable=["fire_trigger"],
    help=_HOW,
)
def tokens(
    _context: Context,
    dry_run: bool = False,
    rehearse: bool = False,
    approve: str | None = None,
    yes: bool = False,
    max_rows: str | None = None,
    fire_trigger: list[str] | None = None,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Give users '' where the Auth server stumbles over null: Database error finding users."""
    options = _options(max_rows, approve, yes, wait, fire_trigger)
    return _run("repair.tokens", flags, dry_run, rehearse, options=options)


@command(
    writes=True,
    positional=["run_id"],
    meant="put --dry-run behind the task",
    iterable=["fire_trigger"],
    help=_HOW | {"run_id": "the id of the run, or its first eight characters, as it printed them"},
)
def restore(
    _context: Context,
    run_id: str,
    dry_run: bool = False,
    rehearse: bool = False,
    approve: str | None = None,
    yes: bool = False,
    max_rows: str | None = None,
    fire_trigger: list[str] | None = None,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Take back what a run changed, where the row has not changed since (exit 2: where it has)."""
    options = _options(max_rows, approve, yes, wait, fire_trigger)
    return _run("restore", flags, dry_run, rehearse, options=options, run_id=run_id)


def _run(task: str, flags: dict[str, Any], dry_run: bool, rehearse: bool, **given: Any) -> int:
    inputs.at_most_one({"--dry-run": dry_run, "--rehearse": rehearse})
    way = ".plan" if dry_run else ".rehearse" if rehearse else ""
    return finish(request(task, f"{task}{way}", flags, **given), json=flags["json"])


def _options(
    max_rows: str | None,
    approve: str | None,
    yes: bool,
    wait: str | None,
    fire_trigger: list[str] | None,
) -> RepairOptions:
    from usersync.repair import RepairOptions

    return RepairOptions(
        max_rows=inputs.whole_number("--max-rows", max_rows),
        approve=approve,
        yes=yes,
        wait_s=inputs.positive("--wait", wait) or 0.0,
        fire_triggers=tuple(fire_trigger or ()),
    )
