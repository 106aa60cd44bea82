"""Runs as a report: Markdown, HTML, JUnit or JSON, in the size that its place allows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from usersync.errors import Refused
from usersync.model import EXIT_CODES_WORST_FIRST, CheckResult, Run, worst
from usersync.report import chart, media
from usersync.report.cases import Case, cases
from usersync.report.facts import Facts, changes, facts
from usersync.report.headline import MEANINGS, Headline, headline
from usersync.report.standing import all_checks, standing
from usersync.report.text import Ids, escaped_json, plain
from usersync.report.words import Shown

Format = Literal["md", "html", "json", "junit"]
Size = Literal["summary", "comment"]
FORMATS: tuple[Format, ...] = get_args(Format)
SIZES: tuple[Size, ...] = get_args(Size)

#: GitHub's limits: a step summary in bytes, a comment in characters. See `docs/reports.md`.
LONGEST_SUMMARY_BYTES = 1_048_576
LONGEST_COMMENT = 65_536

#: How many rows a list shows; a report that is too long for its place is made again with fewer.
_ROWS = {"summary": (100, 30, 10, 3, 0), "comment": (20, 10, 5, 2, 0)}
_NEVER = datetime.fromtimestamp(0, UTC)
#: Tasks that open no target: what they say stands in the repository itself.
_ABOUT_THE_REPOSITORY = ("migration.compare",)

_TEMPLATES: dict[Format, tuple[str, media.Medium]] = {
    "md": ("report.md.j2", "markdown"),
    "html": ("report.html.j2", "html"),
    "junit": ("report.xml.j2", "xml"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """What one target's run says, and how it may be said."""

    run: Run
    shown: Shown
    points: tuple[chart.Point, ...] = ()
    """How many users had no profile before, oldest first, this run included."""

    @property
    def name(self) -> str:
        """``status · production``."""
        return f"{self.run.task} · {self.run.target.name}" if self.run.target else self.run.task

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the target and of its tables."""
        return all_checks(self.run)

    @property
    def standing(self) -> tuple[CheckResult, ...]:
        """Those whose findings count, errors first."""
        return standing(self.checks)

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every question that it answered, for test reports."""
        return cases(self.run, self.shown)

    @property
    def headline(self) -> Headline:
        """Its first line."""
        return headline(self.run, self.shown)

    @property
    def hides_digest(self) -> bool:
        """Whether a digest would approve its plan, and is left out where anybody can read it."""
        plans = [table.plan for table in self.run.tables if table.plan and not table.summary]
        is_plan = bool(self.run.digest) or any(plan.rows for plan in plans)
        return self.shown.is_public and is_plan and self.run.runbook is None

    @property
    def named(self) -> Headline:
        """Its first line among those of others: which of them it is comes first."""
        return Headline(self.headline.symbol, (f"{self.name}: ", *self.headline.parts))


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is rendered from.

    Args:
        sections: the latest run for each target and task, the worst first.
        changes: what differs from the report before, one sentence each.
        known: what the next report is compared with.
    """

    sections: tuple[Section, ...]
    changes: tuple[str, ...]
    known: Facts

    @property
    def exit_code(self) -> int:
        """The one that stands for all."""
        return worst(section.run.exit_code for section in self.sections)

    @property
    def headline(self) -> Headline:
        """The first line: that of the worst, which is named where there are others."""
        first, *others = self.sections
        if not others:
            return first.headline
        return Headline(first.headline.symbol, (*first.named.parts, f" · and {len(others)} more"))

    def since(self, before: Facts) -> Report:
        """The same, with what differs from an earlier report."""
        return replace(self, changes=changes(before, self.known))

    @property
    def ended_at(self) -> datetime:
        """When the last of them ended."""
        return max(section.run.ended_at for section in self.sections)


def report(runs: Sequence[Run], *, is_public: bool = False) -> Report:
    """Put runs together.

    Args:
        runs: at least one; of several of one task on one target, the earlier ones are its history.
        is_public: whether anybody may read it; what is about a local target, or about the
            repository itself, hides nothing.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(_each(runs), key=lambda run: run.ended_at):
        groups.setdefault((run.task, run.target.name if run.target else ""), []).append(run)
    sections = [
        Section(group[-1], Shown(is_public and _is_secret(group[-1])), chart.points(group))
        for group in groups.values()
    ]
    sections.sort(key=lambda section: EXIT_CODES_WORST_FIRST.index(section.run.exit_code))
    shown = Shown(any(section.shown.is_public for section in sections))
    now = facts((section.run for section in sections), shown)
    earlier = [group[-2] for group in groups.values() if len(group) > 1]
    again = {(run.task, run.target) for run in earlier}
    same = [s.run for s in sections if (s.run.task, s.run.target) in again]
    told = changes(facts(earlier, shown), facts(same, shown)) if earlier else ()
    return Report(tuple(sections), told, now)


def render(
    made: Report,
    *,
    format: Format = "md",  # noqa: A002 - the name of the flag
    size: Size = "summary",
    template: str | None = None,
    marker: str = "",
) -> str:
    """A report as text.

    Args:
        made: what it says.
        format: ``md``, ``html``, ``json`` or ``junit``.
        size: ``summary`` (at most 1 MiB) or ``comment`` (at most 65,536 characters): a longer one
            is made again with fewer rows, and says so.
        template: a team's own, which may extend ours.
        marker: stands invisibly on the first line of Markdown.

    Raises:
        Refused: the team's template cannot be rendered.
    """
    if format == "json":
        return _as_json(made)
    text = ""
    for rows in _ROWS[size]:
        text = _rendered(made, format, rows, size, template, marker)
        if format != "md" or _fits(text, size):
            return text
    return _cut(text, size)


def substance(made: Report, size: Size) -> str:
    """What a report says in Markdown, without what differs in every run: times, ids, addresses.

    Args:
        made: what it says.
        size: of its place, since what was cut is not said there.
    """
    sections = tuple(
        replace(
            section,
            run=_timeless(section.run),
            points=tuple(replace(point, at=_NEVER) for point in section.points),
        )
        for section in made.sections
    )
    return render(replace(made, sections=sections, changes=()), size=size)


def _timeless(run: Run) -> Run:
    tables = (
        replace(
            table,
            plan=table.plan and replace(table.plan, as_of=_NEVER),
            summary=table.summary and replace(table.summary, execution_time_s=0.0),
        )
        for table in run.tables
    )
    return replace(
        run,
        run_id="",
        run_url="",
        ended_at=_NEVER,
        tables=tuple(tables),
        steps=tuple(replace(step, duration_s=0.0) for step in run.steps),
    )


def _each(runs: Iterable[Run]) -> Iterable[Run]:
    """The runs of one target each."""
    for run in runs:
        if run.targets:
            yield from _each(run.targets)
        else:
            yield run


def _is_secret(run: Run) -> bool:
    if run.target is None:
        return run.task not in _ABOUT_THE_REPOSITORY
    return run.target.environment != "local"


def _rendered(
    made: Report, kind: Format, rows: int, size: Size, template: str | None, marker: str
) -> str:
    import jinja2
    import markupsafe

    name, medium = _TEMPLATES[kind]
    path = Path(template).absolute() if template else None
    try:
        environment = media.environment(medium, path.parent if path else None)
        text = environment.get_template(path.name if path else name).render(
            report=made,
            rows=rows,
            size=size,
            marker=markupsafe.Markup(marker),  # noqa: S704 - ours
            meanings=MEANINGS,
            chart=chart,
        )
    except jinja2.TemplateError as error:
        if template is None:
            raise
        where = f"{template}:{getattr(error, 'lineno', None) or 1}"
        raise Refused(f"{where}: {error}", "start from `{% extends 'report.md.j2' %}`") from None
    except OSError as error:
        raise Refused(f"--template {template}: {error.strerror}") from None
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _fits(text: str, size: Size) -> bool:
    if size == "comment":
        # GitHub may count UTF-16 units; counting the larger number is never wrong.
        return len(text.encode("utf-16-le")) // 2 <= LONGEST_COMMENT
    return len(text.encode()) <= LONGEST_SUMMARY_BYTES


def _cut(text: str, size: Size) -> str:
    """The lines that fit, and one that says that there were more."""
    last = (
        "\n\n**This report was cut here: it is too long for this place.** The run's file has all.\n"
    )
    lines = text.splitlines()
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        fits = _fits("\n".join(lines[:middle]) + last, size)
        low, high = (middle, high) if fits else (low, middle - 1)
    return "\n".join(lines[:low]) + last


def _as_json(made: Report) -> str:
    ids = Ids(show=False)
    value: dict[str, Any] = {
        "headline": ids.all_in(made.headline.text),
        "exit_code": made.exit_code,
        "changes": [ids.all_in(one) for one in made.changes],
        "runs": [
            {"headline": ids.all_in(section.headline.text), "run": plain(section.run, ids)}
            for section in made.sections
        ],
    }
    return escaped_json(json.dumps(value, ensure_ascii=False, indent=2)) + "\n"
