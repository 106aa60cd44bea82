"""``logs``: the recent errors of the app's log files, masked, and where the other logs are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from usersync import config, privacy
from usersync.config import Target
from usersync.model import Outcome, Step
from usersync.session import Session

#: How much of the end of a file is read.
_TAIL_BYTES = 256 * 1024

_LONGEST_LINE = 2_000

#: A level by its name, or the last line of a traceback.
_ERROR = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL|PANIC|SEVERE|EMERGENCY)\b|\"?level\"?[=:]\s*\"?(?:error|fatal)\b"
    r"|^\s*[\w.]*(?:Error|Exception)(?::|$)"
)


def recent(session: Session, *, lines: int = 20) -> Outcome:
    """The last lines of each log file that tell of an error.

    Args:
        session: the run's surroundings; no door is needed.
        lines: how many of each file, at most.
    """
    settings = session.target.settings
    steps: list[Step] = []
    for name in settings.logs:
        steps += _file(name, lines)
    # That the default one is not there says nothing: nobody named it.
    unread = {"unknown"} | ({"skipped"} if "logs" in settings.model_fields_set else set())
    return Outcome(
        steps=tuple(steps),
        notes=(
            f"Database log: {_database_log(session.target)}",
            f"Sync log: {session.command('status', '--history', '20')}",
        ),
        exit_code=1 if any(step.status in unread for step in steps) else 0,
    )


def _file(name: str, lines: int) -> list[Step]:
    path = Path(name)
    try:
        if not path.exists():
            return [_unread(name, f"there is no such file in {Path.cwd()}", "skipped")]
        if not path.is_file():
            return [_unread(name, "it is no file")]
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = file.seek(max(size - _TAIL_BYTES, 0))
            text = file.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError as error:
        return [_unread(name, f"it cannot be read: {error.strerror}")]
    # What the cut left of its first line would show half of a secret, unmasked.
    whole = text.split("\n")[1 if start else 0 :]
    errors = [line.rstrip("\r") for line in whole if _ERROR.search(line)]
    where = f"the last {_TAIL_BYTES // 1024} KiB" if start else "it"
    counted = f"{len(errors):,} errors in {where}"
    if len(errors) > lines:
        counted += f", the last {lines}:"
    return [
        Step(name, "ok", counted),
        *(Step(name, "finding", _shown(line)) for line in errors[-lines:]),
    ]


def _shown(line: str) -> str:
    """A line as anybody may see it; of a long one its whole words at the beginning."""
    if len(line) <= _LONGEST_LINE:
        return privacy.masked(line)
    # What is cut off in the middle of a word may be no address or key any more, and be shown.
    words = line[:_LONGEST_LINE].rpartition(" ")[0]
    return f"{privacy.masked(words)} … ({len(line):,} characters)"


def _unread(name: str, why: str, status: Literal["unknown", "skipped"] = "unknown") -> Step:
    return Step(
        name, status, why, next_step="name the log files of the app: `logs:` in usersync.yaml"
    )


def _database_log(target: Target) -> str:
    if target.is_local:
        return "the file `log` in the folder of the local stack, or of your own Postgres"
    ref = config.project_ref(target)
    if not ref:
        return "Supabase dashboard → Logs → Postgres"
    return f"https://supabase.com/dashboard/project/{ref}/logs/postgres-logs"
