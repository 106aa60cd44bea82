"""Creating profiles over the API: against the loop and the bulk upserts people write with it.

All three go to the same server, Supabase's own PostgREST-compatible one, over the same client
library; begun with no profile, both tables vacuumed and analyzed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import httpx
import psycopg
from postgrest.types import ReturnMethod
from supabase import Client, ClientOptions

from benchmarks.measurement import Figure, await_quiet, in_turn, say, seconds
from benchmarks.process import whole_process
from benchmarks.stack import Stack
from tests.api_server import SECRET_KEY, Lite
from tests.conftest import Database
from usersync.migration import ApplyOptions
from usersync.runner import Request, run
from usersync.sync import SyncOptions

ROUNDS = 3

#: The loop is measured on so many users and scaled per row: it takes minutes otherwise.
LOOP_USERS = 2_000

#: How many rows people put into one upsert.
BULK_ROWS = 1_000

_USERS = "select id::text, email from auth.users where deleted_at is null and not is_anonymous"


def first_fill(stack: Stack) -> Iterator[Figure]:
    """Everybody is missing: the loop, bulk upserts, sync over the API with one and two workers."""
    _install(stack)
    with Lite() as lite, lite.over(Database(stack.server, "postgres")) as port:
        target = {"SUPABASE_URL": f"http://127.0.0.1:{port}", "SUPABASE_SECRET_KEY": SECRET_KEY}
        notes: list[str] = []
        with _environment(target), _client(target) as client:
            took = in_turn(
                ROUNDS,
                bulk=lambda: _timed(stack, lambda rows: _bulk(client, rows), stack.users),
                one_worker=lambda: _product(stack, 1, notes),
                two_workers=lambda: _product(stack, 2, notes),
            )
            count = min(LOOP_USERS, stack.users)
            looped = _timed(stack, lambda rows: _loop(client, rows), count) / count * stack.users
        stack.empty_profiles()
        whole = whole_process(stack, target, "sync", "--first-fill")
    label = f"{stack.users:,} users without a profile, over the API: "
    bulk, one, two = took["bulk"], took["one_worker"], took["two_workers"]
    say(f"requests of one sync: {notes[0]}")
    requests = int(notes[0].replace(",", ""))
    yield Figure(stack.version, f"{label}an insert per user (c), scaled", looped)
    yield Figure(stack.version, f"{label}bulk upserts of 1,000 (d)", bulk)
    yield Figure(stack.version, f"{label}sync", one)
    yield Figure(stack.version, f"{label}sync, faster than (c)", None, looped / one, "x", least=50)
    yield Figure(stack.version, f"{label}sync, faster than (d)", None, bulk / one, "x", least=1)
    yield Figure(stack.version, f"{label}sync --workers 2", two, bulk / two, "x as fast as (d)")
    yield Figure(stack.version, f"{label}requests of one sync", None, requests, "requests")
    yield Figure(
        stack.version,
        f"{label}`usersync sync --first-fill`, whole process: peak memory",
        whole.seconds,
        whole.peak_mb,
        "MB",
        150,
    )


def _install(stack: Stack) -> None:
    done = run(
        Request(
            "migration.apply",
            "migration.apply",
            {"options": ApplyOptions(yes=True)},
            target="local",
            local_directory=stack.server.directory,
        )
    )
    if done.exit_code:
        raise RuntimeError(f"nothing was installed: {done.error}")


def _product(stack: Stack, workers: int, notes: list[str]) -> float:
    stack.empty_profiles()
    options = SyncOptions(workers=workers, first_fill=True)

    def sync() -> None:
        done = run(Request("sync", "sync", {"options": options}))
        summary = done.tables[0].summary if done.tables else None
        if done.exit_code or summary is None or summary.created != stack.users:
            raise RuntimeError(f"the sync did not do its work: {done.error or summary}")
        notes.extend(
            note.removeprefix("Requests: ") for note in done.notes if note.startswith("Requests")
        )

    return seconds(sync)


def _timed(stack: Stack, work: Callable[[Sequence[dict[str, Any]]], None], count: int) -> float:
    """How long it takes to create so many profiles from rows that are there already."""
    stack.empty_profiles()
    with psycopg.connect(stack.server.url) as connection:
        users = connection.execute(f"{_USERS} limit {count}".encode()).fetchall()
    rows = [{"user_id": user_id, "email": email, "role": "user"} for user_id, email in users]
    await_quiet()
    started = time.perf_counter()
    work(rows)
    return time.perf_counter() - started


def _loop(client: Client, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        client.table("user_profiles").insert(row).execute()


def _bulk(client: Client, rows: Sequence[dict[str, Any]]) -> None:
    for first in range(0, len(rows), BULK_ROWS):
        page: Any = list(rows[first : first + BULK_ROWS])
        upsert = client.table("user_profiles").upsert(
            page, on_conflict="user_id", ignore_duplicates=True, returning=ReturnMethod.minimal
        )
        upsert.execute()


@contextmanager
def _client(target: dict[str, str]) -> Iterator[Client]:
    """The client as people make it, with a time-out that does not end a bulk upsert."""
    with httpx.Client(timeout=120) as http:
        yield Client(
            target["SUPABASE_URL"],
            target["SUPABASE_SECRET_KEY"],
            ClientOptions(httpx_client=http, auto_refresh_token=False),
        )


@contextmanager
def _environment(target: dict[str, str]) -> Iterator[None]:
    with mock.patch.dict(os.environ, target):
        yield
