"""What GitHub Actions says of the run that this is part of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usersync.config.environment import process_environment

#: An event is small; a file that is not is none.
_LONGEST_EVENT_BYTES = 30_000_000


@dataclass(frozen=True, slots=True)
class GitHub:
    """The workflow run around this process, or what of it there is."""

    api_url: str = "https://api.github.com"
    repository: str = ""
    """``owner/name``."""
    run_id: str = ""
    token: str = field(default="", repr=False)
    event: Mapping[str, Any] = field(default_factory=dict, repr=False)
    summary_path: str = ""
    output_path: str = ""
    is_actions: bool = False
    plan_run_id: str = ""
    """The workflow run whose plan is carried out here."""
    job_environment: str = ""
    """The environment of this job, as GitHub knows it."""

    @property
    def pull_request(self) -> int | None:
        """The number of the pull request that started this, if one did."""
        for name in ("pull_request", "issue"):
            number = _at(self.event, name, "number")
            if isinstance(number, int) and (
                name != "issue" or _at(self.event, name, "pull_request")
            ):
                return number
        return None

    @property
    def is_private(self) -> bool | None:
        """Whether only some people can read the repository; None when the event does not say."""
        answer = _at(self.event, "repository", "private")
        return answer if isinstance(answer, bool) else None


def github(environ: Mapping[str, str] | None = None) -> GitHub:
    """Read the variables and the event that GitHub Actions gives to a step.

    Args:
        environ: the variables to look at; those of the process when not given.
    """
    known = process_environment() if environ is None else environ
    return GitHub(
        api_url=known.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        repository=known.get("GITHUB_REPOSITORY", ""),
        run_id=known.get("GITHUB_RUN_ID", ""),
        token=known.get("GITHUB_TOKEN", ""),
        event=_event(known.get("GITHUB_EVENT_PATH", "")),
        summary_path=known.get("GITHUB_STEP_SUMMARY", ""),
        output_path=known.get("GITHUB_OUTPUT", ""),
        is_actions=known.get("GITHUB_ACTIONS", "").lower() == "true",
        plan_run_id=known.get("USERSYNC_PLAN_RUN_ID", ""),
        job_environment=known.get("USERSYNC_JOB_ENVIRONMENT", ""),
    )


def _event(path: str) -> Mapping[str, Any]:
    try:
        if not path or Path(path).stat().st_size > _LONGEST_EVENT_BYTES:
            return {}
        value = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
