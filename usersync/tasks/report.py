"""``report.*``: saved runs as a report, and where people look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context

from usersync.errors import Refused
from usersync.tasks import inputs
from usersync.tasks.command import command, print_text

if TYPE_CHECKING:
    from usersync.model import Run

_RUN = "what --out wrote; repeat it for several, older ones are the history"


@command(
    writes=False,
    common=(),
    called="report.render",
    iterable=["run"],
    help={
        "run": _RUN,
        "format": "md (default), html, json or junit",
        "size": "summary (default, at most 1 MiB) or comment (at most 65,536 characters)",
        "template": "a template of your own, which may extend ours",
        "to": "write it to this file instead of printing it",
        "public": "say only what anybody may read: numbers in steps, no names",
    },
)
def render(
    _context: Context,
    run: list[str] | None = None,
    format: str = "md",  # noqa: A002 - the flag is --format
    size: str = "summary",
    template: str | None = None,
    to: str | None = None,
    public: bool = False,
) -> int:
    """Saved runs as Markdown, as one HTML page, as JUnit or as JSON."""
    from usersync import report, run_file

    kind = inputs.choice("--format", format, report.FORMATS)
    place = inputs.choice("--size", size, report.SIZES)
    path = run_file.writable(to, "--to")
    made = report.report(_runs(run), is_public=public)
    text = report.render(made, format=kind, size=place, template=template)
    if path is None:
        print_text(text)
    else:
        run_file.write(path, text.rstrip("\n"), "--to")
    return 0


@command(
    writes=True,
    common=(),
    called="report.publish",
    iterable=["run"],
    meant="leave --publish out: the summary is printed",
    help={
        "run": _RUN,
        "publish": "where to, with commas: summary, annotations, comment, issue, notify, outputs",
        "key": "what comment and issue are about; the target when not given",
        "pull_request": "its number; that of the event when not given",
        "show_counts": "exact numbers and names although anybody can read them",
        "config": "configuration file, for `notify:`",
    },
)
def publish(
    _context: Context,
    run: list[str] | None = None,
    publish: str = "summary,annotations",
    key: str | None = None,
    pull_request: str | None = None,
    show_counts: bool = False,
    config: str | None = None,
) -> int:
    """Show saved runs on GitHub; exits with the code that they hold."""
    from usersync import publishing

    return publishing.publish(
        publishing.Publication(
            runs=_runs(run),
            places=publishing.destinations(publish),
            key=key or "",
            show_counts=show_counts,
            pull_request=inputs.whole_number("--pull-request", pull_request, least=1),
            config=config,
            say=print_text,
        )
    )


def _runs(paths: list[str] | None) -> list[Run]:
    from usersync import report

    if not paths:
        raise Refused("no run was given", "--run FILE, with what any task wrote to --out FILE")
    return [report.read(path) for path in paths]
