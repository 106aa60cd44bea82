"""What the step itself shows: its summary, annotations on its log, and its outputs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from usersync.privacy import LONGEST_MESSAGE, short_ids, visible
from usersync.report import BROKEN, Report, Section

Severity = Literal["error", "warning", "notice"]

#: GitHub shows at most ten of a kind for a step.
MOST_ANNOTATIONS = 10

STATUSES = {
    0: "ok",
    1: "error",
    2: "drift",
    3: "refused",
    4: "stopped",
    5: "failed",
    6: "failed",
    7: "locked",
}


@dataclass(frozen=True, slots=True)
class Annotation:
    """One line that GitHub shows beside the run, or beside a file of a pull request."""

    message: str
    severity: Severity
    file: str = ""
    title: str = "usersync"

    @property
    def command(self) -> str:
        """The workflow command, with everything escaped that could end it or begin another."""
        where = f"file={_escaped(self.file, is_property=True)}," if self.file else ""
        title = _escaped(self.title, is_property=True)
        return f"::{self.severity} {where}title={title}::{_escaped(self.message)}"


def annotated(
    made: Report, migrations: str = "supabase/migrations", room: int = MOST_ANNOTATIONS
) -> tuple[Annotation, ...]:
    """The aggregate first, then what it is made of; as many as there is room for.

    Args:
        made: what is reported.
        migrations: the folder of the files that verdicts name.
        room: how many there may be; the aggregate is always there.
    """
    is_broken = made.headline.symbol == BROKEN
    severity: Severity = "error" if is_broken else _severity(made.exit_code)
    parts = list(_parts(made.sections, migrations))
    if len(parts) >= room:
        shown = max(room - 2, 0)
        rest = Annotation(f"and {len(parts) - shown:,} more: see the summary", severity)
        parts = [*parts[:shown], rest][: max(room - 1, 0)]
    return (Annotation(made.headline.text, severity), *parts)


def summarize(path: str, text: str) -> None:
    """Add to the summary of the step.

    Args:
        path: ``GITHUB_STEP_SUMMARY``.
        text: Markdown.
    """
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write(text + "\n")


def write_outputs(path: str, values: Mapping[str, str]) -> None:
    """Set outputs of the step.

    Args:
        path: ``GITHUB_OUTPUT``.
        values: name and value.
    """
    with Path(path).open("a", encoding="utf-8") as stream:
        for name, value in values.items():
            end = f"end-{secrets.token_hex(16)}"
            stream.write(f"{name}<<{end}\n{visible(value, LONGEST_MESSAGE)}\n{end}\n")


def outputs(made: Report, run_url: str) -> dict[str, str]:
    """What later steps of a workflow may decide upon.

    Args:
        made: what is reported.
        run_url: where it is shown.
    """
    runs = [section.run for section in made.sections]
    tables = [table for run in runs for table in run.tables]
    figures = [run.runbook.figures for run in runs if run.runbook]
    digests = [run.digest for run in runs if run.digest]
    missing = [table.status.missing for table in tables if table.status]
    missing += [one.missing for one in figures if one.missing is not None]
    measured = [table.summary or table.plan for table in tables]
    missing = missing or [one.missing for one in measured if one]
    failed = [table.summary.failed for table in tables if table.summary]
    failed += [one.failed for one in figures]
    return {
        "status": STATUSES[made.exit_code],
        "exit-code": str(made.exit_code),
        "missing": str(sum(missing)),
        "failed": str(sum(failed)),
        # A digest stands for one plan: of several none is chosen.
        "digest": digests[0] if len(digests) == 1 else "",
        "report-url": run_url,
    }


def _parts(sections: Iterable[Section], migrations: str) -> Iterator[Annotation]:
    sections = tuple(sections)
    if len(sections) > 1:
        for section in sections:
            if section.run.exit_code:
                text = f"{section.name}: {section.headline.text}"
                yield Annotation(text, _severity(section.run.exit_code))
    for section in sections:
        for verdict in section.run.verdicts:
            if verdict.is_worse:
                file = f"{migrations}/{verdict.since}" if verdict.since else ""
                yield Annotation(f"{verdict.question}: {verdict.detail}", "error", file)
        for check in section.standing:
            found = f"{check.check} ({section.shown.count(check.count)}): {check.question}"
            yield Annotation(
                f"{found} {check.remedy}", "error" if check.level == "error" else "warning"
            )


def _severity(exit_code: int) -> Severity:
    return {0: "notice", 7: "notice", 2: "warning"}.get(exit_code, "error")  # type: ignore[return-value]


def _escaped(text: str, *, is_property: bool = False) -> str:
    """Escaped as the runner reads it back: docs.github.com, "Workflow commands"."""
    # `plain_line` would break the colons of ordinary text apart; the message cannot begin a line.
    parts = short_ids(text)[:LONGEST_MESSAGE].split(":")
    shown = ":".join(visible(part, LONGEST_MESSAGE) for part in parts)
    shown = shown.replace("%", "%25")
    return shown.replace(":", "%3A").replace(",", "%2C") if is_property else shown
