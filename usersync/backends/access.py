"""What a door sees and may do, before it is asked for anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from usersync.backends import Access
from usersync.backends.inspection import Facts, problems, read_only, sees_users
from usersync.config import ProfileTable


def look(
    tables: Sequence[ProfileTable],
    facts_of: Callable[[ProfileTable], Facts],
    *,
    user: str,
    server_version: str,
    latency_s: float,
    beyond: str,
) -> Access:
    """What a door sees of the target before it is asked to do anything.

    Args:
        tables: the profile tables.
        facts_of: reads what ``queries/profile_table.sql`` returns of one.
        user: who asks.
        server_version: Postgres's own word for it.
        latency_s: how long one question took, in seconds.
        beyond: what the credential can do that no task needs.
    """
    found = [(table, facts_of(table)) for table in tables]
    told = [
        (problem.message, problem.next_step)
        for table, facts in found
        for problem in (
            *read_only(facts["read_only"]),
            *problems(facts, table, user, writing=True),
        )
    ]
    hidden = not all(sees_users(facts) for _, facts in found)
    unique = tuple(dict.fromkeys(told))
    return Access(user, server_version, latency_s, not hidden, unique, beyond)
