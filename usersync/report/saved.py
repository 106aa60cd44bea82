"""Runs as ``--out`` wrote them, read back."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from usersync.errors import Refused
from usersync.model import RUN_SCHEMA, Run

if TYPE_CHECKING:
    from pydantic import TypeAdapter

#: Lists in a run are cut: a larger file is no run of ours.
_LONGEST_BYTES = 200_000_000


def read(path: str) -> Run:
    """The run that a file holds.

    Args:
        path: what was given to ``--out``.

    Raises:
        Refused: there is no such file, or it holds no run that this version understands.
    """
    try:
        if Path(path).stat().st_size > _LONGEST_BYTES:
            raise Refused(f"--run {path}: too large to be a run", "give what --out wrote")
        text = Path(path).read_bytes()
    except OSError as error:
        raise Refused(
            f"--run {path}: {error.strerror}", "write it first: any task with --out FILE"
        ) from None
    try:
        run = _adapter().validate_json(text)
    except ValueError as error:
        raise Refused(
            f"--run {path} holds no run: {_first(error)}", "give what --out, or --json, wrote"
        ) from None
    if run.schema > RUN_SCHEMA:
        raise Refused(
            f"--run {path} is of usersync {run.tool_version}, newer than this one",
            "install that version here",
        )
    return run


@cache
def _adapter() -> TypeAdapter[Run]:
    from pydantic import TypeAdapter

    return TypeAdapter(Run)


def _first(error: ValueError) -> str:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return "it is no JSON"
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {fault['msg']}" if where else fault["msg"]
