"""The rules that every workflow keeps, ours and those that ``init`` writes.

Each rule is a function of one file that answers its violations, so that each is also seen to catch
one that is planted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

#: What a job may write, and for what.
MAY_WRITE = {"issues", "pull-requests"}

_PINNED = re.compile(r"uses: [\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40} # v\d+(\.\d+)*")


class _Loader(yaml.SafeLoader):
    """Reads ``on:`` as the word that it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:bool"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


@dataclass(frozen=True)
class File:
    """A workflow, or an action."""

    path: Path
    text: str

    @property
    def document(self) -> Any:
        """What it says."""
        return yaml.load(self.text, _Loader)

    @property
    def jobs(self) -> Mapping[str, Any]:
        """Its jobs, by name; an action has none."""
        jobs: Mapping[str, Any] = self.document.get("jobs", {})
        return jobs

    @property
    def steps(self) -> Iterator[dict[str, Any]]:
        """Every step of it."""
        for job in self.jobs.values():
            yield from job.get("steps", ())
        yield from self.document.get("runs", {}).get("steps", ())


def read(path: Path) -> File:
    """One file."""
    return File(path, path.read_text(encoding="utf-8"))


def unpinned(file: File) -> Iterator[str]:
    """What is used of others is pinned to a commit, with its version beside it."""
    for line in file.text.splitlines():
        used = line.strip().removeprefix("- ")
        is_ours = used.startswith(("uses: $/", "uses: ./"))
        if used.startswith("uses: ") and not is_ours and not _PINNED.fullmatch(used):
            yield used


def permissions(file: File) -> Iterator[str]:
    """A workflow grants nothing; each of its jobs says what it needs, and writes little."""
    if file.jobs and file.document.get("permissions") != {}:
        yield "the workflow's permissions are not {}"
    for name, job in file.jobs.items():
        granted = job.get("permissions")
        if not isinstance(granted, dict):
            yield f"{name} does not say what it may"
            continue
        for what, level in granted.items():
            if level not in ("read", "none") and what not in MAY_WRITE:
                yield f"{name} may write {what}"


def timeouts(file: File) -> Iterator[str]:
    """Every job ends by itself, in an hour at most."""
    for name, job in file.jobs.items():
        if "steps" in job and not 0 < job.get("timeout-minutes", 0) <= 60:
            yield f"{name} has no timeout"


def expressions_in_scripts(file: File) -> Iterator[str]:
    """No expression stands in a script: what it holds would be run."""
    for step in file.steps:
        if "${{" in step.get("run", ""):
            yield step["run"]


def triggers(file: File) -> Iterator[str]:
    """Nothing starts with a pull request's code and this repository's rights."""
    started_by = file.document.get("on", {})
    if "pull_request_target" in started_by:
        yield "pull_request_target"
    if "workflow_run" in started_by:
        for step in file.steps:
            if "checkout" in step.get("uses", ""):
                yield "a checkout behind workflow_run"


def kills(file: File) -> Iterator[str]:
    """What may write a target is never cancelled by the next run of it."""
    if not file.jobs:
        return
    concurrency = file.document.get("concurrency")
    if not concurrency:
        yield "it has no concurrency group"
        return
    writes = any("environment" in job or "secrets" in job for job in file.jobs.values())
    if writes and concurrency.get("cancel-in-progress") is not False:
        yield "it may be cancelled"


def secrets(file: File) -> Iterator[str]:
    """Secrets are those of an environment, and reach a step by `env:` alone."""
    for name, job in file.jobs.items():
        uses = "secrets." in str(job)
        if uses and "environment" not in job:
            yield f"{name} has secrets and no environment"
        for step in job.get("steps", ()):
            others = {key: value for key, value in step.items() if key != "env"}
            if "secrets." in str(others):
                yield f"{name} passes a secret that is no variable"


def credentials(file: File) -> Iterator[str]:
    """No checkout leaves the token behind."""
    for step in file.steps:
        kept = step.get("with", {}).get("persist-credentials") is not False
        if kept and "actions/checkout" in step.get("uses", ""):
            yield step["uses"]


def schedules(file: File) -> Iterator[str]:
    """A schedule is at an odd minute, once an hour at most."""
    started_by = file.document.get("on")
    for one in started_by.get("schedule", ()) if isinstance(started_by, dict) else ():
        minute = one["cron"].split()[0]
        if not minute.isdigit() or int(minute) % 2 == 0:
            yield one["cron"]


def calls(action: File) -> Callable[[File], Iterator[str]]:
    """What is given to our action, and read from it, it has got.

    Args:
        action: ours.
    """
    inputs, outputs = action.document["inputs"], action.document["outputs"]

    def rule(file: File) -> Iterator[str]:
        for name, job in file.jobs.items():
            ours = {
                step.get("id"): step
                for step in job.get("steps", ())
                if step.get("uses", "") == "$/" or "/usersync@" in step.get("uses", "")
            }
            for step in ours.values():
                yield from (
                    f"{name}: there is no input {one}"
                    for one in step.get("with", {}).keys() - inputs
                )
                if "task" not in step.get("with", {}):
                    yield f"{name}: which task?"
            for id_, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", str(job)):
                if id_ in ours and output not in outputs:
                    yield f"{name}: there is no output {output}"

    return rule


RULES: tuple[Callable[[File], Iterator[str]], ...] = (
    unpinned,
    permissions,
    timeouts,
    expressions_in_scripts,
    triggers,
    kills,
    secrets,
    credentials,
    schedules,
)
