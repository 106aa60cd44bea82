"""``init``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.context import Context

from usersync.tasks.command import command, program

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
    common=(),
    meant="use --diff",
    help={
        "diff": "show what would be written and what differs; write nothing",
        "folder": "the repository (default: this folder)",
        "action": "OWNER/REPOSITORY@COMMIT of usersync, when it was installed from a folder",
    },
)
def init(
    _context: Context, diff: bool = False, folder: str | None = None, action: str | None = None
) -> int:
    """Write usersync.yaml, workflows and a runbook to begin with; nothing is overwritten."""
    from usersync import scaffold

    at = Path(folder or ".")
    used = scaffold.action(action)
    looked = _look()
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
        print(f"\nRead usersync.yaml first, then: {program()} sync --dry-run\n\n{_GH}", end="")
    return 2 if any(one.differs or (diff and one.there is None) for one in planned) else 0


def _look() -> Outcome:
    """What the database says, where a connection is configured; an error is told."""
    from usersync import config, report, runner
    from usersync.model import Outcome

    if not dict(config.presence())["SUPABASE_DB_URL"]:
        print("No database was looked at: SUPABASE_DB_URL is not set. Its table is a guess.\n")
        return Outcome()
    run = runner.run(runner.Request("init", "init.look", program=program()))
    if run.exit_code:
        print(report.terminal(run), end="", file=sys.stderr)
    return Outcome(statements=run.statements, exit_code=run.exit_code)
