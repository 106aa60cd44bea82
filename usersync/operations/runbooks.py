"""Operations on runbooks: carry one out; and what looks at their files alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usersync import config, procedure, runbook
from usersync.config import Settings
from usersync.config.load import in_lines
from usersync.errors import Refused
from usersync.model import Outcome
from usersync.operations import own
from usersync.operations.checks import check_names
from usersync.operations.registry import OPERATIONS, operation
from usersync.procedure import RunbookOptions
from usersync.runbook import Action, Loaded, drill_log
from usersync.runbook.page import index, page
from usersync.runbook.schema import schema_text
from usersync.session import Session

#: Where the pages go.
PAGES = Path("docs/runbooks")


@operation("runbook.run", "external")
def run_runbook(session: Session, *, options: RunbookOptions) -> Outcome:
    """Carry out a runbook, rehearse it, or say what it would do."""
    known = actions(session.target.settings)
    return procedure.carry_out(session, load(options.name, known), known, options)


def actions(settings: Settings) -> dict[str, Action]:
    """What the steps of runbooks may call: every operation but those on runbooks themselves.

    Args:
        settings: name the files of somebody's own.

    Raises:
        Refused: one of these files cannot be used.
    """
    known = {name: one for name, one in OPERATIONS.items() if not name.startswith("runbook.")}
    return runbook.actions(known | own.operations(settings.operations))


def load(name: str, known: Mapping[str, Action] | None = None) -> Loaded:
    """The runbook of this name, in order.

    Args:
        name: which one.
        known: what its steps may call; what the configuration here says when not given.

    Raises:
        Refused: there is none.
        ConfigError: it is not in order; every problem is listed.
    """
    known = actions(config.settings()) if known is None else known
    return runbook.load(runbook.find(name).path, known, check_names())


@dataclass(frozen=True, slots=True)
class Linted:
    """What lint has to say.

    Args:
        lines: one a problem, or that there is none.
        found: whether there is one.
    """

    lines: tuple[str, ...]
    found: bool


def lint(wanted: str | None = None) -> Linted:
    """Lint one runbook, or all of them.

    Args:
        wanted: the name of one, or the path of a file; all when not given.

    Raises:
        Refused: there is none of this name.
    """
    if wanted is None:
        paths = [entry.path for entry in runbook.entries().values()]
    elif wanted.endswith((".yaml", ".yml")) or "/" in wanted:
        paths = [Path(wanted)]
    else:
        paths = [runbook.find(wanted).path]
    known, checks = actions(config.settings()), check_names()
    lines: list[str] = []
    for path in paths:
        _, problems = runbook.examine(path, known, checks)
        lines += in_lines(str(path), problems)
    if lines:
        return Linted(tuple(lines), found=True)
    count = len(paths)
    return Linted((f"{count} runbook{'' if count == 1 else 's'} in order",), found=False)


def new(name: str, folder: Path | None = None) -> tuple[Path, ...]:
    """Write a starter: a runbook that is in order, its drill, and the schema for editors.

    Args:
        name: of the runbook.
        folder: the repository; the current one when not given.

    Returns:
        What was written.

    Raises:
        Refused: the name cannot be one, or a file is there already.
        ConfigError: usersync.yaml is not in order.
    """
    if not runbook.is_name(name):
        raise Refused(
            f"{name!r} is no name for a runbook: small letters, digits and single `-`, and no task"
            f" of runbook ({', '.join(sorted(runbook.SUBCOMMANDS))})"
        )
    at = folder or Path()
    files = runbook.starter(name, config.settings().profiles)
    taken = [path for path in files if (at / path).exists()]
    if taken:
        raise Refused(f"{taken[0]} is there already; nothing was written")
    files |= {} if (at / runbook.SCHEMA_FILE).exists() else {runbook.SCHEMA_FILE: schema_text()}
    for path, text in files.items():
        (at / path).parent.mkdir(parents=True, exist_ok=True)
        (at / path).write_text(text, encoding="utf-8")
    return tuple(files)


def docs(*, check: bool, folder: Path | None = None) -> tuple[Path, ...]:
    """Write every runbook as a page, and the index of them by symptom.

    Args:
        check: write nothing.
        folder: the repository; the current one when not given.

    Returns:
        The pages that were not as they should be.

    Raises:
        ConfigError: a runbook is not in order.
    """
    at = folder or Path()
    known = actions(config.settings())
    books = [load(name, known) for name in runbook.entries()]
    pages = {PAGES / f"{one.id}.md": page(one.runbook, drill_log.told(one, at)) for one in books}
    pages[PAGES / "README.md"] = index([one.runbook for one in books])
    there = set((at / PAGES).glob("*.md"))
    stale = [
        path
        for path, text in pages.items()
        if at / path not in there or (at / path).read_text(encoding="utf-8") != text
    ]
    gone = [path for path in there if path.relative_to(at) not in pages]
    if not check:
        for path in stale:
            (at / path).parent.mkdir(parents=True, exist_ok=True)
            (at / path).write_text(pages[path], encoding="utf-8")
        for path in gone:
            path.unlink()
    return (*stale, *sorted(path.relative_to(at) for path in gone))
