"""The format of runbooks: what may stand in a file, and what is said about anything else."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.app import App
from tests.program import called
from usersync import config, runbook, shelf
from usersync.config.load import in_lines
from usersync.errors import Refused
from usersync.operations import runbooks
from usersync.operations.checks import check_names
from usersync.runbook import drill_log
from usersync.runbook.lint import RULES
from usersync.runbook.load import LONGEST_BYTES
from usersync.runbook.schema import FIRST_LINE, schema_text

pytestmark = pytest.mark.any_postgres

ROOT = Path(__file__).parents[1]
BROKEN = sorted((ROOT / "tests/runbooks/broken").glob("*.yaml"))
SHIPPED = sorted((ROOT / "runbooks").glob("*.yaml"))


def problems_of(path: Path) -> list[str]:
    """What lint says about a file, without its name."""
    _, problems = runbook.examine(path, runbooks.actions(config.settings()), check_names())
    return [line.removeprefix(f"{path}:") for line in in_lines(str(path), problems)]


def wanted_of(path: Path) -> str:
    """What the first line of a broken file says is wrong with it."""
    return path.read_text().splitlines()[0].removeprefix("# wants: ")


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_fault_is_named_with_its_line(path: Path) -> None:
    """Each broken file has one fault, and lint says where it is, what it is and what was meant."""
    assert problems_of(path) == [wanted_of(path)]


def test_every_rule_has_a_broken_file() -> None:
    """No rule is there that was never seen to catch something."""
    caught = {wanted_of(path).rpartition("[")[2].rstrip("]") for path in BROKEN}
    assert RULES.keys() <= caught


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_runbook_is_in_order(path: Path) -> None:
    """What is brought along passes lint, names the schema and has a drill."""
    assert problems_of(path) == []
    assert path.read_text().splitlines()[0] == FIRST_LINE
    loaded = runbooks.load(path.stem)
    assert loaded.runbook.drill is not None


def test_the_schema_is_fresh() -> None:
    """The schema that editors read is the one of the models."""
    assert (ROOT / "schemas/runbook.json").read_text() == schema_text()
    assert json.loads(schema_text())["$defs"]["Step"]["oneOf"][0] == {"required": ["check"]}


def test_a_file_of_10_megabytes_is_not_read(tmp_path: Path) -> None:
    """A huge file is refused by its size, at once."""
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"- " * 5_000_000)
    started = time.monotonic()
    assert problems_of(path) == [
        f"1: 10,000,000 bytes are no runbook; at most {LONGEST_BYTES:,} are read"
    ]
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        "- " * 60_000,
        "-\n" * 60_000,
        "\n".join(" " * depth + "a:" for depth in range(600)),
        "\n".join(" " * depth + "- " for depth in range(600)),
        "[" * 60_000,
        "{a: " * 30_000,
        "a: &a\n  b: *a",
        "\0",
        "\ud800",
        "",
    ],
)
def test_no_text_breaks_the_reader(tmp_path: Path, text: str) -> None:
    """Whatever stands in a file ends in a sentence, never in a crash of the reader."""
    path = tmp_path / "odd.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert problems_of(path)


def test_the_starter_is_in_order(workdir: Path) -> None:
    """What ``runbook.new`` writes passes lint, is listed and asks before it overwrites."""
    written = runbooks.new("stale-addresses")
    assert Path("schemas/runbook.json") in written
    assert problems_of(Path("runbooks/stale-addresses.yaml")) == []
    assert shelf.entries()["stale-addresses"].is_own
    with pytest.raises(Refused, match="is there already"):
        runbooks.new("stale-addresses")
    for name in ("run", "Über", "a--b", "../x"):
        with pytest.raises(Refused, match="is no name for a runbook"):
            runbooks.new(name)


def test_the_digest_is_of_all_files(tmp_path: Path) -> None:
    """Another word in the file, or in an SQL file that it names, is another digest."""
    shutil.copytree(ROOT / "tests/runbooks/broken/sql", tmp_path / "sql")
    path = tmp_path / "own.yaml"
    path.write_text(
        "schema: 1\nid: own\ntitle: x\nseverity: low\nsymptoms:\n  - x\n"
        "steps:\n  - id: rows\n    check: ./sql/good_check.sql\n"
    )

    def digest() -> str:
        return runbook.load(path, runbooks.actions(config.settings()), check_names()).digest

    first = digest()
    assert digest() == first
    with (tmp_path / "sql/good_check.sql").open("a") as stream:
        stream.write("-- another word\n")
    second = digest()
    path.write_text(path.read_text() + "    why: because\n")
    assert len({first, second, digest()}) == 3


def test_reading_and_linting_fifty_is_fast(tmp_path: Path) -> None:
    """Fifty runbooks are read and linted in less than 0.3 s of work, once all is imported."""
    source = (ROOT / "runbooks/users-cannot-access.yaml").read_text()
    shutil.copytree(ROOT / "runbooks/drills", tmp_path / "drills")
    paths = []
    for number in range(50):
        paths.append(tmp_path / f"book-{number}.yaml")
        paths[-1].write_text(source.replace("users-cannot-access\n", f"book-{number}\n", 1))
    known, checks = runbooks.actions(config.settings()), check_names()
    best = 9.0
    for _ in range(3):
        started = time.process_time()
        found = [runbook.examine(path, known, checks) for path in paths]
        best = min(best, time.process_time() - started)
    assert all(loaded and not problems for loaded, problems in found)
    assert best < 0.3


def test_the_pages_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each runbook has its page as it is now, and no page is of a runbook that is gone."""
    monkeypatch.chdir(ROOT)
    assert runbooks.docs(check=True) == ()


def test_a_stale_page_is_caught_and_written(workdir: Path) -> None:
    """``--check`` writes nothing and names what is stale; without it the pages are written."""
    named = runbooks.docs(check=True)
    assert {path.name for path in named} == {f"{path.stem}.md" for path in SHIPPED} | {"README.md"}
    assert not Path("docs").exists()
    runbooks.docs(check=False)
    Path("docs/runbooks/gone.md").write_text("x")
    page = Path("docs/runbooks/key-rotated.md")
    page.write_text(page.read_text() + "\n")
    assert {path.name for path in runbooks.docs(check=True)} == {"gone.md", "key-rotated.md"}
    runbooks.docs(check=False)
    assert runbooks.docs(check=True) == ()


def test_a_page_says_when_it_was_drilled(workdir: Path) -> None:
    """Day and duration; of a runbook that has changed since, that too; of another, nothing."""
    loaded = runbooks.load("key-rotated")
    drill_log.add(loaded, date(2026, 11, 25), 7.04)
    runbooks.docs(check=False)
    page = Path("docs/runbooks/key-rotated.md")
    assert "\nLast drilled: 2026-11-25, in 7.0 s.\n" in page.read_text()
    assert "Last drilled" not in Path("docs/runbooks/nightly-sync.md").read_text()
    drill_log.add(replace(loaded, digest="another"), date(2026, 11, 26), 8)
    assert runbooks.docs(check=True) == (page,)
    runbooks.docs(check=False)
    assert "\nLast drilled: 2026-11-26, in 8.0 s, before its last change.\n" in page.read_text()


def test_every_shipped_runbook_was_drilled_as_it_is() -> None:
    """The record that stands in the repository has all of them, none that is gone or other."""
    drilled = json.loads((ROOT / drill_log.FILE).read_text())
    assert drilled.keys() == {path.stem for path in SHIPPED}
    for name in drilled:
        told = drill_log.told(runbooks.load(name), ROOT)
        assert "before" not in told, f"{name}: invoke runbook.drill {name} --record"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_commands_of_a_page_run(app: App, path: Path) -> None:
    """What a page says to paste is read by the tasks, and runs up to its first gate."""
    page = (ROOT / "docs/runbooks" / f"{path.stem}.md").read_text()
    (block,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    loaded = runbooks.load(path.stem)
    drill = loaded.runbook.drill
    if drill and "user" in drill.inputs:
        # Whoever is named must be there.
        app.rows(loaded.sql[drill.fault].text)
    said = {name.upper(): str(value) for name, value in drill.inputs.items()} if drill else {}
    for line in block.splitlines():
        words = [said.get(word, word) for word in line.partition("#")[0].split()]
        done = called(*words[1:], "--json")
        assert json.loads(done.stdout)["runbook"]["name"] == path.stem
        assert done.returncode in (0, 2, 4), done


def test_the_index_has_every_symptom() -> None:
    """What people see leads to the page of its runbook."""
    index = (ROOT / "docs/runbooks/README.md").read_text()
    for entry in shelf.entries(Path("nowhere")).values():
        for symptom in entry.head.symptoms:
            assert f"| {symptom} | [{entry.name}]({entry.name}.md) |" in index


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"limit": ', "is no JSON object"),
        ("[1]", "is JSON, and no object"),
        ('{"limit": 1, "limit": 2}', "limit stands in it twice"),
        ('{"limit": [1]}', "limit: text, a whole number, true or false belong here"),
        ('{"limit": 1.5}', "limit: text, a whole number"),
        ('{"limit": null}', "limit: text, a whole number"),
        ("[" * 100_000, "is no JSON object"),
        ('{"limit": 0}', "0 is less than the 1 allowed"),
        ('{"limits": 5}', "there is no input limits"),
        ('{"limit": "$(id)"}', "a whole number is wanted"),
    ],
    ids=str,
)
def test_inputs_of_a_variable_that_are_wrong(
    text: str, words: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a variable says that a runbook cannot take is named, and nothing runs."""
    monkeypatch.setenv("RUNBOOK_INPUTS", text)
    done = called("runbook.run", "nightly-sync", "--inputs-env", "RUNBOOK_INPUTS")
    assert done.returncode == 3, done.stdout
    assert words in done.stdout + done.stderr


def test_inputs_of_a_variable(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs come from a variable as they do from the command line, each from one of both."""
    monkeypatch.setenv("RUNBOOK_INPUTS", '{"limit": 7}')
    words = ("runbook.run", "nightly-sync", "--dry-run", "--inputs-env")
    done = called(*words, "RUNBOOK_INPUTS", "--json")
    assert json.loads(done.stdout)["runbook"]["inputs"] == {"limit": "7"}
    twice = called(*words, "RUNBOOK_INPUTS", "--input", "limit=8")
    assert "input limit is given by --input and by --inputs-env" in twice.stdout + twice.stderr
    assert twice.returncode == 3
    gone = called(*words, "NOT_THERE")
    assert "the variable NOT_THERE is not set" in gone.stdout + gone.stderr
    assert gone.returncode == 3
    monkeypatch.setenv("RUNBOOK_INPUTS", "")
    assert json.loads(called(*words, "RUNBOOK_INPUTS", "--json").stdout)["runbook"]["inputs"] == {
        "limit": "1000"
    }
