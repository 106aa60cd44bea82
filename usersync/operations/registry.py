"""The registry: a name and a declared effect for everything that does work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from usersync.model import Effect, Outcome

Needs = Literal["door", "target", "settings"]

_REGISTRY: dict[str, Operation] = {}


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
    each_door: bool = False
    needs: Needs = "door"


OPERATIONS: Mapping[str, Operation] = MappingProxyType(_REGISTRY)


def operation(
    name: str, effect: Effect, *, each_door: bool = False, needs: Needs = "door"
) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Register a function as an operation.

    Args:
        name: how tasks and runbooks call it.
        effect: ``read``, ``data``, ``schema`` or ``external``.
        each_door: whether it works through every way to the target.
        needs: ``door``, ``target`` or ``settings``.
    """

    def register(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        _REGISTRY[name] = Operation(name, effect, function, each_door, needs)
        return function

    return register
