"""The documentation: every command, query and configuration in it is run, none is left out.

In fenced blocks, ``sh`` is run command by command, ``sql``, ``yaml`` and ``python`` are run or
loaded whole, and ``text`` is what the tool prints. In inline code, whole commands are run, and what
begins with a task is parsed.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from invoke.collection import Collection
from invoke.parser import Parser
from invoke.program import Program

import tasks
import usersync.tasks
from tests import act
from tests.app import App
from usersync import config, doctor, local, schedule, shelf
from usersync.model import ChangeState
from usersync.operations import OPERATIONS, own
from usersync.sql.checks_page import checks_markdown

pytestmark = pytest.mark.any_postgres

ROOT = Path(__file__).parents[1]
DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
PAGES = ("README.md", "CONTRIBUTING.md", *DOCS)

#: What the docs promise and no task does yet; every mention stands beside "not yet".
NOT_YET: set[str] = set()

DATABASE_OF_NOBODY = "postgresql://postgres.PROJECT_REF:PASSWORD@POOLER_HOST:5432/postgres"

#: Commands that are not run one by one, each with the test that runs it.
NOT_RUN_HERE = {
    "invoke --help TASK": "test_tasks.test_help_of_a_task",
    "invoke local.seed --users 12000 --missing 431": "test_docs.test_shown_output",
    "invoke local.up": "test_docs.test_shown_output",
    "invoke doctor --from answer.csv": "test_first_look.test_of_drift",
    "invoke doctor --from answer.json --json": "test_first_look.test_of_drift",
    "invoke doctor --from - < answer.csv": "test_first_look.test_the_flag_renders_the_file",
    "invoke usersync.status": "test_docs.test_the_collection_example",
    "python3 bootstrap.py demo": "test_docs.test_the_two_commands_of_the_readme",
    "python3 bootstrap.py check": "test_docs.test_the_two_commands_of_the_readme",
    "invoke migration.rollback --dry-run": "test_docs.test_the_commands_of_a_page_in_their_order",
    "invoke migration.rollback --approve DIGEST": (
        "test_rollback.test_production_takes_only_a_digest"
    ),
    "invoke health.check": "test_health_check.test_the_address_is_configured",
    "invoke health.check --base-url https://app.example.com": "test_health_check.test_all_is_well",
    "invoke health.serve --port 8000": "test_health_serve.test_it_ends_when_it_is_told_to",
    "invoke migration.compare --base-ref HEAD^1": (
        "test_compare.test_from_the_command_line_to_the_file"
    ),
    "invoke migration.compare --base-ref HEAD^1 --server-url-env SERVER_URL": (
        "test_compare.test_in_a_checkout_on_a_given_server"
    ),
    "usersync init": "test_init.test_init_writes_what_is_missing",
    "gh workflow run usersync-sync.yml": "test_init_gh.test_the_commands_of_the_page",
    # Debian's gh does not know it yet; what it sets is seen to stop the nights.
    "gh variable set USERSYNC_NIGHTLY --body off": (
        "test_workflows_act.test_a_night_that_is_switched_off"
    ),
    "invoke migration.apply --replace on_auth_user_created --dry-run": (
        "test_takeover.test_the_dry_run_shows_both_and_what_the_old_one_also_did"
    ),
    "invoke migration.apply --replace on_auth_user_created --approve DIGEST": (
        "test_takeover.test_a_round_trip_restores_both_byte_for_byte"
    ),
    "invoke runbook.docs": "test_runbook_format.test_a_stale_page_is_caught_and_written",
    'pip install ".[serve]"': "test_docs.test_every_installation_of_the_docs",
    "pip install PATH_TO_CHECKOUT": "test_docs.test_every_installation_of_the_docs",
    "pip install git+https://github.com/OWNER/usersync@COMMIT": (
        "test_docs.test_every_installation_of_the_docs"
    ),
}

#: What stands in the docs as commands do, and nobody runs: why not.
NO_COMMANDS = {
    "invoke TASK": "it stands for every task",
    "usersync TASK": "it stands for every task",
    "usersync runbook.many": "the benchmark makes this runbook",
    "invoke check": "it is what .ci/run runs, these tests among it",
    "TMPDIR=/dev/shm invoke check": "as above",
    "invoke test": "it is these tests",
    "pytest --snapshot-update": "it rewrites the snapshots that these tests read",
    "invoke reference": "it writes into this checkout; that it would change nothing is tested",
    ". .venv/bin/activate": "made by venv",
    "export USERSYNC_HEALTH_TOKEN=TOKEN": "what the tests set themselves",
    "export SERVER_URL=postgresql://supabase_admin:postgres@127.0.0.1:54322/postgres": "as above",
    "export SUPABASE_URL='https://PROJECT_REF.supabase.co'": "as above",
    "export SUPABASE_SERVICE_ROLE_KEY=KEY": "as above",
    f"export SUPABASE_DB_URL='{DATABASE_OF_NOBODY}'": "as above",
}

#: What blocks are written in; `yml` is read by test_workflows_static.py, `mermaid` by
#: test_diagrams.py, the rest here.
LANGUAGES = {"sh", "sql", "yaml", "yml", "python", "text", "mermaid", "jinja"}

#: A command in inline code; others' programs are named there, and only GitHub's is run.
IS_COMMAND = re.compile(r"(\w+=\S+ )*(invoke|usersync|pip|pytest|gh|python3|python -m) ")

#: The commands of the operators' old page; each has its place in the new one.
OLD_COMMANDS = (
    "python user_sync_cli.py status",
    "python user_sync_cli.py status --json",
    "python user_sync_cli.py sync",
    "python user_sync_cli.py sync --dry-run",
    "python user_sync_cli.py sync --verbose",
    "python user_sync_cli.py create-profile <user_id>",
    "python user_sync_cli.py create-profile <user_id> --role admin",
    "python user_management_migration_cli.py verify",
    "python user_management_migration_cli.py test",
    "python user_management_migration_cli.py rollback",
    "python apply_user_management_migration_direct.py",
    "echo $SUPABASE_URL",
    "echo $SUPABASE_SERVICE_ROLE_KEY",
    "from config.database import supabase; print('Connected' if supabase else 'Failed')",
    "print(service_supabase.table('auth.users').select('id', count='exact').execute())",
    "SELECT * FROM information_schema.triggers WHERE trigger_name = 'on_auth_user_created';",
    "backend/backend.log",
    "/health",
    "/admin/users/health-check",
    "/dashboard/health-check",
)

OLD_HEADINGS = (
    "Quick Start",
    "Common Commands",
    "Troubleshooting Commands",
    "Status Interpretation",
    "Emergency Procedures",
    "Health Check URLs",
    "Log Locations",
    "Security Notes",
    "Support",
)

#: Collections that have tasks, or will have: what is in them exists or is not yet.
COLLECTIONS = ("connect", "health", "local", "migration", "repair", "report", "runbook")

#: Flags of others that the docs speak of: of Invoke, of pytest, of gh, of the benchmarks.
FLAGS_OF_OTHERS = {"--body", "--dry", "--help", "--list", "--snapshot-update", "--version"}
FLAGS_OF_OTHERS |= {"--only", "--profile"}

RUNBOOKS = shelf.entries()

#: The users that the docs speak of: 150, of whom 5 have no profile, one of them 24c2c7f8.
USERS, MISSING = 150, 5

#: The pages whose commands are run one after the other, and what each of them ends with.
IN_ORDER = ("docs/leaving.md", "docs/migration.md", "docs/repairs.md", "docs/reports.md")
EXIT_CODES_IN_ORDER = {
    "invoke status --out status.json": 2,
    "invoke report.publish --run status.json": 2,
    "invoke report.publish --run status.json --publish summary,annotations --key nightly": 2,
    "invoke repair.tokens --dry-run": 2,
    "invoke repair.tokens --rehearse": 2,
    "invoke sync --no-preserve --dry-run": 2,
    "invoke restore RUN_ID --dry-run": 3,  # it stands for an id
    "invoke migration.verify": 2,
    "invoke migration.apply --dry-run": 2,
    "invoke migration.apply --sql": 2,
    "invoke doctor": 2,  # some of the seeded users were made by plain SQL
    "invoke migration.rollback --dry-run": 2,
    "invoke migration.rollback --to 0006 --dry-run": 2,
    "invoke uninstall --dry-run": 2,
    "invoke uninstall --dry-run --keep-grants": 2,
    "invoke uninstall --sql": 2,
}
DIGEST = re.compile(r"^Digest: (\S+)", re.MULTILINE)

#: What differs between two runs of the same command.
CHANGING = (
    (re.compile(r"\d+-\d{8}T\d{12}-[0-9a-f]{16}-[0-9a-f]{72}"), "DIGEST"),
    (re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC|T\d\d:\d\d:\d\dZ)?"), "DATE"),
    (re.compile(r"\d+\.\d+ s"), "DURATION s"),
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a block."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place} {self.text}"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> Iterator[Block]:
    """The fenced blocks of all pages; those in lists without their indentation."""
    for page in PAGES:
        language, start, lines = None, 0, list[str]()
        for number, line in enumerate(read(page).splitlines(), 1):
            fence = re.fullmatch(r"(\s*)```(\w*)", line)
            if fence and language is None:
                indent, language = fence.groups()
                start, lines = number, []
            elif fence:
                assert language, f"{page}:{start}: the block names no language"
                if not languages or language in languages:
                    yield Block(page, start, language, "\n".join(lines))
                language = None
            elif language is not None:
                lines.append(line.removeprefix(indent))
        assert language is None, f"{page}:{start}: the block does not end"


def commands() -> Iterator[Command]:
    """Every command of the ``sh`` blocks, without its comment, and those in inline code."""
    for block in blocks("sh"):
        for number, line in enumerate(block.text.splitlines(), 1):
            text = re.sub(r"(^|\s+)#.*", "", line).strip()
            if text:
                yield Command(f"{block.page}:{block.line + number}", text)
    for page in PAGES:
        for code in inline_code(page):
            if IS_COMMAND.match(code):
                yield Command(page, code)


def inline_code(page: str) -> Iterator[str]:
    """What stands between single backticks outside of blocks."""
    prose = re.sub(r"^( *)```.*?^\1```$", "", read(page), flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`([^`]+)`", prose):
        yield " ".join(code.split())


def collection_of(program: str) -> Collection:
    """The tasks that a command line means: those of this folder, or those of the program."""
    return tasks.ns if program == "invoke" else usersync.tasks.namespace


TASKS = set(tasks.ns.task_names)


def flags() -> set[str]:
    """Every flag of every task."""
    return {
        f"--{name.replace('_', '-')}"
        for context in tasks.ns.to_contexts()
        for name, argument in context.args.items()
        if not argument.positional
    }


def as_pattern(shown: str) -> str:
    """A regular expression for what a block shows; `…` stands for what is left out."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(steady(line)).replace("…", ".*") + r"\n"
        for line in shown.splitlines()
    ]
    return "".join(lines)


def steady(text: str) -> str:
    """Text without what differs between two runs of the same command."""
    for pattern, name in CHANGING:
        text = pattern.sub(name, text)
    return text


@dataclass
class Prompt:
    """A shell of our own: runs commands of the docs in this process, on the database of a test."""

    app: App
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def run(self, text: str) -> tuple[int, str]:
        """Run one command; its exit code and what it printed."""
        words = shlex.split(text)
        typed = ""
        if "<" in words:
            words = words[: words.index("<")]
            typed = self.app.one("select email from auth.users where id::text like '24c2c7f8%'")
        words = [self._digest(words) if word == "DIGEST" else word for word in words]
        words = ["24c2c7f8" if word == "USER" else word for word in words]
        self.patch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
        self.patch.setattr(sys, "argv", words)
        self.capture.readouterr()
        program = Program(namespace=collection_of(words[0]), name=words[0], version="1")
        code: Any = 0
        try:
            program.run(words)
        except SystemExit as end:
            code = end.code
        return code, "".join(self.capture.readouterr())

    def _digest(self, words: list[str]) -> str:
        """What the dry run of the same sync prints for a person to copy."""
        rest = [word for word in words if word not in ("--approve", "DIGEST")]
        _, printed = self.run(shlex.join([*rest, "--dry-run"]))
        found = DIGEST.search(printed)
        assert found, printed
        return found[1]


@pytest.fixture
def prompt(app: App, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Prompt:
    """A person at a database with drift, to which every documented variable leads."""
    local.seed(app.url, users=USERS, missing=MISSING)
    for name in ("SUPABASE_DB_URL", "STAGING_DB_URL", "PROD_DB_URL"):
        monkeypatch.setenv(name, app.url)
    return Prompt(app, capsys, monkeypatch)


def expected_exit_code(words: list[str]) -> int:
    """What a documented command ends with on a database with drift."""
    if "--no-preserve" in words:
        return 3
    if words[1].startswith("repair."):
        return 3  # nothing is installed that could keep old values
    if "migration.pause" in words:
        return 3  # there is no trigger yet
    if words[1] == "runbook.sync-permission-errors":
        return 0  # all rights are there
    if words[1].startswith("runbook.") and words[1].partition(".")[2] in RUNBOOKS:
        # The first gate stops it; when that opens, the trigger is missing still.
        return 2 if {"--dry-run", "--approve"} & set(words) else 4
    finds = {"status", "doctor", "migration.verify", "migration.test", "--dry-run", "--rehearse"}
    return 2 if finds & set(words) else 0


#: Each command once, whatever pages it stands on; those of a runbook's own page are run by
#: test_runbook_format.py.
RUN_HERE = {
    one.text: one
    for one in sorted(commands(), key=str)
    if one.text.startswith(("invoke ", "usersync "))
    and one.text not in NOT_RUN_HERE | NO_COMMANDS
    and not one.place.startswith((*IN_ORDER, "docs/runbooks/"))
}


@pytest.mark.parametrize("command", RUN_HERE.values(), ids=str)
def test_every_command_runs(prompt: Prompt, command: Command) -> None:
    """Every documented command does what it should on a database where 5 of 150 are missing."""
    words = shlex.split(command.text)
    if "--target" in words:
        prompt.app.configure(next(b.text for b in blocks("yaml") if "targets:" in b.text))
    code, printed = prompt.run(command.text)
    assert code == expected_exit_code(words), printed


def test_no_excuse_is_left_over() -> None:
    """Every command that is not run here still stands in the docs, and its test is there."""
    excused = NOT_RUN_HERE.keys() | NO_COMMANDS.keys() | EXIT_CODES_IN_ORDER.keys()
    assert excused - {one.text for one in commands()} == set()
    for named in NOT_RUN_HERE.values():
        file, _, test = named.partition(".")
        assert f"\ndef {test}(" in read(f"tests/{file}.py"), named


def test_no_command_and_no_block_is_left_out() -> None:
    """What is neither run here nor excused is read by a test of its own: pytest's, benchmarks'."""
    others = {one.text for one in commands()} - NOT_RUN_HERE.keys() - NO_COMMANDS.keys()
    others -= {one for one in others if one.startswith(("invoke ", "usersync "))}
    assert others == {*pytest_commands(), *benchmark_commands()}
    assert {block.language for block in blocks()} <= LANGUAGES


def pytest_commands() -> set[str]:
    """The commands that run a file of tests, or some of it."""
    return {one.text for one in commands() if one.text.startswith("pytest tests/")}


def test_the_tests_of_the_docs_are_there() -> None:
    """What ``pytest`` is told to run is there; running them again would show nothing."""
    assert len(pytest_commands()) > 2
    for text in pytest_commands():
        _, file, *options = shlex.split(text)
        wanted = options[options.index("-k") + 1] if "-k" in options else ""
        assert re.search(rf"^def test_\w*{wanted}", read(file), re.MULTILINE), text


def benchmark_commands() -> set[str]:
    """The commands that measure."""
    return {one.text for one in commands() if "python -m benchmarks" in one.text}


def test_the_benchmarks_of_the_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is understood. One is run: the others take minutes to hours, on a quiet machine."""
    from benchmarks import __main__ as benchmarks
    from benchmarks import measurement, report_speed

    assert "python -m benchmarks --only reports" in benchmark_commands()
    for text in benchmark_commands():
        _, _, words = text.partition("python -m benchmarks")
        benchmarks.parser().parse_args(shlex.split(words))
    monkeypatch.setattr(measurement, "PATIENCE_S", 0.0)
    assert len(list(report_speed.rendering())) == 4


def test_every_installation_of_the_docs(tmp_path: Path) -> None:
    """pip takes every address that the docs give, with its extra, as far as before it installs.

    Without the package index there is no setuptools to build with; on CI that is a failure.
    """
    checkout = act.export(tmp_path / "checkout")
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=all"]):
        subprocess.run([*act.GIT, *words], cwd=checkout, check=True, capture_output=True)
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, cwd=checkout, check=True, capture_output=True, text=True).stdout
    places = {
        "PATH_TO_CHECKOUT": str(checkout),
        "git+https://github.com/OWNER/usersync@COMMIT": f"git+file://{checkout}@{commit.strip()}",
    }
    texts = {one.text for one in commands() if one.text.startswith("pip ")}
    for text in sorted(texts):
        words = [places.get(word, word) for word in shlex.split(text)]
        done = subprocess.run(
            [sys.executable, "-m", *words, "--dry-run", "--quiet", "--disable-pip-version-check"],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
        )
        if "No matching distribution" in done.stderr and "CI" not in os.environ:
            pytest.skip("the package index is out of reach")
        assert done.returncode == 0, done.stderr
        assert "does not provide the extra" not in done.stderr, text


def test_reference_would_change_nothing(tmp_path: Path) -> None:
    """``invoke reference`` writes exactly what stands in this checkout."""
    for name in ("tasks.py", "docs", "schemas", ".github"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in written}
    command = [sys.executable, "-m", "invoke", "reference"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert {path: path.read_bytes() for path in written} == before


def test_the_two_commands_of_the_readme() -> None:
    """The README has exactly two commands for .ci/run, one a line: the demo and the tests."""
    marked = re.findall(r"\n<!-- ci -->\n```sh\n(.*(?:\n.*)*?)\n```\n", read("README.md"))
    assert marked == ["python3 bootstrap.py demo", "python3 bootstrap.py check"]


@pytest.mark.parametrize("page", PAGES)
def test_inline_code_names_tasks_and_flags_that_exist(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What begins with a task is read by Invoke's parser, and every flag belongs to a task."""
    for code in inline_code(page):
        words = shlex.split(code) if code.count("'") % 2 == 0 else []
        if len(words) > 1 and words[0] in TASKS:
            monkeypatch.setattr(sys, "argv", ["invoke", *words])
            Parser(contexts=tasks.ns.to_contexts()).parse_argv(words)
        if "python " not in code:
            unknown = set(re.findall(r"(?<!\S)--[a-z-]+", code)) - flags() - FLAGS_OF_OTHERS
            assert not unknown, code


@pytest.mark.parametrize("page", PAGES)
def test_what_does_not_exist_yet_is_called_so(page: str) -> None:
    """A task of the docs exists, or stands in a line that says it does not yet."""
    # The steps of a runbook name operations.
    known = TASKS | (OPERATIONS.keys() if page.startswith("docs/runbooks/") else set())
    settings = set(re.findall(r"^\| `([^`]+)` \|", config.reference_markdown(), re.MULTILINE))
    for line in read(page).splitlines():
        for code in re.findall(r"`([^`]+)`", line):
            name = code.split()[0]
            if name in NOT_YET:
                assert name not in TASKS, f"{name} exists now: {line}"
                assert "not yet" in line.lower(), line
            elif name in settings:
                continue
            elif name.split(".")[0] in COLLECTIONS and "." in name:
                assert name in known, line


def test_every_task_stands_in_the_commands_table() -> None:
    """The README's table has one row for every task there is, and no other row."""
    _, _, section = read("README.md").partition("\n## Commands\n")
    table, _, _ = section.partition("\nThe tasks that")
    assert sorted(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == sorted(TASKS)


def test_every_flag_stands_in_the_docs() -> None:
    """No flag of any task is left unmentioned in the README."""
    mentioned = " ".join(inline_code("README.md"))
    # The inputs of a runbook are told on its own page.
    inputs = {f"--{one.name}" for entry in RUNBOOKS.values() for one in entry.head.inputs}
    assert flags() - {flag.replace("_", "-") for flag in inputs} <= set(
        re.findall(r"--[\w-]+", mentioned)
    )


def test_the_example_of_a_template(prompt: Prompt) -> None:
    """The template on the page of reports is one that a report is rendered with."""
    (block,) = blocks("jinja")
    (prompt.app.folder / "mine.md.j2").write_text(block.text)
    prompt.run("invoke status --out status.json")
    code, printed = prompt.run("invoke report.render --run status.json --template mine.md.j2")
    assert code == 0, printed
    assert "Questions: #auth-team" in printed


def test_the_example_of_an_operation(workdir: Path) -> None:
    """The operation on the page of runbooks is one that a runbook can call."""
    (block,) = (block for block in blocks("python") if block.page == "docs/runbooks.md")
    (workdir / "mine.py").write_text(block.text)
    assert set(own.operations(["mine.py"])) == {"pager.silence"}


@pytest.mark.parametrize("page", ["README.md", "docs/user-synchronization.md"])
def test_every_exit_code_has_its_row(page: str) -> None:
    """The README's table, and that of the guide, have the exit codes 0 to 7, in order."""
    _, _, section = read(page).partition("\n## Exit codes\n")
    table, _, _ = section.partition("\n## ")
    assert re.findall(r"^\| (\d) \|", table, re.MULTILINE) == list("01234567")


def test_every_finding_stands_in_the_guide() -> None:
    """The guide names what is found beside the checks, and every state of a change."""
    page = read("docs/user-synchronization.md")
    states = get_args(get_type_hints(ChangeState)["state"])
    names = {doctor.RIGHTS, doctor.LONG, doctor.TABLE, doctor.UNRECORDED, schedule.CHECK, "paused"}
    assert [name for name in (*states, *names) if f"`{name}`" not in page] == []


def test_the_reference_is_the_generated_one() -> None:
    """The configuration page holds exactly what the models generate."""
    _, _, after = read("docs/configuration.md").partition("<!-- reference: generated -->\n\n")
    assert after == config.reference_markdown(), "write reference_markdown() behind the mark"


@pytest.mark.parametrize("block", [*blocks("yaml")], ids=str)
def test_every_configuration_is_valid(block: Block) -> None:
    """Every usersync.yaml of the docs can be read."""
    assert config.read_text(block.text).settings


def worked_examples() -> Iterator[tuple[Block, Block]]:
    """The tables of the configuration page, each with the configuration that follows it."""
    kinds = [block for block in blocks("sql", "yaml") if block.page == "docs/configuration.md"]
    for table, settings in itertools.pairwise(kinds):
        if table.language == "sql":
            yield table, settings


@pytest.mark.parametrize(("table", "settings"), [*worked_examples()], ids=str)
def test_the_worked_examples_fit_their_tables(
    prompt: Prompt, table: Block, settings: Block
) -> None:
    """With each example's table and configuration every user of every kind gets a profile."""
    prompt.app.rows("drop table public.user_profiles")
    prompt.app.rows(table.text)
    prompt.app.configure(settings.text)
    summary = prompt.app.synced(first_fill=True)
    assert (summary.created, summary.failed) == (USERS, 0)


def test_the_collection_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's tasks.py has the tasks under the name that the README says."""
    (block,) = (block for block in blocks("python") if block.page == "README.md")
    names: dict[str, Any] = {}
    exec(block.text, names)
    assert {f"usersync.{name}" for name in usersync.tasks.namespace.task_names} == set(
        names["ns"].task_names
    )


#: Migrations, and what a pull request does to them.
COMPARED = ROOT / "tests" / "compare"

#: What each ``text`` block shows: its first line, and the commands whose last output it is.
SHOWN = {
    "$ invoke status --target local": (
        "invoke local.up",
        "invoke local.seed --users 12000 --missing 431",
        "invoke status --target local",
    ),
    "=== User Synchronization Status ===": ("invoke status",),
    "=== Synchronization Summary ===": ("invoke sync",),
    "Starting an embedded Postgres that looks like a Supabase project, with 150 users ...": (
        "invoke demo",
    ),
    "=== Sign-ups before and after ===": (
        f"invoke migration.compare --base {COMPARED}/base --head head",
    ),
    "All checks passed!": (),  # .ci/run runs it, and nothing of it can differ
}


@pytest.mark.parametrize("block", [*blocks("text")], ids=str)
def test_shown_output(prompt: Prompt, block: Block) -> None:
    """What the docs show is what the tool prints, but for times, digests and what `…` cuts."""
    first, _, rest = block.text.partition("\n")
    printed = ""
    shutil.copytree(COMPARED / "base", "head")
    shutil.copy(COMPARED / "breaks" / "rename_username.sql", "head/20261120090000_rename.sql")
    try:
        for command in SHOWN[first]:
            _, printed = prompt.run(command)
    finally:
        if "--target local" in first:
            prompt.run("invoke local.down --delete")
    shown = rest.lstrip("\n") if first.startswith("$ ") else block.text
    if SHOWN[first]:
        assert re.search(as_pattern(shown), steady(printed)), printed


@pytest.mark.parametrize("page", IN_ORDER)
def test_the_commands_of_a_page_in_their_order(page: str, prompt: Prompt) -> None:
    """The commands of the page work one after the other, in their order."""
    ran = [one.text for one in commands() if re.match(rf"{page}:\d", one.place)]
    assert len(ran) > 5
    for command in ran:
        code, printed = prompt.run(command)
        assert code == EXIT_CODES_IN_ORDER.get(command, 0), (command, printed)


def test_the_page_of_the_checks_is_the_generated_one() -> None:
    """The page about the checks holds exactly what the heads of their files generate."""
    assert read("docs/checks.md") == checks_markdown(), "invoke reference writes it"


def test_the_old_page_is_still_there() -> None:
    """Every command and every heading of the operators' old page stands in the new one."""
    page = " ".join(read("docs/quick-reference.md").split())
    assert [old for old in OLD_COMMANDS if old not in page] == []
    headings = re.findall(r"^## \S+ (.*)$", read("docs/quick-reference.md"), re.MULTILINE)
    assert headings == list(OLD_HEADINGS)


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link names a file that is there, and a heading that is in it."""
    for target in re.findall(r"\]\(([^)]+)\)", read(page)):
        if target.startswith("https://"):
            continue
        name, _, heading = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in map(anchor, headings), target


def linked(page: str) -> set[str]:
    """The pages of this repository that a page links to."""
    names = re.findall(r"\]\(([^)#]+\.md)(?:#[^)]*)?\)", read(page))
    there = (ROOT / page).parent
    return {str((there / name).resolve().relative_to(ROOT)) for name in names if ":" not in name}


@pytest.mark.parametrize("page", DOCS)
def test_every_page_is_found(page: str) -> None:
    """A page is linked from the README, or from the index of its folder, and from another page."""
    index = "docs/runbooks/README.md" if page.startswith("docs/runbooks/") else "README.md"
    index = "README.md" if page == index else index
    assert page in linked(index)
    assert [other for other in DOCS if other not in (page, index) and page in linked(other)]


def anchor(heading: str) -> str:
    """The name that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
