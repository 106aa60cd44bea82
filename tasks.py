"""Tasks of this repository: those of usersync, and the contributors' own."""

import shlex
import sys
from pathlib import Path

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
        "-m pytest -n 3",
    ):
        c.run(f"{shlex.quote(sys.executable)} {command}")


@task
def test(c: Context) -> None:
    """The tests alone."""
    c.run(f"{shlex.quote(sys.executable)} -m pytest -n 3")


@task
def reference(_c: Context) -> None:
    """Write what is generated: references, schema, workflows, the statement to paste."""
    from usersync import scaffold, shelf
    from usersync.config import reference_markdown
    from usersync.runbook.schema import schema_text
    from usersync.sql.checks_page import checks_markdown
    from usersync.sql.first_look import first_look_text

    Path(__file__).with_name("schemas").joinpath("runbook.json").write_text(schema_text())
    docs = Path(__file__).with_name("docs")
    (docs / "checks.md").write_text(checks_markdown(), encoding="utf-8")
    (docs / "first-look.sql").write_text(first_look_text(), encoding="utf-8")

    workflows = Path(__file__).with_name(".github") / "workflows"
    for name in ("sync", "runbook"):
        text = scaffold.workflow(name, "$/", list(shelf.entries(shelf.shipped_folder())))
        (workflows / f"{name}.yml").write_text(text, encoding="utf-8")

    page = docs / "configuration.md"
    mark = "<!-- reference: generated -->\n\n"
    before = page.read_text(encoding="utf-8").partition(mark)[0]
    page.write_text(before + mark + reference_markdown(), encoding="utf-8")


ns = Collection(check, reference, test, *namespace.tasks.values(), **namespace.collections)
