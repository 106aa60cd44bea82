"""The team's webhook and the heartbeat of an outside monitor: best effort, never a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx

from usersync import __version__, run_file
from usersync.privacy import plain_line
from usersync.report import Report, unmarked

#: While it fails, the team is told again after this; less than a day, since schedules are late.
REMIND_AFTER = timedelta(hours=20)

_TIMEOUT_S = 10.0
_FORMATS = Literal["slack", "json"]


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of the last time."""

    exit_code: int | None = None
    told_at: datetime | None = None


def is_due(made: Report, before: Memory, now: datetime) -> bool:
    """Whether the team is told: the state changed, or it has failed for a day.

    Args:
        made: what is reported.
        before: the last time.
        now: the time.
    """
    if made.exit_code == 7:
        return False
    if made.exit_code == 0:
        return before.exit_code not in (0, None)
    if before.exit_code != made.exit_code or before.told_at is None:
        return True
    return now - before.told_at >= REMIND_AFTER


def message(made: Report, format: _FORMATS, run_url: str) -> dict[str, Any]:  # noqa: A002
    """What the webhook gets; it holds no whole ids and no addresses.

    Args:
        made: what is reported.
        format: ``slack`` or ``json``.
        run_url: where the whole report is.
    """
    if format == "slack":
        said = (made.headline.text, *(f"• {one}" for one in made.changes[:10]))
        lines = [_slack(unmarked(one)) for one in said]
        if run_url:
            lines.append(f"<{_slack(run_url)}|the run>")
        return {"text": "\n".join(lines)}
    return {
        "tool": f"usersync {__version__}",
        "exit_code": made.exit_code,
        "headline": plain_line(made.headline.text),
        "changes": [plain_line(one) for one in made.changes[:50]],
        "runs": [
            {
                "name": plain_line(section.name),
                "exit_code": section.run.exit_code,
                "headline": plain_line(section.headline.text),
            }
            for section in made.sections
        ],
        "run_url": run_url,
    }


def send(url: str, body: Mapping[str, Any] | None = None) -> str:
    """Send a message to a webhook, or a sign of life to a heartbeat.

    Args:
        url: the address, a secret: it stands in no message.
        body: the message; a heartbeat has none.

    Returns:
        Why it did not arrive; empty when it did.
    """
    try:
        with httpx.Client(
            timeout=_TIMEOUT_S, headers={"User-Agent": f"usersync/{__version__}"}
        ) as http:
            answer = http.get(url) if body is None else http.post(url, json=body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return f"no answer ({type(error).__name__})"
    return "" if answer.is_success else f"answered {answer.status_code}"


def recalled(path: Path, key: str) -> Memory:
    """What this machine remembers of the last time.

    Args:
        path: the file.
        key: what it is about.
    """
    known = _file(path).get(key)
    if not isinstance(known, dict):
        return Memory()
    code, told = known.get("exit_code"), known.get("told_at")
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        moment = None
    return Memory(code if isinstance(code, int) else None, moment)


def remember(path: Path, key: str, memory: Memory) -> None:
    """Keep it for the next time.

    Args:
        path: the file.
        key: what it is about.
        memory: this time.
    """
    known = _file(path)
    told = memory.told_at.isoformat() if memory.told_at else None
    known[key] = {"exit_code": memory.exit_code, "told_at": told}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_file.write(path, json.dumps(known, indent=2))


def _file(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _slack(text: str) -> str:
    """Escaped as api.slack.com, "Formatting text for app surfaces", says: no mention, no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
