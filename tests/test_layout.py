"""The architecture as a test: which way imports point, which library has which door, the SQL files.

Every rule is a function of a root directory that answers its violations, so that each is also seen
to catch one that is planted in a copy.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from usersync import model

ROOT = Path(__file__).parents[1]

#: Arrows point down: a layer imports only what stands in layers below it, never its own.
LAYERS = (
    {"tasks"},
    {"demonstration", "drill", "targets"},
    {"publishing", "runner"},
    {"operations"},
    {"procedure"},
    {"adoption", "doctor", "first_look", "person"},
    {"migration"},
    {"comparison", "scratch"},
    {
        "attempt",
        "auth_canary",
        "connect",
        "four_eyes",
        "health",
        "kill_switch",
        "logs",
        "profile",
        "repair",
        "scaffold",
    },
    {"schedule", "sync"},
    {"request"},
    {"session", "ways"},
    {"journal"},
    {"github", "notification"},
    {"local", "runbook"},
    {"backends"},
    {"digest", "sql", "triggers"},
    {"report"},
    {"config", "interruption", "reference", "run_file", "shelf"},
    {"privacy"},
    {"errors"},
    {"model"},
    {"usersync"},
)

#: One library, one door. A key may name a part of a library; the longest that fits holds.
DOORS: Mapping[str, tuple[str, ...]] = {
    "annotated_types": ("usersync.config", "usersync.runbook"),
    "dotenv": ("usersync.config",),
    "invoke": ("usersync.tasks", "tasks"),
    "jinja2": ("usersync.report.media", "usersync.report.page"),
    "markupsafe": ("usersync.report.media", "usersync.report.page"),
    "os.environ": ("usersync.config",),
    "os.getenv": ("usersync.config",),
    "platformdirs": ("usersync.local", "usersync.publishing", "usersync.runner"),
    "psutil": ("usersync.local",),
    "httpx": (
        "usersync.backends.api",
        "usersync.github.client",
        "usersync.health.check",
        "usersync.notification",
    ),
    "psycopg": ("usersync.backends.postgres",),
    "psycopg.sql": ("usersync.backends.postgres", "usersync.sql"),
    "pydantic": ("usersync.config", "usersync.report.saved", "usersync.runbook"),
    "pydantic_core": ("usersync.config", "usersync.runbook"),
    "rich": ("usersync.tasks.progress",),
    "starlette": ("usersync.health.server",),
    "subprocess": ("usersync.comparison.git", "usersync.local", "tasks"),
    "supabase": ("usersync.backends.api.client",),
    "supabase_auth": ("usersync.backends.api.client",),
    "tenacity": ("usersync.backends", "usersync.github.client"),
    "uvicorn": ("usersync.health.server",),
    "yaml": ("usersync.config", "usersync.runbook"),
}

#: Must not be loaded by listing the tasks.
HEAVY = (
    "httpx",
    "jinja2",
    "psycopg",
    "pydantic",
    "rich",
    "starlette",
    "supabase",
    "uvicorn",
    "yaml",
)

#: The lead decides what may be longer than 300 lines.
LONG_MODULES = {
    "usersync/backends/api/door.py",
    "usersync/backends/api/unprepared/door.py",
    "usersync/backends/postgres/door.py",
    "usersync/model.py",
    "usersync/sync/engine.py",
}
LONGEST_MODULE = 300

NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

CAPITALS = re.compile(
    r"\b(?:ALTER|AND|AS|BEGIN|BY|CASE|COALESCE|COUNT|CREATE|DECLARE|DELETE|DISTINCT|DROP|ELSE|END"
    r"|EXISTS|FROM|GRANT|GROUP|HAVING|IN|INSERT|INTO|IS|JOIN|LEFT|LIMIT|NOT|NULL|ON|OR|ORDER"
    r"|RETURN|RETURNING|REVOKE|SELECT|SET|TABLE|THEN|UNION|UPDATE|VALUES|WHEN|WHERE|WITH)\b"
)
TRANSACTION_CONTROL = re.compile(
    r"\bbegin\s*(?:;|transaction|work|isolation)|\bstart\s+transaction|(?<!on )\bcommit\b"
    r"|\brollback\b|\bsavepoint\b|\bprepare\s+transaction",
    re.IGNORECASE,
)
HEADERS = {
    "checks": ("asks", "level", "cost", "remedy"),
    "verify": ("asks", "level", "cost", "remedy"),
    "apply": ("does", "locks", "rerun"),
    "revert": ("does", "locks", "rerun", "loses"),
}


@dataclass(frozen=True)
class Import:
    """One name that a module imports, or takes from ``os``."""

    module: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.name}"


def modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product, and the tasks.py beside it, with its syntax tree."""
    for path in [*sorted((root / "usersync").rglob("*.py")), root / "tasks.py"]:
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def imports(root: Path) -> Iterator[Import]:
    """Every import, wherever it stands: in functions and under TYPE_CHECKING too."""
    packages = {
        ".".join(path.parent.relative_to(root).parts)
        for path in (root / "usersync").rglob("__init__.py")
    }
    for module, tree in modules(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(module, node.lineno, alias.name)
            elif isinstance(node, ast.ImportFrom):
                parts = module.split(".") if module in packages else module.split(".")[:-1]
                above = parts[: len(parts) - node.level + 1] if node.level else []
                source = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    yield Import(module, node.lineno, f"{source}.{alias.name}")
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
                and node.attr in ("environ", "environb", "getenv", "putenv", "unsetenv")
            ):
                yield Import(module, node.lineno, f"os.{node.attr}")


def within(name: str, package: str) -> bool:
    """Whether a dotted name is the package or stands in it."""
    return name == package or name.startswith(f"{package}.")


def layer(module: str) -> int:
    """The number of a module's layer, counted from the top; -1 for one that has none."""
    unit = module.split(".")[1] if "." in module else module
    return next((number for number, units in enumerate(LAYERS) if unit in units), -1)


def arrows_that_point_up(root: Path) -> list[str]:
    """Imports from the same layer or from above, and modules that stand in no layer."""
    units = {module for module, _ in modules(root) if within(module, "usersync")}
    found = [f"{module} stands in no layer" for module in units if layer(module) < 0]
    for one in imports(root):
        if not within(one.module, "usersync") or not within(one.name, "usersync"):
            continue
        target = one.name if one.name in units else one.name.rpartition(".")[0]
        same_unit = one.module.split(".")[:2] == target.split(".")[:2]
        if not same_unit and layer(target) <= layer(one.module):
            found.append(str(one))
    return found


def loops(root: Path) -> list[str]:
    """Modules that import each other when they are loaded, directly or through others."""
    needs: dict[str, set[str]] = {}
    names = {module for module, _ in modules(root)}
    for module, tree in modules(root):
        loaded = {one if one in names else one.rpartition(".")[0] for one in _loaded(tree)}
        needs[module] = (loaded & names) - {module}
    found = []
    for start in sorted(needs):
        # A package is loaded before its modules: that they import it back is no loop of theirs.
        reached, queue = set[str](), [start]
        while queue:
            for target in needs.get(queue.pop(), ()):
                if target not in reached and (target == start or not within(start, target)):
                    reached.add(target)
                    queue.append(target)
        if start in reached:
            found.append(f"{start} imports itself")
    return found


def _loaded(tree: ast.Module) -> Iterator[str]:
    """What a module imports at its top level."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_doors(root: Path) -> list[str]:
    """Imports of a library elsewhere than at its door."""
    found = []
    for one in imports(root):
        keys = [key for key in DOORS if within(one.name, key)]
        if keys and not any(within(one.module, door) for door in DOORS[max(keys, key=len)]):
            found.append(str(one))
    return found


def unknown_libraries(root: Path) -> list[str]:
    """Imports of a library that has no door."""
    known = {key.split(".")[0] for key in DOORS} | set(sys.stdlib_module_names) | {"usersync"}
    return [str(one) for one in imports(root) if one.name.split(".")[0] not in known]


def loaded_by_listing(root: Path) -> list[str]:
    """Heavy libraries that a real ``usersync --list`` loads, Invoke's own (yaml) left out."""
    by_invoke = _loaded_by(root, "import invoke.program")
    listing = _loaded_by(root, "from usersync.tasks.program import main; main()")
    assert "usersync.tasks" in listing
    return sorted(name for name in listing - by_invoke if name.split(".")[0] in HEAVY)


def _loaded_by(root: Path, program: str) -> set[str]:
    """What a program loads in a process of its own, with this copy of the product."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program, "--list"],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def bad_sql_files(root: Path) -> list[str]:
    """Files under ``usersync/sql`` that break a rule of the house."""
    found = []
    for path in sorted((root / "usersync/sql").rglob("*.sql")):
        name = str(path.relative_to(root / "usersync/sql"))
        text = path.read_text(encoding="utf-8")
        found += [f"{name}: {fault}" for fault in _sql_faults(name, text)]
    return [*found, *_numbering_faults(root), *_loading_faults(root)]


def _sql_faults(name: str, text: str) -> Iterator[str]:
    code = re.sub(r"--[^\n]*|'(?:''|[^'])*'", " '' ", text)
    capitals = sorted(set(CAPITALS.findall(code)))
    if capitals:
        yield f"keywords in capitals: {', '.join(capitals)}"
    control = TRANSACTION_CONTROL.search(code)
    if control:
        yield f"the backend owns the transaction, not `{control.group()}`"
    header = _header(text)
    folder, _, rest = name.partition("/")
    kind = folder if folder == "checks" else rest.rpartition("/")[2].removesuffix(".sql")
    wanted = HEADERS.get(kind, ()) if folder in ("checks", "changes") else ()
    if not text.startswith("-- "):
        yield "it does not begin with a comment"
    if folder == "queries" and not header.keys() & {"asks", "does"}:
        yield "its header neither asks nor does"
    missing = [key for key in wanted if not header.get(key)]
    if missing:
        yield f"its header lacks {', '.join(missing)}"
    if "level" in wanted and header.get("level") not in (*get_args(model.Level), None):
        yield f"there is no level {header['level']}"


def _header(text: str) -> dict[str, str]:
    lines = text.splitlines()
    end = next((at for at, line in enumerate(lines) if not line.startswith("--")), len(lines))
    pairs = (line.removeprefix("-- ").partition(": ") for line in lines[:end])
    return {key: value for key, colon, value in pairs if colon and key.isidentifier()}


def _numbering_faults(root: Path) -> Iterator[str]:
    for folder in ("checks", "changes"):
        numbers: dict[str, str] = {}
        for entry in sorted((root / "usersync/sql" / folder).iterdir()):
            shape = r"(\d{4})_[a-z][a-z_]*" + (r"\.sql" if folder == "checks" else "")
            numbered = re.fullmatch(shape, entry.name)
            if not numbered:
                yield f"{folder}/{entry.name}: its name is no NNNN_name"
            elif numbered[1] in numbers:
                yield f"{folder}/{entry.name}: {numbers[numbered[1]]} has this number"
            else:
                numbers[numbered[1]] = entry.name
            if folder == "changes":
                parts = {part.name for part in entry.iterdir()}
                if parts != {"apply.sql", "verify.sql", "revert.sql"}:
                    yield f"{folder}/{entry.name}: it has {', '.join(sorted(parts))}"


def _loading_faults(root: Path) -> Iterator[str]:
    files = {f"queries/{path.stem}" for path in (root / "usersync/sql/queries").glob("*.sql")}
    loaded = {
        node.value
        for _, tree in modules(root)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"queries/\w+[a-z]", node.value)
    }
    yield from (f"{name}.sql: nothing loads it" for name in sorted(files - loaded))
    yield from (f"{name}.sql: it is loaded and not there" for name in sorted(loaded - files))


def unmarked_fields(root: type[Any]) -> list[str]:
    """Fields of a dataclass, and of all that it is made of, whose privacy nobody decided."""
    found: list[str] = []
    seen: set[type] = set()
    queue: list[Any] = [root]
    while queue:
        kind = queue.pop()
        queue += get_args(kind)
        if not isinstance(kind, type) or kind in seen or not dataclasses.is_dataclass(kind):
            continue
        seen.add(kind)
        queue += get_type_hints(kind).values()
        found += [
            f"{kind.__name__}.{field.name}"
            for field in dataclasses.fields(kind)
            if field.metadata.get("privacy") not in ("public", "internal", "personal")
        ]
    return found


def long_modules(root: Path) -> set[str]:
    """Modules that are longer than one thing is."""
    return {
        str(path.relative_to(root))
        for path in (root / "usersync").rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE
    }


def modules_that_say_nothing(root: Path) -> list[str]:
    """Modules and folders whose name could hold anything."""
    paths = [path for path in (root / "usersync").rglob("*") if "__pycache__" not in path.parts]
    return sorted(
        str(path.relative_to(root))
        for path in paths
        if path.stem in NAMES_THAT_SAY_NOTHING and (path.is_dir() or path.suffix == ".py")
    )


# -- the rules hold -----------------------------------------------------------------------------


def test_arrows_point_down() -> None:
    """Each module imports from the layers below its own only, functions' imports counted."""
    assert arrows_that_point_up(ROOT) == []


def test_no_module_imports_itself() -> None:
    """No module needs itself to be loaded, also not through others."""
    assert loops(ROOT) == []


def test_each_library_has_one_door() -> None:
    """A library, and the environment, is used by the one module or folder that is its door."""
    assert wrong_doors(ROOT) == []
    assert unknown_libraries(ROOT) == []


def test_listing_the_tasks_loads_nothing_heavy() -> None:
    """``usersync --list`` loads no database, template, validation or terminal library."""
    assert loaded_by_listing(ROOT) == []


def test_sql_files_keep_the_rules() -> None:
    """SQL files say what they are for, leave the transaction alone, and are all used."""
    assert bad_sql_files(ROOT) == []


def test_every_field_of_a_run_is_marked() -> None:
    """Whoever adds a field to what ends up in run.json decides who may see it."""
    assert unmarked_fields(model.Run) == []


def test_modules_hold_one_thing() -> None:
    """A module beyond 300 lines holds two things, unless it is listed here."""
    assert long_modules(ROOT) - LONG_MODULES == set()


def test_modules_are_named_for_what_they_hold() -> None:
    """No module is called for what it is to others: utils, helpers, common, base, manager."""
    assert modules_that_say_nothing(ROOT) == []


# -- and each of them catches what it is there for ------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the product to plant violations in."""
    root = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "usersync", root / "usersync", ignore=ignored)
    shutil.copy(ROOT / "tasks.py", root / "tasks.py")
    return root


def plant(root: Path, file: str, text: str) -> None:
    """Add lines at the end of a file, or make it."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"\n{text}\n")


ARROWS = {
    "up": ("usersync/errors.py", "from usersync.config import Target"),
    "to the side": ("usersync/digest.py", "from usersync import sql"),
    "in a function": ("usersync/model.py", "def f():\n    import usersync.errors"),
    "for types": (
        "usersync/privacy.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from usersync import backends",
    ),
    "relative": ("usersync/triggers/tokens.py", "from ..journal import Journal"),
    "relative to the package": ("usersync/sql/__init__.py", "from .. import tasks"),
    "a new module without a layer": ("usersync/novelty.py", ""),
}


@pytest.mark.parametrize(("file", "text"), ARROWS.values(), ids=ARROWS)
def test_an_arrow_that_points_up_is_caught(copy: Path, file: str, text: str) -> None:
    """An import from above, from beside, or into no layer is a violation, wherever it stands."""
    plant(copy, file, text)
    assert len(arrows_that_point_up(copy)) == 1


def test_a_loop_is_caught(copy: Path) -> None:
    """Two modules of one folder that need each other are a violation."""
    plant(copy, "usersync/config/values.py", "import usersync.config.settings")
    assert loops(copy) != []


WRONG_DOORS = {
    "invoke": ("usersync/runner.py", "import invoke"),
    "psycopg": ("usersync/sync/engine.py", "def f():\n    from psycopg import errors"),
    "psycopg in sql": ("usersync/sql/users.py", "import psycopg"),
    "psycopg's rows in sql": ("usersync/sql/users.py", "from psycopg import rows"),
    "pydantic": ("usersync/model.py", "from pydantic import BaseModel"),
    "yaml": ("usersync/report.py", "import yaml"),
    "jinja2": ("usersync/tasks/demo.py", "import jinja2"),
    "rich": ("usersync/tasks/command.py", "from rich.console import Console"),
    "tenacity": ("usersync/sync/work.py", "import tenacity"),
    "platformdirs": ("usersync/journal.py", "import platformdirs"),
    "the environment": ("usersync/runner.py", "import os\nprint(os.environ['HOME'])"),
    "the environment by name": ("usersync/report.py", "from os import environ"),
    "one variable": ("usersync/report.py", "import os\nprint(os.getenv('HOME'))"),
    "a program": ("usersync/runner.py", "import subprocess"),
}


@pytest.mark.parametrize(("file", "text"), WRONG_DOORS.values(), ids=WRONG_DOORS)
def test_another_door_is_caught(copy: Path, file: str, text: str) -> None:
    """A library that is imported elsewhere than at its door is a violation."""
    plant(copy, file, text)
    assert len(wrong_doors(copy)) == 1


def test_a_library_without_a_door_is_caught(copy: Path) -> None:
    """A library that nobody gave a door is a violation."""
    plant(copy, "usersync/report.py", "import requests")
    assert len(unknown_libraries(copy)) == 1


def test_a_heavy_library_in_the_listing_is_caught(copy: Path) -> None:
    """A heavy library that a task module imports at its top is a violation."""
    plant(copy, "usersync/tasks/inputs.py", "import jinja2")
    assert "jinja2" in loaded_by_listing(copy)


BAD_SQL = {
    "capitals": ("queries/access.sql", "SELECT 1", "keywords in capitals: SELECT"),
    "begin": ("queries/access.sql", "begin;", "`begin;`"),
    "commit": ("changes/0001_journal/apply.sql", "commit;", "`commit`"),
    "rollback": ("checks/0001_orphan_profile.sql", "rollback to x;", "`rollback`"),
    "no comment": ("local/new.sql", "select 1", "does not begin with a comment"),
    "no question": ("queries/new.sql", "-- nothing\nselect 1", "neither asks nor does"),
    "no use": ("queries/new.sql", "-- asks: what?\nselect 1", "nothing loads it"),
    "no level": ("checks/0009_new.sql", "-- asks: what?\n-- cost: x", "lacks level, remedy"),
    "another level": (
        "checks/0009_new.sql",
        "-- asks: what?\n-- level: fatal\n-- cost: x\n-- remedy: y\nselect 1",
        "no level fatal",
    ),
    "a number twice": ("checks/0001_again.sql", "-- asks: what?", "has this number"),
    "no number": ("checks/again.sql", "-- asks: what?", "no NNNN_name"),
    "half a change": ("changes/0009_half/apply.sql", "-- does: x", "it has apply.sql"),
    "a revert that loses": (
        "changes/0009_half/revert.sql",
        "-- does: x\n-- locks: y\n-- rerun: safe",
        "lacks loses",
    ),
}


@pytest.mark.parametrize(("file", "text", "fault"), BAD_SQL.values(), ids=BAD_SQL)
def test_a_bad_sql_file_is_caught(copy: Path, file: str, text: str, fault: str) -> None:
    """An SQL file that breaks a rule is named with the rule."""
    path = copy / "usersync/sql" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(path.read_text() + text if path.exists() else text)
    assert any(fault in one for one in bad_sql_files(copy))


def test_a_query_that_is_not_there_is_caught(copy: Path) -> None:
    """Loading a file that is gone is a violation."""
    (copy / "usersync/sql/queries/access.sql").unlink()
    assert bad_sql_files(copy) == ["queries/access.sql: it is loaded and not there"]


def test_an_unmarked_field_is_caught() -> None:
    """A field without a mark is found, however deep it stands."""

    @dataclass
    class Inner:
        marked: int = model.public()
        unmarked: int = 0

    @dataclass
    class Outer:
        inner: tuple[Inner, ...] | None = model.internal()

    Outer.__annotations__["inner"] = tuple[Inner, ...] | None
    assert unmarked_fields(Outer) == ["Inner.unmarked"]


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        ("usersync/sync/utils.py", modules_that_say_nothing),
        ("usersync/common/__init__.py", modules_that_say_nothing),
        ("usersync/digest.py", long_modules),
    ],
)
def test_a_module_of_many_things_is_caught(
    copy: Path, file: str, rule: Callable[[Path], object]
) -> None:
    """A module named for nothing, or one that has grown too long, is a violation."""
    before = rule(copy)
    plant(copy, file, "x = 1\n" * LONGEST_MODULE)
    assert rule(copy) != before
