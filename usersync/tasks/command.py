"""What every task shares: the common flags, the traps of Invoke, printing and the exit code."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from usersync.errors import Refused, UsersyncError

if TYPE_CHECKING:
    from usersync.runner import Request

COMMON_FLAGS = {
    "target": "which target of usersync.yaml; `local` is the embedded Postgres",
    "config": "configuration file (default: usersync.yaml in this folder)",
    "env_file": "read environment variables from this file too",
    "out": "write the run as JSON to this file, also when the task fails",
    "json": "print the run as one JSON object and nothing else",
    "show_ids": "whole user ids instead of their first eight characters",
}
_TEXT_FLAGS = ("target", "config", "env_file", "out")


def command(
    *,
    writes: bool,
    common: Sequence[str] = tuple(COMMON_FLAGS),
    help: dict[str, str] | None = None,  # noqa: A002 - Invoke's own word
    meant: str = "--dry-run",
    kind: type[Task[Any]] = Task,
    **options: Any,
) -> Callable[[Callable[..., int]], Task[Any]]:
    """Make a task of a function that returns its exit code.

    Args:
        writes: whether the task can change anything; then Invoke's own flags, which look like
            ours and do something else, are refused.
        common: which of the common flags it takes.
        help: its other flags.
        meant: the flag that somebody who typed Invoke's ``--dry`` meant.
        kind: the class of the task.
        options: what Invoke's ``Task`` takes besides.
    """

    def decorate(function: Callable[..., int]) -> Task[Any]:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        shared = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None if name in _TEXT_FLAGS else False
            )
            for name in common
        ]

        def body(context: Context, *arguments: Any, **flags: Any) -> None:
            try:
                _refuse_flags_of_invoke(context, meant, writes=writes)
                exit_code = function(context, *arguments, **flags)
            except UsersyncError as error:
                print_error(error)
                exit_code = error.exit_code
            except KeyboardInterrupt:
                print("Interrupted.", file=sys.stderr)
                exit_code = 1
            if exit_code:
                raise Exit(code=exit_code)

        body.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
        body.__name__ = function.__name__
        body.__doc__ = function.__doc__
        return kind(
            body,
            auto_shortflags=False,
            help={**{name: COMMON_FLAGS[name] for name in common}, **(help or {})},
            **options,
        )

    return decorate


def finish(request: Request, *, json: bool, verbose: bool = False) -> int:
    """Run a request, print what came of it, and return its exit code."""
    from usersync import report, runner

    result = runner.run(request)
    if json:
        print(report.as_json(result, show_ids=request.show_ids))
    else:
        text = report.terminal(result, show_ids=request.show_ids, verbose=verbose)
        print(text, end="")
    sys.stdout.flush()
    return result.exit_code


def request(task: str, operation: str, flags: dict[str, Any], **inputs: Any) -> Request:
    """A request from the common flags of a task and the operation's own inputs."""
    from usersync.runner import Request
    from usersync.tasks.progress import progress

    return Request(
        task=task,
        operation=operation,
        inputs=inputs,
        target=flags["target"],
        config=flags["config"],
        env_file=flags["env_file"],
        out=flags["out"],
        show_ids=flags["show_ids"],
        program=program(),
        ask=_ask if sys.stdin.isatty() and sys.stderr.isatty() else None,
        progress=progress(quiet=flags["json"]),
    )


def program() -> str:
    """The name that this was called by, for the next command."""
    name = Path(sys.argv[0]).name
    return name if name in ("invoke", "inv", "usersync") else "invoke"


def print_error(error: UsersyncError) -> None:
    """An error that came before there was a run."""
    for number, line in enumerate(error.message.splitlines()):
        print(f"{'       ' if number else 'Error: '}{line}", file=sys.stderr)
    for number, line in enumerate(error.next_step.splitlines()):
        print(f"{'       ' if number else 'Next:  '}{line}", file=sys.stderr)


def _ask(question: str) -> bool:
    print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


def _refuse_flags_of_invoke(context: Context, meant: str, *, writes: bool) -> None:
    settings = context.config
    if settings._runtime_path is not None:
        raise Refused(
            "--config (-f) before a task is Invoke's own file, not usersync.yaml",
            "put it behind the task: status --config usersync.yaml",
        )
    if not writes:
        return
    if settings.run.dry:
        raise Refused(
            "Invoke's --dry (-R, INVOKE_RUN_DRY) does not keep a task from writing",
            f"put {meant} behind the task",
        )
    if logging.getLogger("invoke").isEnabledFor(logging.DEBUG):
        raise Refused(
            "Invoke's --debug (-d, INVOKE_DEBUG) is no dry run and shows what it should not",
            f"put {meant} behind the task",
        )


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


class EitherTask(Task[Any]):
    """A task whose first argument may be left out when the flag named ``instead`` is given."""

    instead = ""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments of the task; see `Task.get_arguments`."""
        positional, *others = super().get_arguments(ignore_unknown_help)
        flag = next(argument for argument in others if argument.name == self.instead)
        return [_UnlessFlag(positional, flag), *others]
