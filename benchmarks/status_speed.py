"""Measuring the drift: ``status`` against the bare counts that people type."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from benchmarks.measurement import Figure, in_turn, seconds
from benchmarks.stack import Stack

ROUNDS = 7

BARE = (
    "select count(*) from auth.users",
    "select count(*) from public.user_profiles",
    """
    select count(*) from auth.users as u
    where not exists (select from public.user_profiles as p where p.user_id = u.id)
    """,
)


def status(stack: Stack, missing: int = 5) -> Iterator[Figure]:
    """The door's status against the three statements, with nobody missing and with a few.

    Needs a full profile table. With somebody missing a second statement tells since when.
    """
    most = 1.3 if int(stack.version) >= 16 else 2.2
    for count in (0, missing):
        if count:
            stack.delete_profiles(count)
        stack.settle()
        with psycopg.connect(stack.server.url, autocommit=True) as bare, stack.door() as door:
            table = door.table(stack.target().profiles[0], writing=False)

            def counts(connection: psycopg.Connection = bare) -> None:
                for statement in BARE:
                    connection.execute(statement.encode()).fetchone()

            took = in_turn(
                ROUNDS,
                bare=lambda counts=counts: seconds(counts),  # type: ignore[misc]
                status=lambda door=door, table=table: seconds(  # type: ignore[misc]
                    lambda: door.status(table, list_users=0)
                ),
            )
        label = f"{count} missing among {stack.users:,}: "
        yield Figure(stack.version, f"{label}two counts and an anti-join, bare", took["bare"])
        yield Figure(
            stack.version,
            f"{label}status" + (" (one statement)" if not count else " (and since when, for whom)"),
            took["status"],
            took["status"] / took["bare"],
            "x bare",
            most if not count else None,
        )
