"""Tasks of this repository: those of usersync, and the contributors' own."""

import sys

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from usersync.tasks import namespace


@task
def check(c: Context) -> None:
    """Lint, format, types and tests: what CI runs."""
    for command in (
        "-m ruff check .",
        "-m ruff format --check .",
        "-m mypy",
        "-m pytest -n 2",
    ):
        c.run(f"{sys.executable} {command}")


@task
def test(c: Context) -> None:
    """The tests alone."""
    c.run(f"{sys.executable} -m pytest -n 2")


ns = Collection(check, test, *namespace.tasks.values(), **namespace.collections)
