"""The process environment and ``.env`` files: nothing else in usersync reads either."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from usersync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Every variable that usersync reads, with its meaning; the reference lists them.
VARIABLES: Mapping[str, str] = {
    "SUPABASE_DB_URL": "The connection string of the target, when the file names no other.",
    "SUPABASE_URL": "The address of the project's API, for where there is no connection string.",
    "SUPABASE_SERVICE_ROLE_KEY": "The key for it: a legacy `service_role` key or a secret key.",
    "SUPABASE_SECRET_KEY": "The same, where `SUPABASE_SERVICE_ROLE_KEY` is not set.",
    "USERSYNC_CONFIG": "The configuration file, when `--config` is not given.",
    "USERSYNC_TARGET": "The target, when `--target` is not given; never `local`.",
    "USERSYNC_ENVIRONMENT": "What the target of `SUPABASE_DB_URL` is for, when no file says it.",
    "USERSYNC_HEALTH_TOKEN": "The bearer token of the protected health endpoints.",
    "USERSYNC_REASON": "Why a change is made; kept in the journal.",
    "USERSYNC_DEBUG": "Print the traceback of a bug in usersync.",
    "CI": "Whether a machine is at the terminal; then nobody is asked.",
    "GITHUB_ACTIONS": "Whether the output goes into a log of GitHub, where steps are folded.",
    "GITHUB_ACTOR": "Who started the run, in the journal; otherwise the login name.",
    "GITHUB_TRIGGERING_ACTOR": "Who approved, in the journal; otherwise as `GITHUB_ACTOR`.",
    "GITHUB_SHA": "The commit that the run is of, in the journal.",
    "GITHUB_SERVER_URL": "With the next two, the link to the run in the journal.",
    "GITHUB_REPOSITORY": "See `GITHUB_SERVER_URL`.",
    "GITHUB_RUN_ID": "See `GITHUB_SERVER_URL`.",
    "GITHUB_API_URL": "Where `--publish` finds GitHub's API; an Enterprise server has its own.",
    "GITHUB_TOKEN": "What `--publish comment` and `--publish issue` may write with.",
    "GITHUB_EVENT_PATH": "The event that started the workflow: which pull request, and whether "
    "anybody can read the repository.",
    "GITHUB_STEP_SUMMARY": "The file that `--publish summary` adds to.",
    "GITHUB_OUTPUT": "The file that gets the outputs of the step.",
    "USERSYNC_PLAN_RUN_ID": "The workflow run whose plan is carried out, for `approval:`.",
    "USERSYNC_JOB_ENVIRONMENT": "The environment of this job, for `approval:`: whoever approves it "
    "is the second person where plan and apply are jobs of one run.",
}

#: The variables that decide where a connection goes.
CONNECTION_VARIABLES = (
    "SUPABASE_DB_URL",
    "SUPABASE_URL",
    "SUPABASE_SERVICE_ROLE_KEY",
    "SUPABASE_SECRET_KEY",
    "USERSYNC_CONFIG",
    "USERSYNC_TARGET",
    "USERSYNC_ENVIRONMENT",
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who runs this, where and why, for the journal."""

    actor: str
    reason: str
    run_url: str
    is_ci: bool
    commit_sha: str = ""
    approver: str = ""
    """Who it would be, if this run approves something."""
    is_debug: bool = False
    is_github: bool = False


def _without_empty(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The variables that hold something; CI systems pass a missing secret as empty text."""
    return {name: value for name, value in variables.items() if value and value.strip()}


def process_environment() -> dict[str, str]:
    """The variables of this process that hold something."""
    return _without_empty(os.environ)


def _with_env_file(environ: Mapping[str, str], path: str) -> dict[str, str]:
    """Add the variables of a ``.env`` file; those of the process win.

    Args:
        environ: the variables of the process.
        path: the file that was asked for.

    Raises:
        ConfigError: the file is missing, unreadable, or has a line that is no assignment.
    """
    try:
        with Path(path).open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        raise ConfigError(
            [f"{path}: there is no such file"], "Give `--env-file` a file that exists."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: this is not UTF-8 text"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    problems = [
        f"{path}:{binding.original.line}: this line is no `NAME=value`"
        for binding in bindings
        if binding.error
    ]
    if problems:
        raise ConfigError(problems, "Quote values that hold spaces or quotes.")
    # Values are taken as they stand: `$` in a password is no reference to another variable.
    in_file = {binding.key: binding.value for binding in bindings if binding.key}
    return _without_empty(in_file) | _without_empty(environ)


def variables_of(
    environ: Mapping[str, str] | None = None, env_file: str | None = None
) -> dict[str, str]:
    """The variables that hold something, those of the process before those of a ``.env`` file.

    Args:
        environ: the variables to look at; those of the process when not given.
        env_file: the value of ``--env-file``.

    Raises:
        ConfigError: the file is missing, unreadable, or has a line that is no assignment.
    """
    known = process_environment() if environ is None else _without_empty(environ)
    return _with_env_file(known, env_file) if env_file else known


def presence(
    names: Iterable[str] = (), env_file: str | None = None
) -> tuple[tuple[str, bool], ...]:
    """Which settings of the environment hold something; never what.

    Args:
        names: further variables to look for, such as those that targets name.
        env_file: a ``.env`` file that is read too.
    """
    known = variables_of(env_file=env_file)
    asked = dict.fromkeys((*CONNECTION_VARIABLES, *names))
    return tuple((name, name in known) for name in asked)


def text_of(name: str) -> str | None:
    """What a variable of the process holds, also when that is nothing; None when it is not set.

    Args:
        name: which one.
    """
    return os.environ.get(name)


def circumstances(environ: Mapping[str, str] | None = None) -> Circumstances:
    """Who runs this, where and why.

    Args:
        environ: the variables to look at; those of the process when not given.
    """
    known = variables_of(environ)
    parts = [known.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    server, repository, run_id = parts
    actor = known.get("GITHUB_ACTOR") or _login()
    return Circumstances(
        actor=actor,
        reason=known.get("USERSYNC_REASON", ""),
        run_url=f"{server}/{repository}/actions/runs/{run_id}" if all(parts) else "",
        is_ci=known.get("CI", "").lower() not in {"", "0", "false", "no"},
        commit_sha=known.get("GITHUB_SHA", ""),
        # Whoever starts a run of somebody else again answers for it.
        approver=known.get("GITHUB_TRIGGERING_ACTOR") or actor,
        is_debug="USERSYNC_DEBUG" in known,
        is_github=known.get("GITHUB_ACTIONS", "").lower() == "true",
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that has no name.
        return ""
