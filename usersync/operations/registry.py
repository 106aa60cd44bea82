"""The registry: a name and a declared effect for everything that does work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from usersync.model import Effect, Outcome

Needs = Literal["door", "target", "settings"]

_REGISTRY: dict[str, Operation] = {}

#: Where operations are registered; that of somebody's own file while it is read.
_OPEN: list[dict[str, Operation]] = [_REGISTRY]


@dataclass(frozen=True, slots=True)
class Operation:
    """A function that does work, its name and what it may change.

    ``each_door`` says that it works through every way to the target, and not the best one alone;
    ``needs`` says whether it gets an open door, a target that it opens by itself, or only what is
    configured, which may be no database at all.
    """

    name: str
    effect: Effect
    function: Callable[..., Outcome]
    tells: tuple[str, ...] = ()
    """What a runbook may read of its outcome, besides ``ok`` and ``changed``."""
    plan: str = ""
    """The operation that says what this one would do, and writes nothing."""
    rehearsal: str = ""
    """The operation that does the same and rolls it back."""
    repeatable: bool = False
    """Whether doing it twice is the same as once, also when the first was cut off."""
    each_door: bool = False
    """Whether it works through every way to the target, and not the best one alone."""
    needs: Needs = "door"


OPERATIONS: Mapping[str, Operation] = MappingProxyType(_REGISTRY)


@contextlib.contextmanager
def apart() -> Iterator[dict[str, Operation]]:
    """What is registered inside is kept apart from ours, and answered."""
    own: dict[str, Operation] = {}
    _OPEN.append(own)
    try:
        yield own
    finally:
        _OPEN.remove(own)


def operation(
    name: str,
    effect: Effect,
    *,
    tells: tuple[str, ...] = (),
    plan: str = "",
    rehearsal: str = "",
    repeatable: bool = False,
    each_door: bool = False,
    needs: Needs = "door",
) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Register a function as an operation.

    Args:
        name: how tasks and runbooks call it.
        effect: ``read``, ``data``, ``schema`` or ``external``.
        tells: what a runbook may read of its outcome; see `usersync.procedure.readings`.
        plan: the operation that says what this one would do.
        rehearsal: the operation that does it and rolls it back.
        repeatable: whether doing it twice is the same as once.
        each_door: whether it works through every way to the target.
        needs: ``door``, ``target`` or ``settings``.
    """

    def register(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        if name in _REGISTRY or name in _OPEN[-1]:
            raise ValueError(f"there is an operation {name} already")
        _OPEN[-1][name] = Operation(
            name, effect, function, tells, plan, rehearsal, repeatable, each_door, needs
        )
        return function

    return register
