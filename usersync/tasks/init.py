"""``init``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context

from usersync.errors import Refused, UsersyncError
from usersync.privacy import LONGEST_MESSAGE, visible
from usersync.tasks.command import command, program, task_names

if TYPE_CHECKING:
    from usersync.model import Outcome

#: What is left to do, by somebody who may; `{owner}` and `{repo}` are filled in by gh itself.
_GH = """\
Next, with GitHub's own program, as somebody who may change the settings of the repository:

  # an environment for the secret; only the main branch gets at it
  environments='repos/{owner}/{repo}/environments'
  gh api -X PUT "$environments/production" \\
    -F 'deployment_branch_policy[protected_branches]=false' \\
    -F 'deployment_branch_policy[custom_branch_policies]=true'
  gh api -X POST "$environments/production/deployment-branch-policies" -f name=main
  gh secret set SUPABASE_DB_URL --env production

  # another one for runbooks that write; a colleague approves each run
  gh api -X PUT "$environments/production-destructive" \\
    -F prevent_self_review=true -F 'reviewers[][type]=User' \\
    -F "reviewers[][id]=$(gh api users/COLLEAGUE --jq .id)" \\
    -F 'deployment_branch_policy[protected_branches]=false' \\
    -F 'deployment_branch_policy[custom_branch_policies]=true'
  gh api -X POST "$environments/production-destructive/deployment-branch-policies" -f name=main
  gh secret set SUPABASE_DB_URL --env production-destructive

  # once it is merged: the plan, which writes nothing
  gh workflow run usersync-sync.yml
"""


@command(
    writes=True,
    common=("target", "config", "env_file"),
    meant="use --diff",
    help={
        "diff": "show what would be written and what differs; write nothing",
        "folder": "the repository (default: this folder)",
        "action": "OWNER/REPOSITORY@COMMIT of usersync, when it was installed from a folder",
    },
)
def init(
    _context: Context,
    diff: bool = False,
    folder: str | None = None,
    action: str | None = None,
    **flags: Any,
) -> int:
    """Write usersync.yaml, workflows and a runbook to begin with; nothing is overwritten."""
    from usersync import scaffold

    at = Path(folder or ".")
    used = scaffold.action(action)
    looked = _look(**flags)
    if looked.exit_code:
        return looked.exit_code
    planned = scaffold.plan(at, used, looked.statements)
    if not diff:
        scaffold.write(at, planned)
    for one in planned:
        if one.differs:
            print(f"differs: {one.path} (yours stays)")
        elif one.there is not None:
            print(f"as ours: {one.path}")
        else:
            print(f"{'new' if diff else 'written'}: {one.path}")
    for one in planned:
        if one.differs or (diff and one.there is None):
            print("\n".join(one.diff))
    if not diff:
        print(f"\nRead usersync.yaml first, then: {_plan(**flags)}\n\n{_GH}", end="")
    return 2 if any(one.differs or (diff and one.there is None) for one in planned) else 0


def _plan(target: list[str], config: str | None, env_file: str | None) -> str:
    """The command that plans the first sync, about the target that init looked at."""
    given = (("--target", _one(target)), ("--config", config), ("--env-file", env_file))
    words = [part for name, value in given if value for part in (name, value)]
    return f"{task_names('init')}{shlex.join(['sync', '--dry-run', *words])}"


def _look(target: list[str], config: str | None, env_file: str | None) -> Outcome:
    """What the database says, where a connection is configured; an error is told."""
    from usersync import report, runner
    from usersync.model import Outcome

    name = _one(target)
    why = "" if name == "local" else _why_not(config, name, env_file)
    if why:
        print(
            f"No database was looked at: {visible(why, LONGEST_MESSAGE)}. Its table is a guess.\n"
        )
        return Outcome()
    run = runner.run(
        runner.Request(
            "init", "init.look", target=name, config=config, env_file=env_file, program=program()
        )
    )
    if run.exit_code:
        print(report.terminal(run), end="", file=sys.stderr)
    return Outcome(statements=run.statements, exit_code=run.exit_code)


def _one(asked: list[str]) -> str | None:
    """The one target that was asked for, if any."""
    from usersync import config

    names = list(dict.fromkeys(asked or ()))
    if len(names) > 1 or config.ALL in names:
        first = next((name for name in names if name != config.ALL), "NAME")
        raise Refused("init looks at one database", f"name one: --target {first}")
    return names[0] if names else None


def _why_not(file: str | None, target: str | None, env_file: str | None) -> str:
    """Why no database can be looked at; empty where a connection string is set."""
    from usersync import config

    try:
        found = config.connection_variables(file, target, env_file)
    except UsersyncError as error:
        # A file that is there and not in order is no obstacle to the other files.
        if file or target or env_file or dict(config.presence())["SUPABASE_DB_URL"]:
            raise
        return error.message.splitlines()[0]
    if any(found.values()):
        return ""
    if not found:
        return "no connection string is configured, db_url_env"
    *others, last = found
    return f"neither {', '.join(others)} nor {last} is set" if others else f"{last} is not set"
