"""Reports: rendering many findings, and the whole nightly job on a database in sync."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from benchmarks.measurement import Figure, in_turn, seconds
from benchmarks.process import whole_process
from benchmarks.stack import Stack
from usersync import report
from usersync.model import CheckResult, Finding, Run

FINDINGS = 1_000
ROUNDS = 5


def rendering() -> Iterator[Figure]:
    """A report of a thousand findings, in each format."""
    made = report.report([_run()])
    for format_ in report.FORMATS:
        report.render(made, format=format_)

    def timed(format_: report.Format) -> Callable[[], float]:
        return lambda: seconds(lambda: report.render(made, format=format_))

    took = in_turn(ROUNDS, **{format_: timed(format_) for format_ in report.FORMATS})
    for name, one_s in took.items():
        what = f"render {FINDINGS:,} findings as {name}"
        yield Figure("", what, one_s, one_s * 1000, "ms", 50 if name == "md" else None)


def nightly(stack: Stack) -> Iterator[Figure]:
    """The nightly job of a database in sync, as a whole process with its report."""
    target = {"SUPABASE_DB_URL": stack.server.url}
    whole_process(stack, target, "migration.apply", "--yes")
    words = ("runbook.nightly-sync", "--out", str(stack.folder / "run.json"))
    runs = [
        whole_process(stack, target, *words, "--publish", "summary,annotations")
        for _ in range(ROUNDS)
    ]
    wall_s = statistics.median(run.seconds for run in runs)
    processor_s = statistics.median(run.processor_s for run in runs)
    label = f"the nightly job, {stack.users:,} users in sync"
    yield Figure(stack.version, label, wall_s, wall_s, "s", 20)
    yield Figure(stack.version, f"{label}: processor time", None, processor_s, "s")


def _run() -> Run:
    moment = datetime(2026, 1, 8, tzinfo=UTC)
    findings = tuple(Finding(f"orphans:{n}", f"row {n}", "no user") for n in range(FINDINGS))
    checks = (
        CheckResult("orphans", "warning", "Profiles without a user.", "Park them.", FINDINGS),
        *(
            CheckResult(
                f"check_{n}", "error", "What is wrong?", "Mend it.", 1, findings=findings[n : n + 1]
            )
            for n in range(FINDINGS)
        ),
    )
    return Run(1, "run", "doctor", "0.1.0", moment, moment, 2, checks=checks)
