"""The commands of GitHub's own program that ``init`` prints, run by that program.

It talks to an API on this machine: a host called ``github.localhost`` it asks without encryption,
and by way of the proxy that the environment names. Debian has it as the package ``gh``.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app import App
from tests.github_api import Answer, Asked, GitHub
from tests.program import ROOT, called
from usersync.migration import UninstallOptions

PINNED = f"acme/usersync@{'7' * 40}"
SECRET = "postgresql://postgres:geheim@db.example.com/postgres"

#: What its answer to a secret is encrypted for, and what that adds: a key and a seal.
PUBLIC_KEY = base64.b64encode(bytes(range(32))).decode()
SEAL_BYTES = 48

pytestmark = pytest.mark.skipif(
    shutil.which("gh") is None and os.environ.get("CI") != "true", reason="gh is not installed"
)


class Settings(GitHub):
    """The API of the settings of a repository: environments, their secrets, and its workflows."""

    def answer(self, asked: Asked) -> Answer:
        """As the API of the repository, and beside it the few paths that are asked here."""
        repository = {"name": "app", "defaultBranchRef": {"name": "main"}}
        workflow = {"id": 9, "path": ".github/workflows/usersync-sync.yml", "state": "active"}
        here = f"/repos/{self.repository}"
        known: tuple[tuple[str, str, Answer], ...] = (
            ("GET", "/users/grace", (200, {"login": "grace", "id": 4711})),
            ("POST", "/graphql", (200, {"data": {"repository": repository}})),
            (
                "GET",
                rf"{here}/environments/[a-z-]+/secrets/public-key",
                (200, {"key_id": "1", "key": PUBLIC_KEY}),
            ),
            (
                "DELETE",
                rf"{here}/(environments|labels|actions/secrets|actions/variables)/[\w-]+",
                (204, None),
            ),
            ("PUT|POST", rf"{here}/environments/[a-z-]+(/.*)?", (200, {})),
            ("GET", rf"{here}/actions/workflows/usersync-sync\.yml", (200, workflow)),
            ("POST", rf"{here}/actions/workflows/9/dispatches", (204, None)),
        )
        for methods, path, said in known:
            if re.fullmatch(methods, asked.method) and re.fullmatch(path, asked.path):
                return said
        return super().answer(asked)


@pytest.fixture
def github() -> Iterator[Settings]:
    """The API, on this machine."""
    with Settings() as server:
        yield server


def run_by_bash(script: str, github: Settings, folder: Path) -> None:
    """Run commands as somebody pastes them, and in a shell that stops at the first that fails."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GH_HOST": "github.localhost",
            "GH_REPO": f"github.localhost/{github.repository}",
            "GH_TOKEN": "token",
            "HTTP_PROXY": github.url,
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_the_commands_that_init_prints(github: Settings, workdir: Path) -> None:
    """They make both environments for the main branch alone, with a second person in front of what
    is destructive, hand the secret over sealed, and ask for a plan."""
    printed = called("init", "--action", PINNED).stdout
    commands = "\n".join(line[2:] for line in printed.splitlines() if line.startswith("  "))
    script = commands.replace("COLLEAGUE", "grace")
    # What somebody types at its question.
    script = script.replace("gh secret set", f"printf %s '{SECRET}' | gh secret set")
    run_by_bash(script, github, workdir)

    asked = {str(one): one.body for one in github.asked if one.method != "GET"}
    there = "/repos/acme/app/environments"
    main_only = {"protected_branches": False, "custom_branch_policies": True}
    assert asked[f"PUT {there}/production"] == {"deployment_branch_policy": main_only}
    assert asked[f"PUT {there}/production-destructive"] == {
        "deployment_branch_policy": main_only,
        "prevent_self_review": True,
        "reviewers": [{"type": "User", "id": 4711}],
    }
    for name in ("production", "production-destructive"):
        assert asked[f"POST {there}/{name}/deployment-branch-policies"] == {"name": "main"}
        sealed = asked[f"PUT {there}/{name}/secrets/SUPABASE_DB_URL"]["encrypted_value"]
        assert len(base64.b64decode(sealed)) == len(SECRET) + SEAL_BYTES
    assert asked["POST /repos/acme/app/actions/workflows/9/dispatches"]["ref"] == "main"
    assert "geheim" not in str(github.asked)


def test_the_commands_that_uninstall_prints(github: Settings, app: App, workdir: Path) -> None:
    """They remove what the workflows name, and the label."""
    assert called("init", "--action", PINNED).returncode == 0
    run = app.run("uninstall", options=UninstallOptions())
    listed, *commands = (step for step in run.next_steps if step.startswith("gh "))
    assert listed.startswith("gh issue list --label usersync ")  # it asks in a language of its own
    run_by_bash("\n".join(commands), github, workdir)
    asked = {str(one) for one in github.asked if one.method == "DELETE"}
    here = "DELETE /repos/acme/app"
    assert asked >= {
        f"{here}/labels/usersync",
        f"{here}/environments/production",
        f"{here}/environments/production-destructive",
        f"{here}/actions/secrets/SUPABASE_DB_URL",
        f"{here}/actions/variables/USERSYNC_NIGHTLY",
    }


def test_the_commands_of_the_page(github: Settings, workdir: Path) -> None:
    """The page's own commands ask for a plan, and for its being carried out."""
    page = (ROOT / "docs/github-actions.md").read_text()
    (plan,) = re.findall(r"`(gh workflow run [^`]+)`", page)
    (flag,) = re.findall(r"`(-f apply=[^`]+)`", page)
    run_by_bash(f"{plan}\n{plan} {flag}", github, workdir)
    inputs = [one.body.get("inputs") for one in github.asked if one.path.endswith("/dispatches")]
    assert inputs in ([{}, {"apply": "true"}], [None, {"apply": "true"}])


def test_a_command_that_is_wrong_is_caught(github: Settings, workdir: Path) -> None:
    """A flag that gh has not got, and a path that GitHub has not got, fail."""
    for wrong in (
        "gh secret set NAME --environment production",
        "gh api repos/{owner}/app/nothing",
    ):
        with pytest.raises(AssertionError):
            run_by_bash(wrong, github, workdir)
