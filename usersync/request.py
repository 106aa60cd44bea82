"""What a person asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usersync.errors import UsersyncError
from usersync.session import Narrator, Progress, Silence, Untold


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for, apart from the operation's own inputs.

    ``opens_target`` is false for an operation that opens no target and gets its inputs alone;
    ``out`` is a path for the Run as JSON, written also when the task fails or is interrupted;
    ``local_directory`` holds the local stack, when it is not the usual one; ``show_settings`` tells
    which settings are there, also when the target cannot be opened; ``refusal`` is what is wrong
    with what was typed, told as everything else is; ``publish`` names the places where the run is
    shown when it has ended, and ``show_counts`` that it says exact numbers there; ``targets`` is
    all that ``--target`` said, and ``target`` the one of them that a run is about.
    """

    task: str
    operation: str
    inputs: dict[str, Any] = field(default_factory=dict)
    opens_target: bool = True
    target: str | None = None
    targets: tuple[str, ...] = ()
    config: str | None = None
    env_file: str | None = None
    local_directory: Path | None = None
    out: str | None = None
    show_ids: bool = False
    show_settings: bool = False
    publish: tuple[str, ...] = ()
    show_counts: bool = False
    refusal: UsersyncError | None = None
    program: str = "invoke"
    task_prefix: str = ""
    ask: Callable[[str], bool] | None = None
    progress: Progress = field(default_factory=Silence)
    narrator: Narrator = field(default_factory=Untold)
