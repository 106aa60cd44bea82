"""What can go wrong: one base class and one leaf per reaction of a caller.

Every message says what happened and what it means; ``next_step`` says what to do about it.
Exit codes are those of README, section "Exit codes".
"""

from __future__ import annotations

from collections.abc import Sequence


class UsersyncError(Exception):
    """Something foreseeable went wrong.

    Args:
        message: what happened and what it means, in one or two sentences, without any secret.
        next_step: what to do now, best a command; empty when there is nothing to do.
    """

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class CouldNotTell(UsersyncError):
    """The answer is unknown: connection, time-out, somebody else's lock, a bug. Never drift."""


class ConnectionFailed(CouldNotTell):
    """A door could not be opened.

    Args:
        retryable: whether trying again may help; never true after a refused password, since the
            platform bans addresses that keep trying.
    """

    def __init__(self, message: str, next_step: str = "", *, retryable: bool = True) -> None:
        super().__init__(message, next_step)
        self.retryable = retryable


class TooSlow(CouldNotTell):
    """A statement time-out ended it; a smaller piece of the same work may pass."""


class LostAnswer(CouldNotTell):
    """No answer came, or one that says to try again: it was not done, or nobody knows whether."""


class Broken(CouldNotTell):
    """A function of the target fails, for everybody alike, until somebody corrects it."""


class Interrupted(CouldNotTell):
    """Ctrl-C or SIGTERM: what was committed stays, the rest did not run."""


class Refused(UsersyncError):
    """Refused before anything started; nothing was touched."""

    exit_code = 3


class Unconfigured(Refused):
    """Nothing is configured for what was asked; a runbook skips such a step."""


class ConfigError(Refused):
    """The configuration is wrong.

    Args:
        problems: one sentence per fault, each with file, line and key.
    """

    def __init__(self, problems: Sequence[str], next_step: str = "") -> None:
        super().__init__("\n".join(problems), next_step)
        self.problems = tuple(problems)


class Stopped(UsersyncError):
    """Stopped at a guard, or the plan is stale: this step and everything after it did not run."""

    exit_code = 4


class StepFailed(UsersyncError):
    """A step failed and was undone; the steps before it stand."""

    exit_code = 5


class Remains(UsersyncError):
    """Something is left that should be gone: a human, now."""

    exit_code = 6


class Busy(UsersyncError):
    """Another run of usersync holds the lock of this target."""

    exit_code = 7
