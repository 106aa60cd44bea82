"""Users whose sign-up was under way when a plan was made.

Their sign-up time lies before that of the newest planned user, yet they became visible after the
plan. They came later: they neither join the run nor make its digest stale.

A plan's digest is the sum of its users' shares, bit by bit without carry. So the shares of those
who came later sum up to what is there too much: as many equations as a share has bits, with one
unknown for each user who may have come later.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Latecomers are looked for among so many users. A share has 256 bits: that some of so many users
#: sum up to a given one by accident has a chance of 2 ** (200 - 256).
LOOKED_AT = 200


def latecomers(
    users: Sequence[tuple[str, int]], count: int, surplus: int
) -> tuple[str, ...] | None:
    """The users whose shares sum up to what is too much; None when there are none such.

    Args:
        users: ids of those who may have come later, each with its share of the digest.
        count: how many there are too many.
        surplus: what the digest has too much.
    """
    # Gauss: sums of shares by their highest bit, each with the set of users (a bit each) in it.
    sums: dict[int, tuple[int, int]] = {}

    def reduced(share: int, members: int) -> tuple[int, int]:
        while share and (known := sums.get(share.bit_length())):
            share, members = share ^ known[0], members ^ known[1]
        return share, members

    for number, (_, share) in enumerate(users):
        rest, members = reduced(share, 1 << number)
        if not rest:
            return None  # Several answers are none.
        sums[rest.bit_length()] = rest, members
    rest, members = reduced(surplus, 0)
    if rest or members.bit_count() != count:
        return None
    return tuple(
        sorted(user_id for number, (user_id, _) in enumerate(users) if members >> number & 1)
    )
