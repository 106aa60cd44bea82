"""With which migration an answer changed: halving, as git bisect does."""

from __future__ import annotations

from collections.abc import Callable, Collection

from usersync.comparison.judgement import Judgement, Tables
from usersync.comparison.sides import Sides

_Fails = Callable[[str, int], bool]


def since(sides: Sides, worse: Collection[str], fallback: Tables) -> dict[str, str]:
    """The migration of head with which each answer became worse.

    Args:
        sides: both sides; everything of them has run.
        worse: the cases that are ``ok`` on base and fail on head.
        fallback: the profile tables where a state between has none.
    """
    first, last = sides.shared, len(sides.head.migrations)
    known: dict[int, Judgement] = {}

    def fails(case: str, count: int) -> bool:
        if count == last:
            return True
        if count == len(sides.base.migrations) == sides.shared:
            return False
        if count not in known:
            stage = sides.after(count)
            found = sides.tables(stage)
            known[count] = sides.judge(stage, found if found.profiles else fallback)
        return known[count].cases[case].answer == "failed"

    return {case: _named(sides, _first(case, first, last, fails)) for case in worse}


def _first(case: str, first: int, last: int, fails: _Fails) -> int:
    """How many migrations of head it takes until a case fails."""
    if last == first or fails(case, first):
        return first
    good, bad = first, last
    while bad - good > 1:
        middle = (good + bad) // 2
        if fails(case, middle):
            bad = middle
        else:
            good = middle
    return bad


def _named(sides: Sides, count: int) -> str:
    if count > sides.shared:
        return sides.head.migrations[count - 1].name
    # What both sides share fails without what base had besides.
    return sides.base.migrations[count].name if count < len(sides.base.migrations) else ""
