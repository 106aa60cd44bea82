"""Drills: every runbook is proved to heal the fault that it ships, on a database of no account."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import faults
from tests.app import App
from tests.conftest import DATABASE_NUMBERS, Database, _administer
from tests.migrated import applied
from usersync import drill, local, shelf
from usersync.errors import StepFailed
from usersync.operations import runbooks
from usersync.runbook import Loaded

NAMES = sorted(path.stem for path in (Path(__file__).parents[1] / "runbooks").glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_heals_its_fault(workdir: Path, name: str) -> None:
    """Broken, the doctor names it; it runs; healed; a second run finds nothing, exit 0."""
    said: list[str] = []
    drilled = drill.drill(name, said.append)
    assert len(said) == 1
    assert drilled.runs[-2].exit_code == 0
    assert {step.status for step in drilled.runs[-2].steps} <= {"ok", "skipped", "unknown"}


BREAKS_THEIRS = "sync-fails-completely"


def test_what_has_no_drill_beside_their_trigger_is_left_out(workdir: Path) -> None:
    """Of several such a runbook is left out and told, and the others are drilled."""
    (workdir / "usersync.yaml").write_text("trigger: keep\n")
    said: list[str] = []
    names = [BREAKS_THEIRS, "new-users-get-no-profile"]
    assert drill.drill_all(names, record=False, own_trigger=True, say=said.append) == 0
    left_out, drilled = said
    assert left_out == f"{BREAKS_THEIRS}: left out, `own_trigger: false` stands in its drill"
    assert drilled.startswith("new-users-get-no-profile: broken, found, healed")


@pytest.mark.parametrize("name", [name for name in NAMES if name != BREAKS_THEIRS])
def test_a_runbook_heals_where_the_app_has_its_own_trigger(workdir: Path, name: str) -> None:
    """Broken, found and healed too; nothing of usersync comes to stand beside their trigger."""
    # As `init` proposes it for such an app.
    (workdir / "usersync.yaml").write_text("trigger: keep\n")
    said: list[str] = []
    drilled = drill.drill(name, said.append, own_trigger=True)
    assert drilled.runs[-2].exit_code == 0
    told = [
        text
        for run in drilled.runs
        for text in (*run.next_steps, run.error, *(step.next_step for step in run.steps))
    ]
    assert not any("migration.apply" in text for text in told)
    assert not any("sign_up" in change.name for run in drilled.runs for change in run.changes)


def test_a_runbook_that_does_not_heal_is_caught(workdir: Path) -> None:
    """A drill fails when the fault is still there, and when the doctor does not name the book."""
    shipped = shelf.shipped_folder()
    own = workdir / "runbooks"
    (own / "drills").mkdir(parents=True)
    source = (shipped / "users-cannot-access.yaml").read_text()
    fault = (shipped / "drills/users-cannot-access.sql").read_text()
    (own / "drills/users-cannot-access.sql").write_text(fault)
    heals_not = re.sub(r"  - id: approve\n.*?(?=  - id: tell)", "", source, flags=re.DOTALL)
    heals_not = heals_not.replace("    when: steps.backfill.created > 0\n", "")
    heals_not = re.sub(r"inputs:\n.*?(?=steps:)", "", heals_not, flags=re.DOTALL)
    (own / "users-cannot-access.yaml").write_text(heals_not)
    with pytest.raises(StepFailed, match="is not in order"):
        drill.drill("users-cannot-access", lambda _: None)
    unnamed = source.replace("- missing_profile", "- sign_up_function_broken")
    (own / "users-cannot-access.yaml").write_text(unnamed)
    with pytest.raises(StepFailed, match="does not name users-cannot-access"):
        drill.drill("users-cannot-access", lambda _: None)


def test_every_finding_leads_to_one_runbook() -> None:
    """No two runbooks claim the same finding, so that the doctor never has to choose."""
    heals = [one for name in NAMES for one in shelf.find(name).head.heals]
    assert len(heals) == len(set(heals))


# -- killed at every boundary --------------------------------------------------------------------

#: Its fault shuts a role out: roles belong to the whole server, and no other test may meet that.
ON_ITS_OWN_SERVER = "key-rotated"

TRIGGERS = """
select tgname, tgenabled, pg_get_triggerdef(oid) as definition from pg_trigger
where tgrelid = 'auth.users'::regclass and not tgisinternal order by 1
"""
FUNCTIONS = "select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace"
RIGHTS = "select relacl::text from pg_class where oid = 'public.user_profiles'::regclass"


def state(app: App) -> dict[str, Any]:
    """The end state: who has a profile, triggers, functions, rights, what is installed."""
    return {
        "missing": faults.missing(app),
        "orphans": faults.orphans(app),
        "profiles": faults.profiles(app),
        "triggers": app.rows(TRIGGERS),
        "functions": app.rows(f"{FUNCTIONS} order by 1"),
        "rights": app.one(RIGHTS),
    }


@dataclass
class Broken:
    """An app with the fault of a runbook, and the runbook carried out on it."""

    app: App
    database: Any
    loaded: Loaded
    person: str | None = None

    @property
    def said(self) -> list[str]:
        """The inputs of the drill, as they are typed."""
        wanted = self.loaded.runbook.drill
        assert wanted is not None
        return [f"--{name.replace('_', '-')}={value}" for name, value in wanted.inputs.items()]

    @contextlib.contextmanager
    def fault(self) -> Iterator[None]:
        """Break it."""
        wanted = self.loaded.runbook.drill
        assert wanted is not None
        local.seed(self.app.url, users=10, missing=0)
        if wanted.installed:
            applied(self.app)
        self.person = wanted.person
        script = self.loaded.sql[wanted.fault].text
        url = self.database.url_of(wanted.role)
        if not wanted.hold:
            local.run_statement(url, script)
            yield
            return
        with local.held_open(url, script):
            time.sleep(1.2)
            yield

    def carry_out(self, *first: str, kill_behind: str | None = None) -> bool:
        """Run it until it ends, approving gate by gate; whether it was killed behind a step."""
        killed_at = re.compile(rf"(ok|changed) +{kill_behind}:")
        flags = list(first)
        text = ""
        for _ in range(15):
            text = ""
            task = f"runbook.{self.loaded.id}"
            with faults.started(self.app, task, *self.said, *flags) as command:
                assert command.process.stdout is not None
                for line in command.process.stdout:
                    text += line
                    if kill_behind and killed_at.match(line):
                        command.send(signal.SIGKILL)
                        command.process.wait()
                        return True
                code, _, errors = command.end()
            is_shut_out = code == 1 and self.loaded.id == ON_ITS_OWN_SERVER and self.person
            assert code in (0, 2, 4) or is_shut_out, text + errors
            found = re.search(r"--approve (\S+)", text)
            flags = ["--approve", found[1]] if found else []
            if self.person and (not found or "approve_resume" in text.partition("Next")[2]):
                script = self.loaded.sql[self.person].text
                local.run_statement(self.database.admin_url, script)
                self.person, flags = None, []
            elif not found:
                assert code == 0, text + errors
                return False
        raise AssertionError(text)


@pytest.mark.parametrize("name", [name for name in NAMES if name != ON_ITS_OWN_SERVER])
def test_killed_at_any_step_it_ends_as_undisturbed(
    server: local.LocalServer,
    template: Callable[[local.Grants], str],
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """``kill -9`` behind each step, then ``--resume``: the end state of an undisturbed run."""
    kill_everywhere(server, template("explicit"), workdir, monkeypatch, runbooks.load(name))


def test_killed_where_a_role_was_shut_out(
    binaries: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for a rotated key, on a server of its own."""
    with local.temporary(binaries=binaries) as server:
        _administer(server, "create database template_own owner postgres")
        local.build(server, grants="explicit", database="template_own")
        loaded = runbooks.load(ON_ITS_OWN_SERVER)
        kill_everywhere(server, "template_own", workdir, monkeypatch, loaded)


def kill_everywhere(
    server: local.LocalServer,
    template: str,
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    loaded: Loaded,
) -> None:
    """Carry a runbook out undisturbed, and then killed behind each of its steps that write."""
    undisturbed: dict[str, Any] = {}
    killed_steps: list[str] = []
    # Checks and notes write nothing: behind them it is as it was before them.
    steps = [step.id for step in loaded.runbook.steps if step.verb in ("gate", "change")]
    for kill_behind in (None, *steps):
        with fresh(server, template) as database:
            monkeypatch.setenv("SUPABASE_DB_URL", database.url)
            monkeypatch.setenv("XDG_STATE_HOME", str(workdir / f"state-{kill_behind}"))
            app = App(database.url, workdir)
            broken = Broken(app, database, loaded)
            with broken.fault():
                killed = broken.carry_out(kill_behind=kill_behind)
                killed_steps += [kill_behind] if killed and kill_behind else []
                if killed:
                    wait_until_gone(app)
                    (last, *_) = app.run("status", history=1).history
                    broken.carry_out("--resume", last.run_id)
            undisturbed = undisturbed or state(app)
            assert state(app) == undisturbed, kill_behind
    assert killed_steps, "nothing was killed"


def wait_until_gone(app: App) -> None:
    """A killed run holds its lock until the server notices."""
    faults.until(lambda: not faults.backends(app), "the killed run to end")


@contextlib.contextmanager
def fresh(server: local.LocalServer, template: str) -> Iterator[Database]:
    """A database of its own."""
    name = f"drill_{next(DATABASE_NUMBERS)}"
    _administer(server, f"create database {name} owner postgres template {template}")
    try:
        yield Database(server, name)
    finally:
        _administer(server, f"drop database {name} with (force)")
