"""``python -m benchmarks``: measures and prints one Markdown table.

Needs ``pip install ".[local]"``, a machine with two cores and some quiet minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks import (
    api_speed,
    profile,
    report_speed,
    runbook_speed,
    startup,
    status_speed,
    sync_speed,
)
from benchmarks.measurement import Figure, say, table
from benchmarks.stack import Stack, started
from usersync import __version__
from usersync.local import programs

Subject = Callable[[Stack], Iterator[Figure]]

WITHOUT_A_SERVER = ("startup", "runbooks", "reports")

#: In this order on one server: the first leaves every user with a profile for those behind it.
ON_A_SERVER: dict[str, Subject] = {
    "sync": sync_speed.first_fill,
    "few": sync_speed.few_missing,
    "status": status_speed.status,
    "api": api_speed.first_fill,
    "nightly": report_speed.nightly,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; 0 also when figures are missed: they are read, not enforced."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = parser().parse_args(arguments)
    figures: list[Figure] = []
    try:
        if given.only in (None, "startup"):
            figures += startup.startup()
        if given.only in (None, "runbooks"):
            figures += runbook_speed.runbook_speed()
        if given.only in (None, "reports"):
            figures += report_speed.rendering()
        for postgres in given.postgres or ["18", "16", "15"]:
            binaries = _binaries(postgres)
            if binaries is None:
                say(f"there is no PostgreSQL {postgres} here: left out")
            elif given.only not in WITHOUT_A_SERVER:
                figures += _on_a_server(binaries, given, _heading(arguments))
    finally:
        print(_heading(arguments))
        print(table(figures))
    return 0


def _on_a_server(binaries: Path, given: argparse.Namespace, heading: str) -> Iterator[Figure]:
    with started(binaries, given.users) as stack:
        if given.only not in (None, "sync"):
            stack.sync(workers=2, expected=given.users)
        for name, subject in ON_A_SERVER.items():
            if given.only not in (None, name):
                continue
            figures = list(subject(stack))
            missed = [figure for figure in figures if figure.verdict not in ("", "met")]
            if given.profile and missed and name in profile.SUBJECTS:
                profile.store(given.profile, stack, name, missed, heading)
            yield from figures


def _binaries(postgres: str) -> Path | None:
    """The programs of a version, or in a directory; None when they are not on this machine."""
    embedded = programs.bundled_binaries()
    known = {
        "18": embedded,
        "16": embedded.parents[1] / "pginstall" / "bin",
        "15": Path("/usr/lib/postgresql/15/bin"),
    }
    found = known.get(postgres, Path(postgres))
    return found if (found / "initdb").exists() else None


def _heading(arguments: Sequence[str] | None) -> str:
    given = sys.argv[1:] if arguments is None else list(arguments)
    versions = f"usersync {__version__}, Python {platform.python_version()}"
    return (
        f"`{shlex.join(['python', '-m', 'benchmarks', *given])}` on {datetime.now(UTC):%Y-%m-%d}:"
        f" {versions}, psycopg {psycopg.__version__}, {os.cpu_count()} cores,"
        f" {platform.system()} {platform.machine()}. Medians; Postgres with its default settings.\n"
    )


def parser() -> argparse.ArgumentParser:
    """The words of the command line."""
    taken = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    taken.add_argument("--users", type=int, default=100_000, help="users without a profile")
    taken.add_argument(
        "--postgres",
        action="append",
        metavar="VERSION|DIR",
        help="18, 16, 15 or a directory of programs; repeat for several (default: all there are)",
    )
    taken.add_argument(
        "--profile",
        type=Path,
        metavar="FOLDER",
        help="store there, for each missed figure of sync and status, where its time goes",
    )
    taken.add_argument("--only", choices=[*WITHOUT_A_SERVER, *ON_A_SERVER], help="one subject")
    return taken


if __name__ == "__main__":
    sys.exit(main())
