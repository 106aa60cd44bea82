"""Why a figure was missed: where the time of a run goes, and how its statements are carried out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.measurement import Figure, await_quiet
from benchmarks.stack import Stack
from benchmarks.status_speed import BARE
from usersync.backends import Selection, Table
from usersync.backends.postgres import PostgresDoor, names
from usersync.sql import compose, load, pages

#: The verbs of the direct door that a sync calls, in their order.
STAGES = ("table", "plan", "triggers", "create", "remaining", "profiles_there", "write_journal")

#: How a batch is planned; see ``usersync/backends/postgres/transactions.py``.
_BATCH_PLAN = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan")

#: The batch whose plan is shown: this part of the heap, as long as one of many rows.
_BLOCKS = 500


def store(folder: Path, stack: Stack, subject: str, missed: Sequence[Figure], heading: str) -> None:
    """Write one profile as text.

    Args:
        folder: where it goes.
        stack: the server; every user has a profile before and after.
        subject: ``sync`` or ``status``.
        missed: the figures that this is about.
        heading: how and where it was measured.
    """
    parts = [heading, *(f"{figure.what}: {figure.value:.2f} {figure.unit}" for figure in missed)]
    parts += SUBJECTS[subject](stack)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{subject}-postgresql-{stack.version}-{stack.users}.txt"
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def _of_sync(stack: Stack) -> Iterator[str]:
    """The stages of a sync of everybody, and its three kinds of statements."""
    stack.empty_profiles()
    with stack.door() as door:
        table = door.table(stack.target().profiles[0], writing=True)
    named = _names(stack, table)
    off = "set local enable_nestloop = off"
    yield _explained(stack, "the plan, nobody has a profile", _query("plan", named), off)
    first = max(table.user_blocks // 2 - _BLOCKS // 2, 0)
    yield _explained(
        stack,
        f"the insert of one batch, heap blocks {first} to {first + _BLOCKS}, rolled back",
        _batch(named, first, first + _BLOCKS),
        *(f"set local {setting} = off" for setting in _BATCH_PLAN),
    )
    await_quiet()
    with _timed() as stages:
        started = time.perf_counter()
        stack.sync(expected=stack.users)
        took = time.perf_counter() - started
    yield _table(stages, took)
    look = "the last look, everybody has a profile"
    yield _explained(stack, look, _query("remaining", named), off)


def _of_status(stack: Stack) -> Iterator[str]:
    """The statement of status and the bare ones, everybody has a profile."""
    stack.settle()
    with stack.door() as door:
        table = door.table(stack.target().profiles[0], writing=False)
    off = "set local enable_sort = off"
    yield _explained(stack, "status", _query("status", _names(stack, table)), off)
    without = _names(stack, table) | {"email_differs": sql.SQL("false")}
    yield _explained(stack, "status without the e-mail drift", _query("status", without), off)
    for statement in BARE:
        yield _explained(stack, "bare", sql.SQL(statement))


def _names(stack: Stack, table: Table) -> names.Names:
    found = names.of_table(table, stack.target().settings.users, Selection())
    return found | {"listed": sql.Literal(0)}


def _query(name: str, named: names.Names) -> sql.Composed:
    return compose(load(f"queries/{name}"), named)


def _batch(named: names.Names, first: int, end: int) -> sql.Composed:
    """The fast way of ``queries/create_batch.sql`` as a statement of its own."""
    script = load("queries/create_batch")
    begin = script.text.index("insert into")
    text = script.text[begin : script.text.index(";", begin)]
    page = pages.BY_BLOCKS["page"].as_string()
    for name, block in (("first_tid", first), ("end_tid", end)):
        page = page.replace(name, f"'({block},0)'::tid")
    by_blocks = pages.BY_BLOCKS | {"page": sql.SQL(page), "is_missing": sql.SQL("true")}
    return compose(replace(script, text=text), named | by_blocks)


def _explained(stack: Stack, title: str, query: sql.Composable, *settings: str) -> str:
    """What ``explain (analyze, buffers)`` says at its second run; nothing is kept."""
    with psycopg.connect(stack.server.url) as connection:
        for setting in ("set local row_security = off", *settings):
            connection.execute(setting.encode())
        explain = sql.SQL("explain (analyze, buffers) {}").format(query)
        lines: list[tuple[str]] = []
        for _ in range(2):
            connection.execute("savepoint before")
            lines = connection.execute(explain).fetchall()
            connection.execute("rollback to savepoint before")
        connection.rollback()
    return "\n".join([f"== {title}", *(line for (line,) in lines)])


@contextmanager
def _timed() -> Iterator[dict[str, list[float]]]:
    """Measure the verbs of every door while the block lasts."""
    stages: dict[str, list[float]] = {name: [] for name in STAGES}
    originals = {name: getattr(PostgresDoor, name) for name in STAGES}

    def timed(name: str) -> Callable[..., Any]:
        def verb(*arguments: Any, **given: Any) -> Any:
            started = time.perf_counter()
            try:
                return originals[name](*arguments, **given)
            finally:
                stages[name].append(time.perf_counter() - started)

        return verb

    try:
        for name in STAGES:
            setattr(PostgresDoor, name, timed(name))
        yield stages
    finally:
        for name, original in originals.items():
            setattr(PostgresDoor, name, original)


def _table(stages: dict[str, list[float]], took: float) -> str:
    """The stages of one run."""
    told = sum(map(sum, stages.values()))
    lines = [
        f"{name:<16}{len(spent):>4} x {sum(spent):8.3f} s {100 * sum(spent) / took:5.1f} %"
        for name, spent in stages.items()
        if spent
    ]
    rest = f"{'everything else':<16}       {took - told:8.3f} s {100 * (took - told) / took:5.1f} %"
    return "\n".join(["== the stages of one run with one worker", *lines, rest])


SUBJECTS: dict[str, Callable[[Stack], Iterator[str]]] = {"sync": _of_sync, "status": _of_status}
