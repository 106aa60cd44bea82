"""``runbook.*``: list, show, lint, write and carry out runbooks; and a task for each of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task

from usersync.errors import Refused
from usersync.shelf import SUBCOMMANDS, Entry, entries
from usersync.tasks import inputs
from usersync.tasks.arguments import NameTask
from usersync.tasks.command import command, finish, is_discreet, request

if TYPE_CHECKING:
    from usersync.runner import Request

_HOW = {
    "dry_run": "the checks for real, and what each change would do; writes nothing",
    "rehearse": "the changes for real, rolled back, where that tells the truth",
    "approve": "open the gate that this digest is for, once, to exactly what it showed",
    "resume": "go on with this run: its id, or the file that its --out wrote",
    "yes_to": "answer this gate's question beforehand, on a terminal; repeat for several",
    "wait": "seconds to wait for another run of usersync on this target (default 0)",
}


def run_named(
    name: str,
    said: Mapping[str, Any],
    flags: dict[str, Any],
    *,
    dry_run: bool,
    rehearse: bool,
    approve: str | None,
    resume: str | None,
    yes_to: list[str] | None,
    wait: str | None,
) -> int:
    """Carry out a runbook as it was asked for on the command line."""
    from usersync.procedure import RunbookOptions

    inputs.at_most_one({"--dry-run": dry_run, "--rehearse": rehearse, "--approve": bool(approve)})
    options = RunbookOptions(
        name=name,
        inputs=said,
        mode="dry-run" if dry_run else "rehearse" if rehearse else "run",
        approve=approve,
        resume=resume,
        yes_to=tuple(yes_to or ()),
        wait_s=inputs.positive("--wait", wait) or 0.0,
    )
    asked = request(f"runbook.{name}", "runbook.run", flags, options=options)
    return tell(asked, json=flags["json"])


def tell(asked: Request, *, json: bool) -> int:
    """Run a request whose steps are told as they happen, unless it is told as JSON."""
    from usersync import config
    from usersync.tasks.narration import Telling

    if json or is_discreet(asked):
        return finish(asked, json=json)
    grouped = config.circumstances().is_github
    telling = Telling(show_ids=asked.show_ids, grouped=grouped)
    return finish(replace(asked, narrator=telling), json=False, told=lambda: telling.has_begun)


@command(writes=False, common=(), called="runbook.list", name="list")
def list_all(_context: Context) -> int:
    """Which runbooks there are, by how much they hurry."""
    for name, entry in entries().items():
        own = " (own)" if entry.is_own else ""
        print(f"{entry.head.severity:<10} {name}{own}: {entry.head.title}")
        for symptom in entry.head.symptoms:
            print(f"{'':<10}   - {symptom}")
    return 0


@command(
    writes=False, common=(), called="runbook.show", positional=["name"], help={"name": "which one"}
)
def show(_context: Context, name: str) -> int:
    """The page of one runbook: when, inputs, steps, and the commands to paste."""
    from usersync.operations import runbooks
    from usersync.runbook.page import page

    print(page(runbooks.load(name).runbook), end="")
    return 0


@command(
    writes=False,
    common=(),
    called="runbook.lint",
    positional=["name"],
    optional=["name"],
    kind=NameTask,
    help={"name": "a runbook or a file; all of them when not given"},
)
def lint(_context: Context, name: str = "") -> int:
    """Everything that is wrong with the files, with line and what is meant; runs nothing."""
    from usersync.operations import runbooks

    problems = runbooks.lint(name or None)
    print("\n".join(problems.lines))
    return 3 if problems.found else 0


@command(
    writes=False, common=(), called="runbook.new", positional=["name"], help={"name": "its name"}
)
def new(_context: Context, name: str) -> int:
    """Write a starter into runbooks/, with its drill, and the schema that editors read."""
    from usersync.operations import runbooks

    for path in runbooks.new(name):
        print(f"written: {path}")
    return 0


@command(
    writes=False,
    common=(),
    called="runbook.docs",
    help={"check": "write nothing; exit 2 when a page is stale"},
)
def docs(_context: Context, check: bool = False) -> int:
    """Write each runbook as a page with its flow, and the index by symptom, to docs/runbooks/."""
    from usersync.operations import runbooks

    stale = runbooks.docs(check=check)
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path}")
    return 2 if check and stale else 0


@command(
    writes=False,
    common=(),
    called="runbook.drill",
    positional=["name"],
    optional=["name"],
    kind=NameTask,
    help={
        "name": "which one; all of them when not given",
        "record": "note when it was drilled and how long it took, for its page",
        "own_trigger": "on an app that has a trigger of its own, instead of the one of usersync",
    },
)
def drill(
    _context: Context, name: str = "", record: bool = False, own_trigger: bool = False
) -> int:
    """Break an embedded Postgres, let the runbook heal it, and prove that it did."""
    from usersync import drill

    return drill.drill_all(
        [name] if name else list(entries()), record=record, own_trigger=own_trigger
    )


@command(
    writes=True,
    called="runbook.run",
    meant="use --dry-run",
    positional=["name"],
    iterable=["input", "yes_to"],
    help=_HOW
    | {
        "name": "which one; runbook.list tells them",
        "input": "NAME=VALUE; repeat for several",
        "inputs_env": "the name of a variable that holds inputs as a JSON object, for CI",
    },
)
def run(
    _context: Context,
    name: str,
    input: list[str] | None = None,  # noqa: A002 - the flag is --input
    inputs_env: str | None = None,
    dry_run: bool = False,
    rehearse: bool = False,
    approve: str | None = None,
    resume: str | None = None,
    yes_to: list[str] | None = None,
    wait: str | None = None,
    **flags: Any,
) -> int:
    """Carry out a runbook step by step (exit 0, 2, or 1, 3, 4, 5, 6, 7)."""
    return run_named(
        name,
        _said(input or (), inputs_env),
        flags,
        dry_run=dry_run,
        rehearse=rehearse,
        approve=approve,
        resume=resume,
        yes_to=yes_to,
        wait=wait,
    )


def _said(given: Sequence[str], variable: str | None) -> dict[str, Any]:
    """The inputs of the command line and those of a variable, each once."""
    from usersync import config
    from usersync.runbook.inputs import from_json, pairs

    said: dict[str, Any] = dict(pairs(given))
    if variable is None:
        return said
    text = config.text_of(variable)
    if text is None:
        raise Refused(f"--inputs-env: the variable {variable} is not set", "name one that is")
    others = from_json(text.strip(), f"--inputs-env {variable}")
    twice = sorted(said.keys() & others.keys())
    if twice:
        raise Refused(f"input {', '.join(twice)} is given by --input and by --inputs-env")
    return said | others


def task_of(entry: Entry) -> Task[Any]:
    """The task of one runbook: its inputs are its flags."""
    names = [one.name for one in entry.head.inputs]
    flags_of = {one.name for one in entry.head.inputs if one.type == "flag"}

    def body(_context: Context, **given: Any) -> int:
        said = {name: given.pop(name) for name in names}
        said = {name: value for name, value in said.items() if value not in (None, False)}
        how = {name: given.pop(name) for name in _HOW}
        return run_named(entry.name, said, given, **how)

    body.__name__ = entry.name.replace("-", "_")
    body.__doc__ = f"{entry.head.title.rstrip('.')} (runbook)."
    kind = inspect.Parameter.KEYWORD_ONLY
    defaults: dict[str, Any] = {name: (name in flags_of and False) or None for name in names}
    defaults |= dict.fromkeys(_HOW, None) | {"dry_run": False, "rehearse": False}
    defaults |= dict.fromkeys(flags_of, False)
    signature = [inspect.Parameter("_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    signature += [inspect.Parameter(name, kind, default=one) for name, one in defaults.items()]
    signature.append(inspect.Parameter("flags", inspect.Parameter.VAR_KEYWORD))
    body.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    return command(
        writes=True,
        meant="use --dry-run",
        called=f"runbook.{entry.name}",
        name=entry.name,
        iterable=["yes_to"],
        help=_HOW | {one.name: one.help for one in entry.head.inputs},
    )(body)


def tasks_of_runbooks(known: Callable[[], Mapping[str, Entry]] = entries) -> Iterator[Task[Any]]:
    """A task for each runbook, read from the first lines of its file."""
    for name, entry in known().items():
        if name not in SUBCOMMANDS:
            yield task_of(entry)


def collection() -> Collection:
    """All tasks of ``runbook``."""
    return Collection("runbook", list_all, show, lint, new, docs, drill, run, *tasks_of_runbooks())
