"""What can be said about workflows without running them, by linters and by rules of our own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from invoke.parser import Parser

import tasks
from tests import act, npm, workflow_rules
from tests.workflow_rules import File, read
from usersync import __version__, runbook, scaffold
from usersync.publishing import DESTINATIONS

ROOT = Path(__file__).parents[1]
LINTER = Path(__file__).with_name("workflow_linter")
ACTION = ROOT / "action.yml"
SCRIPT = ROOT / ".github/run-usersync.sh"

#: Where somebody's workflows get usersync from.
PINNED = f"acme/usersync@{'7' * 40} # v0.1.0"

RULES = (*workflow_rules.RULES, workflow_rules.calls(read(ACTION)))


def ours() -> list[Path]:
    """The workflows of this repository."""
    return sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's repository, after ``init``."""
    folder = tmp_path_factory.mktemp("theirs")
    scaffold.write(folder, scaffold.plan(folder, PINNED))
    workflows = folder / ".github/workflows"
    (workflows / "on-a-server.yml").write_text(
        on_a_server((workflows / "usersync-verify.yml").read_text())
    )
    return folder


def on_a_server(text: str) -> str:
    """The workflow of ``init``, without the `#` in front of what may be switched on."""
    return re.sub(r"^( *)#(?! \S)", r"\1", text, flags=re.MULTILINE)


def everything(theirs: Path) -> Iterator[Path]:
    """All workflows and the action."""
    yield from ours()
    yield ACTION
    yield from sorted((theirs / ".github/workflows").glob("*.yml"))


# -- linters -----------------------------------------------------------------------------------


def test_the_schemas_of_workflows_and_actions(theirs: Path) -> None:
    """check-jsonschema finds no key in any file that GitHub does not know."""
    workflows = [str(path) for path in everything(theirs) if path != ACTION]
    assert schema_faults("vendor.github-workflows", *workflows) == ""
    assert schema_faults("vendor.github-actions", str(ACTION)) == ""


def test_the_schema_finds_what_is_bad(tmp_path: Path) -> None:
    """A key that GitHub does not know is found."""
    bad = tmp_path / "bad.yml"
    bad.write_text((ROOT / ".github/workflows/ci.yml").read_text().replace("runs-on", "run-on"))
    assert "run-on" in schema_faults("vendor.github-workflows", str(bad))


def schema_faults(schema: str, *paths: str) -> str:
    """What check-jsonschema says; nothing when all is well."""
    command = [beside("check-jsonschema"), "--builtin-schema", schema, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout if done.returncode else ""


def test_zizmor_finds_nothing(theirs: Path) -> None:
    """zizmor, as its strictest persona, has nothing to say, here and in somebody's repository."""
    assert zizmor(ROOT) == set()
    assert zizmor(theirs) == set()


def test_zizmor_finds_what_is_bad(tmp_path: Path) -> None:
    """What is broken on purpose is found by zizmor."""
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    text = (ROOT / ".github/workflows/sync.yml").read_text()
    text = text.replace("permissions: {}", "permissions: write-all")
    text = text.replace("persist-credentials: false", "fetch-depth: 1")
    text = text.replace("# v7.0.1", "").replace("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7")
    (folder / "sync.yml").write_text(text + "\n      - run: echo ${{ inputs.reason }}\n")
    found = zizmor(tmp_path)
    assert {"artipacked", "excessive-permissions", "template-injection", "unpinned-uses"} <= found


def zizmor(folder: Path) -> set[str]:
    """What zizmor finds: the names of its audits."""
    options = ["--offline", "--strict-collection", "--persona=auditor", "--format=json"]
    options += ["--no-progress", "--quiet"]
    files = [str(path) for path in (folder / ".github/workflows").glob("*.yml")]
    files += [str(path) for path in folder.glob("action.yml")]
    command = [beside("zizmor"), *options, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return {one["ident"] for one in json.loads(done.stdout)}


@pytest.fixture(scope="session")
def language_service(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], set[str]]:
    """GitHub's own reading of a file; npm fetches it once.

    Without node or the registry there is nothing to run; on CI that is a failure.
    """
    esbuild = npm.installed(LINTER, ".bin/esbuild")
    bundle = tmp_path_factory.mktemp("linter") / "lint.mjs"
    requires = (
        'import {createRequire as made} from "node:module"; const require = made(import.meta.url);'
    )
    # The packages import JSON in a way that node does not know.
    options = ["--bundle", "--platform=node", "--format=esm", "--log-level=error"]
    command = [str(esbuild), str(LINTER / "lint.mjs"), *options, f"--banner:js={requires}"]
    subprocess.run([*command, f"--outfile={bundle}"], check=True, cwd=LINTER)

    def lint(path: Path) -> set[str]:
        done = subprocess.run(
            [npm.program("node"), str(bundle), str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        return {f"{one['line']}: {one['message']}" for one in json.loads(done.stdout)}

    return lint


def test_github_reads_every_file(
    theirs: Path, language_service: Callable[[Path], set[str]]
) -> None:
    """GitHub's own language service has nothing to say about any file."""
    for path in everything(theirs):
        assert language_service(path) == set(), path


def test_github_finds_what_is_bad(
    tmp_path: Path, language_service: Callable[[Path], set[str]]
) -> None:
    """A need, a schedule and a name that are not there are found."""
    path = tmp_path / "sync.yml"
    text = (ROOT / ".github/workflows/sync.yml").read_text()
    text = text.replace("needs: plan", "needs: plam").replace("17 3 * * *", "77 3 * * *")
    path.write_text(text.replace("vars.USERSYNC_NIGHTLY", "wars.USERSYNC_NIGHTLY"))
    found = " ".join(language_service(path))
    assert "plam" in found
    assert "cron" in found.lower()
    assert "wars" in found


def test_shellcheck_finds_nothing(theirs: Path) -> None:
    """shellcheck has nothing to say about any script, in a file or in a step."""
    scripts = {str(path): path.read_text() for path in (SCRIPT, ROOT / ".ci/run")}
    for path in everything(theirs):
        for number, step in enumerate(read(path).steps):
            if "run" in step and step.get("shell", "bash") == "bash":
                scripts[f"{path}, step {number}"] = "#!/usr/bin/env bash\n" + step["run"]
    assert len(scripts) > 4
    for name, script in scripts.items():
        assert shellcheck(script) == "", name


def test_shellcheck_finds_what_is_bad() -> None:
    """A variable that is not quoted is found."""
    assert "SC2086" in shellcheck('#!/usr/bin/env bash\ntouch "$1" && rm $1\n')


def shellcheck(script: str) -> str:
    """What shellcheck says of a script."""
    command = [beside("shellcheck"), "-"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False).stdout


def beside(program: str) -> str:
    """A program of this environment."""
    return str(Path(sys.executable).with_name(program))


# -- rules of our own --------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rules_are_kept(rule: Callable[[File], Iterator[str]], theirs: Path) -> None:
    """Every file keeps every rule."""
    assert {str(p): found for p in everything(theirs) if (found := [*rule(read(p))])} == {}


#: For each rule what breaks it: the file, and what is written instead of what.
BROKEN = {
    "unpinned": ("sync", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7.0.1"),
    "unpinned, without its version": ("sync", " # v7.0.1", ""),
    "permissions": ("sync", "\npermissions: {}\n", "\n"),
    "permissions of a job": ("sync", "issues: write", "contents: write"),
    "timeouts": ("runbook", "timeout-minutes: 60", "timeout-minutes: 360"),
    "expressions_in_scripts": ("ci", 'echo "$RESULTS"', "echo ${{ github.head_ref }}"),
    "triggers": ("verify", "  pull_request:", "  pull_request_target:"),
    "triggers of forks": ("verify-comment", "actions/download-artifact", "actions/checkout"),
    "kills": ("sync", "cancel-in-progress: false", "cancel-in-progress: true"),
    "kills, without a group": ("ci", "concurrency:", "defaults:"),
    "secrets": ("sync", "    environment: production\n", ""),
    "secrets as inputs": ("sync", "task: sync", "task: ${{ secrets.TASK }}"),
    "credentials": ("verify", "persist-credentials: false", "submodules: false"),
    "schedules": ("sync", "17 3", "0 3"),
    "rule": ("sync", "pass-on:", "pass_on:"),
    "rule of outputs": ("sync", "outputs.digest }}", "outputs.digests }}"),
    "rule of tasks": ("ci", "task: demo", "target: demo"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_caught(case: str) -> None:
    """What breaks a rule is found by that rule."""
    name, before, after = BROKEN[case]
    file = read(ROOT / f".github/workflows/{name}.yml")
    assert before in file.text
    (rule,) = (one for one in RULES if one.__name__ == re.split(r"[ ,]", case)[0])
    assert [*rule(File(file.path, file.text.replace(before, after)))] != []


def test_every_rule_is_seen_to_catch() -> None:
    """No rule is there that was never seen to catch something."""
    assert {rule.__name__ for rule in RULES} <= {re.split(r"[ ,]", case)[0] for case in BROKEN}


def test_the_choice_of_runbooks() -> None:
    """Our runbook workflow offers exactly the runbooks there are."""
    document = read(ROOT / ".github/workflows/runbook.yml").document
    offered = document["on"]["workflow_dispatch"]["inputs"]["runbook"]["options"]
    assert offered == [*runbook.entries(runbook.shipped_folder())]


@pytest.mark.parametrize("name", ["sync", "runbook"])
def test_ours_are_what_others_get(name: str) -> None:
    """Our own workflows are those that ``init`` writes, with this repository's own action."""
    names = [*runbook.entries(runbook.shipped_folder())]
    text = (ROOT / f".github/workflows/{name}.yml").read_text()
    assert text == scaffold.workflow(name, "$/", names), "invoke reference writes them"


def test_the_gate_waits_for_everything() -> None:
    """The one check of a branch rule needs every other job of CI, and each of them a success."""
    jobs = read(ROOT / ".github/workflows/ci.yml").jobs
    gate = jobs["gate"]
    assert {"gate", *gate["needs"]} == jobs.keys()
    assert f"'{' '.join(['success'] * len(gate['needs']))}'" in gate["steps"][0]["run"]
    assert gate["if"] == "${{ always() }}"


def test_our_own_pull_requests_are_proved() -> None:
    """`verify` drills every runbook, both ways, and runs every round trip, but for no caller."""
    workflow = read(ROOT / ".github/workflows/verify.yml")
    job = workflow.jobs["proofs"]
    assert job["if"] == "${{ !inputs.working-directory }}"
    assert workflow.document["on"]["workflow_call"]["inputs"]["working-directory"]["default"]
    *drills, round_trips = (step["run"].split() for step in job["steps"] if "run" in step)
    for drill in drills:
        assert drill[:2] == ["python3", "bootstrap.py"]
        (asked,) = Parser(contexts=tasks.ns.to_contexts()).parse_argv(drill[2:])
        assert not asked.args["name"].value, "all of them"
    assert [drill[2:] for drill in drills] == [
        ["runbook.drill"], ["runbook.drill", "--own-trigger"],
    ]  # fmt: skip
    assert round_trips[-2:] == ["-k", "round_trip"]
    assert {word for word in round_trips if word.endswith(".py")} == {
        f"tests/{path.name}"
        for path in (ROOT / "tests").glob("test_*.py")
        if re.search(r"^def test_\w*round_trip", path.read_text(), re.MULTILINE)
    }


def test_the_reusable_workflows_answer() -> None:
    """The workflows that others call have the outputs of the action that callers ask for."""
    for name in ("verify", "after-deploy"):
        called = read(ROOT / f".github/workflows/{name}.yml").document["on"]["workflow_call"]
        assert called["outputs"].keys() == {
            "status", "exit-code", "missing", "failed", "report-url",
        }  # fmt: skip


# -- what the action installs ------------------------------------------------------------------


def requirements() -> dict[str, str]:
    """The packages of requirements.txt and their versions, each with at least one hash."""
    text = (ROOT / "requirements.txt").read_text()
    lines = re.sub(r"#.*", "", text).replace("\\\n", " ").splitlines()
    found = {}
    for line in filter(None, map(str.strip, lines)):
        name, _, rest = line.partition("==")
        version, *hashes = rest.split()
        conditions = [part for part in hashes if not part.startswith("--hash=")]
        assert len(hashes) > len(conditions), f"{name} has no hash"
        found[normal(name)] = version
    return found


def normal(name: str) -> str:
    """The name of a package, written in the one way."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_action_installs_what_the_tests_ran_with() -> None:
    """requirements.txt has the versions of constraints.txt, and says nothing of where they are."""
    constraints = {
        normal(line.partition("==")[0]): line.partition("==")[2].strip()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    assert {name: constraints.get(name) for name in requirements()} == requirements()
    text = (ROOT / "requirements.txt").read_text()
    assert not re.search(r"https?://|^-", text, re.MULTILINE)


def test_the_action_installs_all_that_is_needed() -> None:
    """Everything that usersync, its embedded Postgres and its build want is in requirements.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += project["project"]["optional-dependencies"]["local"]
    names = {normal(re.split(r"[\[<>=~!; ]", one)[0]) for one in wanted}
    assert names <= requirements().keys()


def test_the_action_takes_nothing_unpinned() -> None:
    """The action installs packages by hash, as wheels, and itself without asking an index."""
    installs = [step["run"] for step in read(ACTION).steps if "pip" in step.get("run", "")]
    (script,) = installs
    lines = [line.strip() for line in script.splitlines() if '"${pip[@]}"' in line]
    assert len(lines) == 2
    assert "--require-hashes --only-binary :all:" in lines[0]
    assert "--no-index --no-build-isolation" in lines[1]
    assert script.count("--no-deps") == 1


def test_the_action_installs(tmp_path: Path) -> None:
    """What the action runs to install itself works, from an export, on this Python and platform.

    Without the package index there is nothing to install; on CI that is a failure.
    """
    (script,) = (step["run"] for step in read(ACTION).steps if "pip" in step.get("run", ""))
    around = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHON": sys.executable,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_ACTION_PATH": str(act.export(tmp_path / "export")),
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, env=around, capture_output=True, text=True, check=False)
    if done.returncode and "No matching distribution" in done.stderr and "CI" not in os.environ:
        pytest.skip("the package index is out of reach")
    assert done.returncode == 0, done.stderr
    program = tmp_path / "usersync/bin/usersync"
    for word, told in (("--version", f"usersync {__version__}"), ("runbook.list", "nightly-sync")):
        done = subprocess.run(
            [program, word], env=around, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert told in done.stdout


# -- what the docs show ------------------------------------------------------------------------


def test_every_place_of_a_report_is_named() -> None:
    """The action, its page and the page of reports name each place that `--publish` takes."""
    described = read(ACTION).document["inputs"]["publish"]["description"]
    assert tuple(re.findall(r"\w+", described.rpartition("(")[2])) == DESTINATIONS
    (row,) = re.findall(
        r"^\| `publish` \|(.*)\|$", (ROOT / "docs/github-actions.md").read_text(), re.MULTILINE
    )
    assert tuple(re.findall(r"`(\w+)`", row)) == DESTINATIONS
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reports.md").read_text(), re.MULTILINE)
    assert set(DESTINATIONS) <= set(rows)


def shown() -> dict[str, str]:
    """Every workflow that the docs show, as somebody would copy it, by page and name."""
    return {
        f"{page.name}, {text.partition(chr(10))[0]}": text.replace("OWNER", "acme").replace(
            "COMMIT", "7" * 40
        )
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for text in re.findall(r"^```yml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    }


@pytest.mark.parametrize("name", shown())
def test_the_workflows_of_the_docs(
    name: str, tmp_path: Path, language_service: Callable[[Path], set[str]]
) -> None:
    """What the docs show keeps every rule, and GitHub's language service has nothing to say."""
    path = tmp_path / "shown.yml"
    path.write_text(shown()[name])
    assert [fault for rule in RULES for fault in rule(read(path))] == []
    assert language_service(path) == set()
    assert schema_faults("vendor.github-workflows", str(path)) == ""


def test_the_job_on_a_server_is_what_init_writes(theirs: Path, tmp_path: Path) -> None:
    """The docs show the steps that stand in the workflow of ``init`` behind a `#`, all of them."""
    page = tmp_path / "page.yml"
    page.write_text(shown()["pull-requests.md, name: usersync verify"])
    without_server = read(theirs / ".github/workflows/usersync-verify.yml").jobs
    with_server = read(theirs / ".github/workflows/on-a-server.yml").jobs
    assert read(page).jobs == with_server
    assert len(with_server["sign-ups"]["steps"]) == len(without_server["sign-ups"]["steps"]) + 2


def test_the_docs_name_what_the_action_has() -> None:
    """Every input and output of the action, and of what others call, stands in the docs."""
    page = (ROOT / "docs/github-actions.md").read_text()
    action = read(ACTION).document
    called = read(ROOT / ".github/workflows/verify.yml").document["on"]["workflow_call"]
    for name in (*action["inputs"], *action["outputs"], *called["inputs"]):
        assert f"`{name}`" in page, name
