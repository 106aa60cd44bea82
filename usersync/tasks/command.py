"""What every task shares: the common flags, the traps of Invoke, printing and the exit code."""

from __future__ import annotations

import inspect
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task

from usersync.errors import UsersyncError
from usersync.privacy import plain_line
from usersync.tasks import traps
from usersync.tasks.arguments import WordTask

if TYPE_CHECKING:
    from usersync.model import Run
    from usersync.runner import Request

COMMON_FLAGS = {
    "target": "a target of usersync.yaml (repeat it for several), `all`, or the embedded `local`",
    "config": "configuration file (default: usersync.yaml in this folder)",
    "env_file": "read environment variables from this file too",
    "out": "write the run as JSON to this file, also when the task fails",
    "json": "print the run as one JSON object and nothing else",
    "show_ids": "whole user ids instead of their first eight characters",
    "publish": "show the run on GitHub, with commas: summary, annotations, comment, issue, notify,"
    " outputs",
    "show_counts": "exact numbers and names where anybody can read what is published",
}

_TEXT_FLAGS = ("target", "config", "env_file", "out", "publish")


def command(
    *,
    writes: bool,
    opens_target: bool = True,
    common: Sequence[str] = tuple(COMMON_FLAGS),
    help: dict[str, str] | None = None,  # noqa: A002 - Invoke's own word
    meant: str = "leave it out: this task has no dry run",
    called: str = "",
    kind: type[Task[Any]] = WordTask,
    **options: Any,
) -> Callable[[Callable[..., int]], Task[Any]]:
    """Make a task of a function that returns its exit code.

    Args:
        writes: whether the task can change anything; then Invoke's own flags, which look like
            ours and do something else, are refused.
        opens_target: whether it works on a target; otherwise it works on the embedded Postgres
            alone, and flags that choose something else are refused.
        common: which of the common flags it takes; none for a task that only reads files.
        help: its other flags.
        meant: what to do for somebody who typed Invoke's ``--dry``.
        called: the whole name of the task, where its function says only the last part.
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
            # Invoke has switched it off, for the sake of tasks.py; see its --write-pyc.
            sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
            _print_anything()
            try:
                traps.refuse_places(flags)
                traps.refuse_flags_of_invoke(context, meant, writes=writes)
                traps.refuse_empty(flags, options.get("positional") or ())
                if not opens_target:
                    traps.refuse_targets(flags)
                exit_code = function(context, *arguments, **flags)
            except UsersyncError as error:
                task = called or function.__name__.replace("_", "-")
                exit_code = _tell(error, task, flags) if "json" in common else print_error(error)
            except KeyboardInterrupt:
                print("Interrupted.", file=sys.stderr)
                exit_code = 1
            if exit_code:
                raise Exit(code=exit_code)

        body.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
        body.__name__ = function.__name__
        body.__doc__ = function.__doc__
        lists = [*options.pop("iterable", ()), *(name for name in common if name == "target")]
        return kind(
            body,
            auto_shortflags=False,
            iterable=lists,
            help={**{name: COMMON_FLAGS[name] for name in common}, **(help or {})},
            **options,
        )

    return decorate


def finish(
    request: Request,
    *,
    json: bool,
    verbose: bool = False,
    is_told: bool = False,
    told: Callable[[], bool] = lambda: False,
) -> int:
    """Run a request, print what came of it, and return its exit code.

    Args:
        request: what to run.
        json: print the Run as JSON and nothing else.
        verbose: print the lists too.
        is_told: the operation told its story while it ran; only an error is left to print.
        told: whether the steps were printed as they happened.
    """
    from usersync import report, targets

    result = targets.run(request)
    if is_discreet(request):
        text = _in_public(result)
    elif json:
        text = report.as_json(result, show_ids=request.show_ids) + "\n"
    elif is_told:
        text = report.terminal(replace(result, steps=())) if result.error else ""
    else:
        text = report.terminal(result, show_ids=request.show_ids, verbose=verbose, told=told())
    print_text(text, end="")
    if request.publish:
        from usersync import four_eyes, publishing

        publishing.publish(
            publishing.Publication(
                runs=(result,),
                made=four_eyes.made(result, request.inputs),
                places=publishing.destinations(",".join(request.publish)),
                show_counts=request.show_counts,
                config=request.config,
                say=print_message if json else print_text,
            )
        )
    return result.exit_code


def is_discreet(request: Request) -> bool:
    """Whether the log says only what anybody may read."""
    if not request.publish or request.target == "local" or request.targets == ("local",):
        return False
    from usersync import publishing

    return publishing.is_discreet(show_counts=request.show_counts)


def print_text(text: str, end: str = "\n") -> None:
    """Print on standard output, also when nobody reads any more."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        # Whoever read has read enough; Python must not try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_message(text: str) -> None:
    """Print on standard error, where standard output belongs to a program."""
    print(text, file=sys.stderr, flush=True)


def request(
    task: str, operation: str, flags: dict[str, Any], *, opens_target: bool = True, **inputs: Any
) -> Request:
    """A request from the common flags of a task and the operation's own inputs."""
    from usersync.runner import Request
    from usersync.tasks.progress import progress

    return Request(
        task=task,
        operation=operation,
        inputs=inputs,
        opens_target=opens_target,
        targets=tuple(name for name in flags["target"] or () if name),
        config=flags["config"],
        env_file=flags["env_file"],
        out=flags["out"],
        show_ids=flags["show_ids"],
        publish=tuple((flags.get("publish") or "").split(",")) if flags.get("publish") else (),
        show_counts=bool(flags.get("show_counts")),
        program=program(),
        task_prefix=task_prefix(task),
        ask=_ask if _is_attended() else None,
        progress=progress(quiet=flags["json"]),
    )


def program() -> str:
    """The name that this was called by, for the next command."""
    name = Path(sys.argv[0]).name
    return name if name in ("invoke", "inv", "usersync") else "invoke"


def task_prefix(task: str) -> str:
    """What somebody's own tasks.py calls the collection of ours, with its point; often nothing."""
    for word in sys.argv[1:]:
        name = word.replace("_", "-")
        if name == task or name.endswith(f".{task}"):
            return word[: -len(task)]
    return ""


def task_names(task: str) -> str:
    """What stands before the name of another task in a next command."""
    return f"{program()} {task_prefix(task)}"


def print_error(error: UsersyncError) -> int:
    """An error of a task that has no run to tell it; returns the exit code."""
    for label, text in (("Error: ", error.message), ("Next:  ", error.next_step)):
        for number, line in enumerate(text.splitlines()):
            print(f"{'       ' if number else label}{plain_line(line)}", file=sys.stderr)
    return error.exit_code


def _tell(error: UsersyncError, task: str, flags: dict[str, Any]) -> int:
    """Tell what is wrong with what was typed as any other run is told: text, JSON, file."""
    given = {name: None if value == "" else value for name, value in flags.items()}
    return finish(replace(request(task, "", given), refusal=error), json=flags["json"])


def _print_anything() -> None:
    """Let no character end a task that the terminal's encoding has not got."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_attended() -> bool:
    """Whether somebody is there to answer; in CI nobody is, also where a runner has a terminal."""
    from usersync import config

    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    return at_terminal and not config.circumstances().is_ci


def _ask(question: str) -> bool:
    print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


def _in_public(result: Run) -> str:
    """What a log may say that anybody can read."""
    from usersync import report

    made = report.report([result], is_public=True)
    hint = "Numbers, names and digests are left out of a public log: --show-counts, or --out FILE."
    return f"{plain_line(made.headline.text)}\n{hint}\n"
