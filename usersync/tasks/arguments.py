"""Kinds of tasks: what their first word is, and when it may be left out."""

from __future__ import annotations

import itertools
import sys
from typing import Any

from invoke.parser.argument import Argument
from invoke.tasks import Task

_HELP = frozenset({"--help", "-h"})


class WordTask(Task[Any]):
    """A task whose first word may be missing where help is asked for.

    Otherwise Invoke takes the flag for the word: `create-profile --help` would look for a user.
    """

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments of the task; see `Task.get_arguments`."""
        arguments = super().get_arguments(ignore_unknown_help)
        if _HELP.isdisjoint(sys.argv[1:]) or self._has_word():
            return arguments
        return [_copied(one, default="") if one.positional else one for one in arguments]

    def _has_word(self) -> bool:
        """Whether a word, and no flag, stands right behind the task."""
        words = sys.argv[1:]
        for word, behind in itertools.pairwise(words):
            name = word.replace("_", "-").rpartition(".")[2]
            if name == self.name.replace("_", "-") and not behind.startswith("-"):
                return True
        return False


class _UnlessFlag(Argument):
    """A positional that is not missing once another flag was given."""

    def __init__(self, positional: Argument, flag: Argument) -> None:
        super().__init__(
            names=positional.names,
            help=positional.help,
            positional=True,
            attr_name=positional.attr_name,
        )
        self._flag = flag

    @property
    def value(self) -> Any:
        """What was given; empty text, which Invoke does not miss, when the flag was."""
        return "" if self._value is None and self._flag.got_value else self._value

    @value.setter
    def value(self, given: str) -> None:
        self.set_value(given)


class NameTask(WordTask):
    """A task whose first argument may be left out, with no flag in its place.

    Invoke takes a positional with a default for no positional at all: `migration.resume NAME` would
    be "No idea what 'NAME' is!". So it has none when a word stands behind the task.
    """

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments of the task; see `Task.get_arguments`."""
        positional, *others = super().get_arguments(ignore_unknown_help)
        if not self._has_word():
            return [positional, *others]
        return [_copied(positional), *others]


class EitherTask(WordTask):
    """A task whose first argument may be left out when the flag named ``instead`` is given."""

    instead = ""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments of the task; see `Task.get_arguments`."""
        positional, *others = super().get_arguments(ignore_unknown_help)
        if positional.default is not None:
            return [positional, *others]
        flag = next(argument for argument in others if argument.name == self.instead)
        return [_UnlessFlag(positional, flag), *others]


def _copied(positional: Argument, default: str | None = None) -> Argument:
    """The same positional; without a default it must be given."""
    return Argument(
        names=positional.names,
        help=positional.help,
        positional=True,
        default=default,
        attr_name=positional.attr_name,
    )
