"""``migration.*``: install, verify, prove, take out, pause."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from usersync.tasks import inputs, traps
from usersync.tasks.arguments import NameTask
from usersync.tasks.command import command, finish, request

_AGREEMENT = {
    "dry_run": "say what would be done, with the digest that approves it; writes nothing",
    "sql": "print exactly the statements, and nothing else; writes nothing",
    "approve": "do exactly what the dry run with this digest showed",
    "yes": "do not ask, also in production",
    "wait": "seconds to wait for another run of usersync on this target (default 0)",
}


@command(
    writes=True,
    called="migration.apply",
    meant="use --dry-run",
    help=_AGREEMENT
    | {
        "create_table": "make profile tables that are missing",
        "repair": "put back what was edited by hand; what was there is kept",
        "replace": "let ours take the place of this trigger of the app; rollback puts it back",
        "then_sync": "create the missing profiles afterwards",
        "rehearse": "do it all on a scratch copy first, and nothing on the target",
        "on_target": "with --rehearse: on the target itself, and roll back",
        "direct": "although this repository has supabase/migrations/",
    },
)
def apply(
    _context: Context,
    dry_run: bool = False,
    sql: bool = False,
    rehearse: bool = False,
    on_target: bool = False,
    approve: str | None = None,
    yes: bool = False,
    create_table: bool = False,
    repair: bool = False,
    replace: str | None = None,
    then_sync: bool = False,
    direct: bool = False,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Install the trigger that keeps profiles in step; safe on a live system, and again."""
    from usersync.migration import ApplyOptions

    options = ApplyOptions(
        create_table=create_table,
        repair=repair,
        replace=replace,
        approve=approve,
        yes=yes,
        direct=direct,
        wait_s=inputs.positive("--wait", wait) or 0.0,
    )
    ways = {"--dry-run": dry_run, "--sql": sql, "--rehearse": rehearse}
    inputs.at_most_one(ways)
    if rehearse:
        asked = request(
            "migration.apply", "migration.rehearse", flags, options=options, on_target=on_target
        )
    elif dry_run or sql:
        asked = request("migration.apply", "migration.plan", flags, options=options, statements=sql)
    else:
        asked = request(
            "migration.apply", "migration.apply", flags, options=options, then_sync=then_sync
        )
    return finish(asked, json=flags["json"])


@command(
    writes=False,
    called="migration.verify",
    help={"verbose": "list more of what each check found"},
)
def verify(_context: Context, verbose: bool = False, **flags: Any) -> int:
    """Ask the catalog whether sign-ups get their profile, and everything that can break that."""
    asked = request("migration.verify", "migration.verify", flags)
    return finish(asked, json=flags["json"], verbose=verbose)


@command(
    writes=False,
    called="migration.footprint",
    help={"verbose": "list each thing, also where there are many of a kind"},
)
def footprint(_context: Context, verbose: bool = False, **flags: Any) -> int:
    """List everything of usersync in the target, with its rows, by the catalog's word."""
    asked = request("migration.footprint", "migration.footprint", flags)
    return finish(asked, json=flags["json"], verbose=verbose)


@command(
    writes=True,
    called="migration.test",
    iterable=["allow"],
    help={
        "allow": "let this function run although a rollback would not undo it; repeat for several",
        "rollback": "prove on a scratch copy that apply and rollback leave no trace",
        "through_auth": "sign one real user up through the Auth server, and delete it for good",
        "yes": "with --through-auth: do not ask, also in production",
    },
)
def test(
    _context: Context,
    allow: list[str] | None = None,
    rollback: bool = False,
    through_auth: bool = False,
    yes: bool = False,
    **flags: Any,
) -> int:
    """Sign up synthetic users as the Auth server does, and roll everything back."""
    inputs.at_most_one(
        {"--rollback": rollback, "--through-auth": through_auth, "--allow": bool(allow)}
    )
    if through_auth:
        asked = request("migration.test", "migration.test.auth", flags, yes=yes)
        return finish(asked, json=flags["json"])
    if rollback:
        return finish(request("migration.test", "migration.prove", flags), json=flags["json"])
    asked = request("migration.test", "migration.test", flags, allow=tuple(allow or ()))
    return finish(asked, json=flags["json"])


@command(
    writes=True,
    called="migration.rollback",
    meant="use --dry-run",
    help={name: text for name, text in _AGREEMENT.items() if name != "yes"}
    | {
        "to": "stop above the change with this number",
        "drop_data": "also what holds data; every row is written to a file first",
    },
)
def rollback(
    _context: Context,
    dry_run: bool = False,
    sql: bool = False,
    approve: str | None = None,
    to: str | None = None,
    drop_data: bool = False,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Take out what acts on sign-ups; profiles and records stay."""
    from usersync.migration import RollbackOptions

    options = RollbackOptions(
        to=inputs.whole_number("--to", to) or 0,
        drop_data=drop_data,
        approve=approve,
        wait_s=inputs.positive("--wait", wait) or 0.0,
    )
    inputs.at_most_one({"--dry-run": dry_run, "--sql": sql})
    if dry_run or sql:
        asked = request(
            "migration.rollback", "migration.rollback.plan", flags, options=options, statements=sql
        )
    else:
        asked = request("migration.rollback", "migration.rollback", flags, options=options)
    return finish(asked, json=flags["json"])


@command(
    writes=True,
    called="migration.pause",
    positional=["function"],
    optional=["function"],
    kind=NameTask,
    help={"function": "whose; ours when not given, else the only one that sign-ups call"},
)
def pause(_context: Context, function: str = "", **flags: Any) -> int:
    """The kill switch: sign-ups work again at once, without a profile; takes no lock."""
    asked = request("migration.pause", "migration.pause", flags, function=function or None)
    return finish(asked, json=flags["json"])


@command(
    writes=True,
    called="migration.resume",
    positional=["function"],
    optional=["function"],
    kind=NameTask,
    iterable=["allow"],
    help={
        "function": "whose; the only paused one when not given",
        "allow": "let this function run although a rollback would not undo it; repeat for several",
    },
)
def resume(
    _context: Context, function: str = "", allow: list[str] | None = None, **flags: Any
) -> int:
    """Put a paused function back, byte for byte, when a canary passes with it."""
    asked = request("migration.resume", "migration.resume", flags, function=function or None)
    asked.inputs["allow"] = tuple(allow or ())
    return finish(asked, json=flags["json"])


@command(
    writes=True,
    called="migration.export",
    help={"create_table": "make profile tables that are missing"},
)
def export(_context: Context, create_table: bool = False, **flags: Any) -> int:
    """Write the changes as files of the Supabase CLI, under supabase/migrations."""
    from usersync.migration import ExportOptions

    options = ExportOptions(create_table=create_table)
    return finish(
        request("migration.export", "migration.export", flags, options=options),
        json=flags["json"],
    )


@command(
    writes=False,
    called="migration.compare",
    help={
        "base_ref": "the commit whose folder is what to compare with: HEAD^1 for a pull request",
        "folder": "where the migrations are (default supabase/migrations)",
        "base": "a folder to compare with, instead of --base-ref",
        "head": "the folder that is looked at, when it is not that of the working tree",
        "seed": "a file of SQL that both databases get first, such as supabase/seed.sql",
        "server_url_env": "the variable with the address of a running `supabase start`",
    },
)
def compare(
    _context: Context,
    base_ref: str | None = None,
    folder: str | None = None,
    base: str | None = None,
    head: str | None = None,
    seed: str | None = None,
    server_url_env: str | None = None,
    **flags: Any,
) -> int:
    """Say what a change of the migrations does to sign-ups; works on no target."""
    from usersync.comparison import FOLDER, CompareOptions

    traps.refuse_target(flags)
    options = CompareOptions(base_ref, folder or FOLDER, base, head, seed, server_url_env)
    asked = request("migration.compare", "migration.compare", flags, opens_target=False)
    asked.inputs.update(options=options, config_path=flags["config"])
    return finish(asked, json=flags["json"])
