"""Workflows run by act, in this machine's own shell: no container, no network, no account.

A repository under test is a copy. In it, what act does not know yet is written in a way that it
knows (`$/`, `queue:`), and the actions of others are stand-ins of a few lines: there is no network
to fetch them from. Our action, its script, usersync and the database are the real ones; only the
installation is left out: the Python that `setup-python` names makes an environment of this one.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.program import ROOT, USERSYNC
from usersync.tasks import namespace
from usersync.tasks.command import COMMON_FLAGS

ACT = Path(sys.executable).with_name("act")

#: How workflows under test name the action of their own repository.
SELF = "acme/usersync@" + "5" * 40

#: What waits for tasks that can report, and for others that workflows call.
CAN_PUBLISH = "publish" in COMMON_FLAGS
TASKS = set(namespace.task_names)

GIT = ("git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.com")

STAND_INS: Mapping[str, str] = {
    "actions/setup-python": """\
inputs: {python-version: {}, update-environment: {}}
outputs:
  python-path: {value: "${{ steps.python.outputs.path }}"}
runs:
  using: composite
  steps:
    - id: python
      shell: bash
      run: echo "path=@FOLDER@/python" >>"$GITHUB_OUTPUT"
""",
    "actions/upload-artifact": """\
inputs: {name: {}, path: {}, retention-days: {}}
runs:
  using: composite
  steps:
    - shell: bash
      run: mkdir -p "$ARTIFACTS/$NAME" && cp "$FILE" "$ARTIFACTS/$NAME/"
      env: {NAME: "${{ inputs.name }}", FILE: "${{ inputs.path }}", ARTIFACTS: "@FOLDER@/artifacts"}
""",
    "actions/download-artifact": """\
inputs: {name: {}, path: {}, run-id: {}, github-token: {}}
runs:
  using: composite
  steps:
    - shell: bash
      run: mkdir -p "$TO" && cp "$ARTIFACTS/$NAME"/* "$TO/"
      env: {NAME: "${{ inputs.name }}", TO: "${{ inputs.path }}", ARTIFACTS: "@FOLDER@/artifacts"}
""",
    "supabase/setup-cli": """\
inputs: {version: {}}
runs:
  using: composite
  steps:
    - shell: bash
      run: echo "installed $VERSION" >>"@FOLDER@/supabase-cli"
      env: {VERSION: "${{ inputs.version }}"}
""",
}

#: A Python that makes no environment and asks no index, and notes what it was asked for.
PYTHON = """\
#!/bin/sh
echo "$*" >>"@FOLDER@/installed"
case "$*" in
"-I -m venv --clear "*)
    mkdir -p "$5/bin"
    ln -sf "@FOLDER@/python" "$5/bin/python"
    ln -sf "@USERSYNC@" "$5/bin/usersync"
    ;;
"-I -m pip "*) ;;
*) exec "@REAL@" "$@" ;;
esac
"""

#: Where a step fails, act reads no further: what it printed last is given the time to arrive.
SHELL = """\
#!/bin/sh
"@REAL@" "$@"
code=$?
[ $code -eq 0 ] || sleep 0.2
exit $code
"""


@dataclass(frozen=True)
class Ran:
    """What act told of a run of workflows."""

    code: int
    text: str
    lines: tuple[dict[str, Any], ...]
    artifacts: Path
    """What it handed to other runs, and what runs before it did."""

    def of(self, call: str = "", **leg: str) -> Ran:
        """What one job told alone.

        Args:
            call: of a workflow that is called, the job that calls it.
            leg: of a matrix, the values of one.
        """
        lines = tuple(
            one
            for one in self.lines
            if one.get("job", "").startswith(call and f"{call}/")
            and leg.items() <= (one.get("matrix") or {}).items()
        )
        return replace(self, lines=lines)

    @property
    def jobs(self) -> dict[str, str]:
        """How each job ended that ran; what was skipped is not among them."""
        return {one["jobID"]: one["jobResult"] for one in self.lines if "jobResult" in one}

    @property
    def steps(self) -> dict[str, list[tuple[str, str]]]:
        """The main steps of each job, in their order, and how they ended."""
        found: dict[str, list[tuple[str, str]]] = {}
        for one in self.lines:
            if "stepResult" in one and one.get("stage") == "Main" and len(one["stepID"]) == 1:
                found.setdefault(one["jobID"], []).append((one["step"], one["stepResult"]))
        return found

    def output(self, job: str, name: str) -> str | None:
        """The last that a step of a job gave under a name."""
        given = [
            one["arg"]
            for one in self.lines
            if one.get("command") == "set-output" and one["jobID"] == job and one["name"] == name
        ]
        return given[-1] if given else None

    @property
    def summaries(self) -> list[str]:
        """What stands in the summary of the run; what a step within a step wrote, once."""
        found = [one["content"] for one in self.lines if one.get("command") == "summary"]
        return list(dict.fromkeys(found))

    @property
    def annotations(self) -> list[tuple[str, str]]:
        """Errors, warnings and notices: which, and what they say."""
        kinds = ("error", "warning", "notice")
        found = [(one["command"], one["arg"]) for one in self.lines if one.get("command") in kinds]
        return list(dict.fromkeys(found))

    @property
    def told(self) -> list[str]:
        """Errors, warnings and notices as they stand in the log, for GitHub to make them of."""
        kinds = ("error", "warning", "notice")
        found = [one["raw"] for one in self.lines if one.get("command") in kinds]
        return list(dict.fromkeys(line.strip() for line in found))

    @property
    def story(self) -> str:
        """What its steps printed and what act complained of, for a test that fails."""
        told = [
            one["msg"].rstrip()
            for one in self.lines
            if one.get("raw_output") or one.get("level") in ("error", "fatal")
        ]
        return "\n".join([str(self.jobs), *told, self.text.rpartition("}\n")[2]])

    def log(self, job: str) -> str:
        """What the steps of a job printed."""
        return "".join(
            one["msg"] for one in self.lines if one.get("raw_output") and one["jobID"] == job
        )


@dataclass
class Repository:
    """One repository, with what act needs around it."""

    folder: Path
    home: Path
    name: str = "acme/app"
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, Path] = field(default_factory=dict)
    """Other repositories, by how workflows use them."""

    def commit(self, message: str = "a change") -> None:
        """Commit everything; the first time it becomes a repository."""
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
            self.git("remote", "add", "origin", f"https://github.com/{self.name}.git")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")

    def git(self, *words: str) -> None:
        """Run git in it."""
        subprocess.run([*GIT, *words], cwd=self.folder, check=True, capture_output=True)

    def run(
        self,
        workflow: str,
        event: str,
        *,
        payload: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run one of its workflows.

        Args:
            workflow: the file, without its folder and ending.
            event: what starts it.
            payload: of the event.
            inputs: of a dispatch.
        """
        event_file = self.home / "event.json"
        event_file.write_text(json.dumps({**(payload or {}), "inputs": dict(inputs or {})}))
        path = f".github/workflows/{workflow}.yml"
        command = [str(ACT), event, "--json", "-W", path, "-e", str(event_file)]
        command += ["-P", "ubuntu-24.04=-self-hosted", "-P", "ubuntu-latest=-self-hosted"]
        command += ["--action-cache-path", str(self.home / "cache"), "--rm", "--no-cache-server"]
        for file in ("env-file", "secret-file", "var-file", "input-file"):
            command += [f"--{file}", "/dev/null"]
        for flag, values in (
            ("-s", self.secrets), ("--var", self.variables), ("--env", self.environment),
        ):  # fmt: skip
            command += [
                part for name, value in values.items() for part in (flag, f"{name}={value}")
            ]
        for used, place in {**self._stand_ins(), **self.elsewhere}.items():
            command += ["--local-repository", f"{used}={place}"]
        folders = (self.home / "programs", Path(sys.executable).parent)
        path_variable = f"{folders[0]}:{folders[1]}:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            ["env", "-i", f"HOME={self.home}", f"PATH={path_variable}", *command],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        lines = tuple(_lines(done.stdout))
        return Ran(done.returncode, done.stdout + done.stderr, lines, self.home / "artifacts")

    def _stand_ins(self) -> dict[str, Path]:
        """A stand-in for each action of others that is used here, at the commit that is used."""
        used: dict[str, Path] = {}
        for root in (self.folder, *self.elsewhere.values()):
            for path in (*root.glob(".github/workflows/*.yml"), *root.glob("action.yml")):
                for name, ref in re.findall(r"uses: ([\w-]+/[\w-]+)@(\w+)", path.read_text()):
                    if name in STAND_INS:
                        used[f"{name}@{ref}"] = self.home / name
        return used


def repository(folder: Path, home: Path, **options: Any) -> Repository:
    """A repository whose workflows can be run, and what stands around it.

    Args:
        folder: what is in it.
        home: an empty folder beside it.
        options: see `Repository`.
    """
    home.mkdir(exist_ok=True)
    (home / "artifacts").mkdir()
    for name, text in STAND_INS.items():
        (home / name).mkdir(parents=True)
        described = f"name: {name}\ndescription: a stand-in\n{text}"
        (home / name / "action.yml").write_text(described.replace("@FOLDER@", str(home)))
    python = PYTHON.replace("@FOLDER@", str(home)).replace("@REAL@", sys.executable)
    (home / "python").write_text(python.replace("@USERSYNC@", USERSYNC))
    (home / "python").chmod(0o755)
    for name, real in (("bash", shutil.which("bash")), ("python", sys.executable)):
        stand_in(home, name, SHELL.replace("@REAL@", str(real)))
    return Repository(folder, home, **options)


def stand_in(home: Path, name: str, text: str) -> None:
    """A program of a machine whose workflows are run, in the place of the real one.

    Args:
        home: of the repository.
        name: the program's.
        text: what it does; ``@FOLDER@`` is its home.
    """
    folder = home / "programs"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text.replace("@FOLDER@", str(home)))
    (folder / name).chmod(0o755)


def export(folder: Path, used: str = SELF) -> Path:
    """This repository as GitHub gives it to others, its workflows written so that act reads them.

    Args:
        folder: where to.
        used: how others use it.
    """
    # Neither what git ignores nor what an action has no use for, which is most of the files.
    ignored = (ROOT / ".gitignore").read_text().replace("/\n", "\n").split()
    left_out = shutil.ignore_patterns(*ignored, ".git", "tests", "docs", "benchmarks")
    shutil.copytree(ROOT, folder, symlinks=True, ignore=left_out, dirs_exist_ok=True)
    consumer = Path("tests/consumer")
    shutil.copytree(ROOT / consumer, folder / consumer)
    for path in (*folder.glob(".github/workflows/*.yml"), folder / "action.yml"):
        readable(path, used)
    return folder


def readable(path: Path, used: str = SELF) -> None:
    """Write a workflow so that act reads it: it knows neither `$/` nor `queue:`."""
    text = without_publishing(path.read_text()).replace("uses: $/\n", f"uses: {used}\n")
    path.write_text(re.sub(r"^  queue: max\n", "", text, flags=re.MULTILINE))


def without_publishing(text: str) -> str:
    """A workflow or an action that reports nowhere, as long as no task can."""
    if CAN_PUBLISH:
        return text
    text = re.sub(r"^( +publish:) .*$", r'\1 ""', text, flags=re.MULTILINE)
    return text.replace("default: summary,annotations", 'default: ""')


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
