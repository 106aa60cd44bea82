"""Users whose sign-up was under way when a plan was made.

Their sign-up time lies before that of the newest planned user, yet they became visible after the
plan. They came later: they neither join the run nor make its digest stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

#: More sign-ups than this open across one plan make it stale.
MOST = 3

#: Latecomers are looked for among so many of the newest users.
LOOKED_AT = 200


def latecomers(
    users: Sequence[tuple[str, int]], count: int, surplus: int
) -> tuple[str, ...] | None:
    """The users whose digests together are what is too much; None when there are none such.

    Args:
        users: ids of the newest users, each with its share of the digest (combined by xor).
        count: how many there are too many.
        surplus: what the digest has too much.
    """
    if not 1 <= count <= MOST:
        return None
    last_one = {digest: user_id for user_id, digest in users}
    for others in combinations(users, count - 1):
        wanted = surplus
        for _, digest in others:
            wanted ^= digest
        found = last_one.get(wanted)
        ids = {user_id for user_id, _ in others}
        if found is not None and found not in ids:
            return (*sorted(ids), found)
    return None
