"""Flags that look like ours and are Invoke's, and flags that cannot be meant."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from invoke.context import Context

from usersync.errors import Refused

#: Behind a task Invoke takes these for its own, and then forgets them.
_LOST_FLAG = re.compile(r"(?:^| )(?:--debug|--version|-[A-Za-z]*[dV][A-Za-z]*)(?: |$)")


def refuse_flags_of_invoke(context: Context, meant: str, *, writes: bool) -> None:
    """Refuse flags that Invoke takes for its own.

    Args:
        context: what Invoke read.
        meant: what to do for somebody who typed ``--dry``.
        writes: whether the task can change anything.
    """
    settings = context.config
    if settings._runtime_path is not None:
        raise Refused(
            "--config (-f) before a task is Invoke's own file, not usersync.yaml",
            "put it behind the task: status --config usersync.yaml",
        )
    if not writes:
        return
    if context.remainder:
        raise Refused(
            f"what stands behind -- is not read: {context.remainder}",
            "leave the -- out",
        )
    if settings.run.dry:
        raise Refused(
            "Invoke's --dry (-R, INVOKE_RUN_DRY) does not keep a task from writing",
            meant,
        )
    if logging.getLogger("invoke").isEnabledFor(logging.DEBUG) or _LOST_FLAG.search(
        " ".join(sys.argv[1:])
    ):
        raise Refused(
            "Invoke's --debug (-d, INVOKE_DEBUG) and --version (-V) do not keep a task from"
            " writing, and the first shows what it should not",
            meant,
        )


def refuse_places(flags: dict[str, Any]) -> None:
    """Refuse a place that there is not, before anything starts."""
    if flags.get("publish"):
        from usersync import publishing

        asked, flags["publish"] = flags["publish"], None
        flags["publish"] = ",".join(publishing.destinations(asked))


def refuse_targets(
    flags: Mapping[str, Any],
    why: str = "this task works on the embedded Postgres, and reads no configuration",
) -> None:
    """Refuse what chooses a target where there is nothing to choose.

    Args:
        flags: the common flags that were given.
        why: why there is nothing.
    """
    given = [f"--{name.replace('_', '-')}" for name in ("config", "env_file") if flags[name]]
    if any(name != "local" for name in flags["target"] or ()):
        given.insert(0, " ".join(f"--target {name}" for name in flags["target"]))
    if given:
        raise Refused(
            f"{' and '.join(given)} cannot be meant: {why}",
            f"leave {'it' if len(given) == 1 else 'them'} out",
        )


def refuse_empty(flags: Mapping[str, Any], positional: Sequence[str]) -> None:
    """Refuse ``--approve "$DIGEST"`` where the variable is not set: it says nothing, or less."""
    for name, value in flags.items():
        values = value if isinstance(value, list) else [value]
        if name not in positional and any(part == "" for part in values):
            raise Refused(
                f"--{name.replace('_', '-')} is empty", "give it a value, or leave it out"
            )


def refuse_target(flags: Mapping[str, Any]) -> None:
    """Refuse what chooses a target, or its secrets, where the configuration alone is read.

    Args:
        flags: those of the task.
    """
    given = [f"--target {name}" for name in flags["target"] or ()]
    given += ["--env-file"] if flags["env_file"] else []
    if given:
        raise Refused(
            f"{' and '.join(given)} cannot be meant: this task works on no target",
            f"leave {'it' if len(given) == 1 else 'them'} out",
        )
