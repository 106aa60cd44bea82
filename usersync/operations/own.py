"""Operations of somebody's own: files that the configuration names, and installed packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from usersync.errors import Refused
from usersync.operations.registry import Operation, apart

#: The group of entry points of packages that bring operations along.
GROUP = "usersync.operations"


def operations(paths: Iterable[str]) -> dict[str, Operation]:
    """Every operation that is not ours.

    Args:
        paths: files of Python, from the current folder.

    Raises:
        Refused: one of them cannot be used.
    """
    found = dict(_installed())
    for path in paths:
        found |= _of_file(Path(path).resolve(), path)
    return found


@cache
def _installed() -> dict[str, Operation]:
    with apart() as found:
        for point in entry_points(group=GROUP):
            _refuse_faults(point.name, point.load)
    return found


@cache
def _of_file(path: Path, name: str) -> dict[str, Operation]:
    spec = importlib.util.spec_from_file_location(f"usersync_own_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise Refused(f"operations: {name}: there is no such file of Python")
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader
    with apart() as found:
        _refuse_faults(name, lambda: loader.exec_module(module))
    return found


def _refuse_faults(name: str, load: object) -> None:
    """Refuse a file whose own code fails, in a sentence that says where."""
    assert callable(load)
    try:
        load()
    except Exception as error:
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        line = trace.tb_lineno if trace else 0
        raise Refused(
            f"operations: {name} cannot be loaded: {type(error).__name__}: {error} (line {line})",
            "correct the file, or take it out of usersync.yaml",
        ) from error
