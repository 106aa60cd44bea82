"""Every workflow, run by act: each event and each outcome, on a real Postgres.

What must hold for all of them: the jobs that should run did, and no secret stands in anything that
they printed, not even masked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests import act
from tests.act import SELF, Ran, Repository
from tests.app import App
from tests.conftest import Database
from tests.github_api import GitHub
from tests.migrated import applied
from tests.program import ROOT
from tests.test_exclusive import other  # noqa: F401 - a fixture
from tests.test_publishing import Hook
from usersync import config, scaffold
from usersync.backends.postgres import PostgresDoor

#: Stands in every secret; nothing may print it.
SECRET = "s3cret-of-the-test"

PRODUCTION = """
targets:
  production: {environment: production, db_url_env: SUPABASE_DB_URL}
unattended: {tasks: [sync], max_rows: 100}
retry_s: 0
"""

pytestmark = [
    pytest.mark.any_postgres,
    pytest.mark.skipif(
        not act.ACT.exists() and os.environ.get("CI") != "true", reason="act is not installed"
    ),
]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository, as others get it."""
    return act.export(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def github() -> Iterator[GitHub]:
    """GitHub's API, on this machine; nobody writes a secret to it."""
    with GitHub(private=True) as server:
        yield server
        written = [one.body for one in server.asked if one.method != "GET"]
        assert SECRET not in str(written)


def secret_url(database: Database) -> str:
    """How the workflows reach the database; the password is of no use, and secret."""
    return database.url.replace("postgres@", f"postgres:{SECRET}@", 1)


@pytest.fixture
def ours(
    exported: Path, tmp_path: Path, app: App, database: Database, github: GitHub
) -> Repository:
    """This repository, with a target in production that is a test's own database."""
    folder = tmp_path / "repository"
    shutil.copytree(exported, folder, symlinks=True)
    (folder / "usersync.yaml").write_text(PRODUCTION)
    made = act.repository(
        folder,
        tmp_path / "home",
        name=github.repository,
        secrets={"SUPABASE_DB_URL": secret_url(database), "GITHUB_TOKEN": f"token-{SECRET}"},
        environment={"GITHUB_API_URL": github.url},
        elsewhere={SELF: exported},
    )
    made.commit()
    return made


@pytest.fixture
def theirs(
    exported: Path, tmp_path: Path, app: App, database: Database, github: GitHub
) -> Repository:
    """Somebody's repository after ``init``, with the same target."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    used = SELF.replace("5", "7")
    scaffold.write(folder, scaffold.plan(folder, f"{used} # v0.1.0"))
    for path in folder.glob(".github/workflows/*.yml"):
        act.readable(path)
    (folder / "usersync.yaml").write_text(PRODUCTION)
    made = act.repository(
        folder,
        tmp_path / "home",
        name=github.repository,
        secrets={"SUPABASE_DB_URL": secret_url(database), "GITHUB_TOKEN": f"token-{SECRET}"},
        environment={"GITHUB_API_URL": github.url},
        elsewhere={SELF: exported, used: exported},
    )
    made.commit()
    return made


def told(ran: Ran) -> Ran:
    """A run that kept its secrets: none was printed, so none had to be masked, and none is in what
    it hands to other runs."""
    assert SECRET not in ran.text
    for artifact in filter(Path.is_file, ran.artifacts.rglob("*")):
        assert SECRET not in artifact.read_text()
    # So is what is masked on purpose: the address of a user.
    assert not re.search(r"(?<!\w)\*\*\*|\*\*\*(?!@)", ran.text)
    assert "Traceback" not in ran.text
    return ran


NIGHT = {"schedule": "17 3 * * *"}

publishes = pytest.mark.skipif(not act.CAN_PUBLISH, reason="no task can publish yet")
asks_github = pytest.mark.skipif(
    "approval" not in config.Settings.model_fields, reason="nobody asks for two people yet"
)
compares = pytest.mark.skipif(
    not act.CAN_PUBLISH or "migration.compare" not in act.TASKS, reason="nothing compares yet"
)


# -- sync ----------------------------------------------------------------------------------------


def test_a_night_with_drift(ours: Repository, app: App) -> None:
    """At night one job creates what is missing, and is green when nothing is missing any more."""
    applied(app)
    ids = app.users(3)
    app.rows("delete from public.user_profiles")
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert (ran.code, ran.jobs) == (0, {"nightly": "success"}), ran.story
    assert app.status().missing == 0
    assert app.one("select count(*) from public.user_profiles") == len(ids)
    assert ran.output("nightly", "exit-code") == "0"
    assert ran.output("nightly", "status") == "ok"


def test_a_night_in_sync(ours: Repository, app: App) -> None:
    """A night with nothing to do is green, and writes nothing."""
    applied(app)
    app.users(2)
    before = app.rows("select xmin::text, * from public.user_profiles order by user_id")
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert (ran.code, ran.jobs) == (0, {"nightly": "success"}), ran.story
    assert app.rows("select xmin::text, * from public.user_profiles order by user_id") == before


def test_a_night_that_does_not_help(ours: Repository, app: App) -> None:
    """A night that leaves somebody missing is red, with exit code 2."""
    applied(app)
    app.users(3)
    app.rows("delete from public.user_profiles")
    app.rows(
        "alter table public.user_profiles add constraint never check (user_id is null) not valid"
    )
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "failure"}, ran.story
    assert ran.output("nightly", "exit-code") == "2"
    assert ran.output("nightly", "status") == "drift"
    assert ran.output("nightly", "missing") == "3"
    assert ran.output("nightly", "failed") == "3"
    assert any("3 of 3 users have no profile" in text for _, text in ran.annotations)


def test_a_night_without_a_trigger(ours: Repository, app: App) -> None:
    """A night repairs what is missing and stays red while the trigger is gone."""
    app.users(3)
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "failure"}, ran.story
    assert ran.output("nightly", "exit-code") == "2"
    assert app.status().missing == 0


def test_a_night_that_nobody_allowed(ours: Repository, app: App) -> None:
    """Without `unattended:` nothing is written in production, and the night is red."""
    applied(app)
    app.users(3)
    app.rows("delete from public.user_profiles")
    (ours.folder / "usersync.yaml").write_text(PRODUCTION.replace("unattended", "# unattended"))
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "failure"}, ran.story
    assert ran.output("nightly", "exit-code") == "3"
    assert app.status().missing == 3


def test_a_night_with_too_many(ours: Repository, app: App) -> None:
    """More than `unattended:` allows is stopped at the guard, and nothing of it is done."""
    applied(app)
    app.many_users(200)
    app.rows("delete from public.user_profiles")
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "failure"}, ran.story
    assert ran.output("nightly", "status") == "stopped"
    assert app.status().missing == 200


def test_a_night_at_a_target_that_is_away(ours: Repository, github: GitHub) -> None:
    """A target that cannot be reached is an error, and no drift."""
    ours.secrets["SUPABASE_DB_URL"] = f"postgresql://postgres:{SECRET}@127.0.0.1:1/postgres"
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "failure"}, ran.story
    assert ran.output("nightly", "exit-code") == "1"
    assert ran.output("nightly", "status") == "error"
    (issue,) = github.issues.values()
    assert issue.state == "open"
    assert "nothing listens at 127.0.0.1" in issue.title


def test_a_night_without_the_secret(ours: Repository) -> None:
    """Without the secret the night is refused, and says which variable is missing."""
    del ours.secrets["SUPABASE_DB_URL"]
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "failure"}, ran.story
    assert ran.output("nightly", "exit-code") == "3"
    assert "SUPABASE_DB_URL" in ran.log("nightly")


def test_a_night_beside_another_run(ours: Repository, other: PostgresDoor, app: App) -> None:  # noqa: F811
    """While another run holds the lock the night does nothing, and is green with a notice."""
    applied(app)
    app.users(3)
    app.rows("delete from public.user_profiles")
    with other.exclusively("migration.apply", 0):
        ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert (ran.code, ran.jobs) == (0, {"nightly": "success"}), ran.story
    assert ran.output("nightly", "status") == "locked"
    assert any(kind == "notice" and "lock" in text for kind, text in ran.annotations)
    assert app.status().missing == 3


def test_a_night_that_is_switched_off(ours: Repository) -> None:
    """The variable USERSYNC_NIGHTLY stops the nights: no job runs."""
    ours.variables["USERSYNC_NIGHTLY"] = "off"
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert (ran.code, ran.jobs) == (0, {})


def test_a_plan_on_request(ours: Repository, app: App) -> None:
    """Without `apply` the plan is made, its digest is told, and nothing is written."""
    app.users(3)
    ran = told(ours.run("sync", "workflow_dispatch", inputs={"apply": "false"}))
    assert (ran.code, ran.jobs) == (0, {"plan": "success"}), ran.story
    assert ran.output("plan", "status") == "drift"
    assert (ran.output("plan", "digest") or "").startswith("3-")
    assert app.status().missing == 3


def test_a_plan_that_is_applied(ours: Repository, app: App) -> None:
    """With `apply` a second job carries out exactly the plan of the first, for the reason given."""
    applied(app)
    app.users(3)
    app.rows("delete from public.user_profiles")
    ran = told(
        ours.run(
            "sync", "workflow_dispatch", inputs={"apply": "true", "reason": "they $(id) asked"}
        )
    )
    assert (ran.code, ran.jobs) == (0, {"plan": "success", "apply": "success"}), ran.story
    assert app.status().missing == 0
    assert app.rows(
        "select distinct digest, reason from usersync.journal where task = 'sync' and digest <> ''"
    ) == [{"digest": ran.output("plan", "digest"), "reason": "they $(id) asked"}]


def test_what_users_wrote_is_no_command(ours: Repository, app: App) -> None:
    """What users wrote of themselves reaches the log as text: no command of GitHub is in it."""
    applied(app)
    hostile = (
        "x\n::error title=pwned::pwned\r\n::add-mask::a\n::stop-commands::b%0A::warning::pwned"
    )
    app.user(email=f"{hostile}@example.com", raw_app_meta_data={"provider": hostile})
    app.rows("delete from public.user_profiles")
    ran = told(ours.run("sync", "workflow_dispatch", inputs={"apply": "true"}))
    assert ran.jobs == {"plan": "success", "apply": "success"}, ran.story
    assert "pwned" in ran.log("plan")
    commands = {one["command"] for one in ran.lines if "command" in one}
    assert commands <= {"set-output", "summary", "group", "endgroup", "error", "warning", "notice"}
    assert not any("pwned" in text for _, text in ran.annotations)


def test_nothing_to_apply(ours: Repository, app: App) -> None:
    """A plan with nothing to do is green, and nothing is applied."""
    ran = told(ours.run("sync", "workflow_dispatch", inputs={"apply": "true"}))
    assert (ran.code, ran.jobs) == (0, {"plan": "success"}), ran.story
    assert ran.output("plan", "digest") in (None, "")


def test_a_plan_that_cannot_be_made(ours: Repository, app: App) -> None:
    """A plan that is refused is red, and nothing is applied."""
    app.users(3)
    ran = told(ours.run("sync", "workflow_dispatch", inputs={"apply": "true", "target": "nowhere"}))
    assert ran.jobs == {"plan": "failure"}, ran.story
    assert ran.output("plan", "status") == "refused"
    assert app.status().missing == 3


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Where a team is told, and what watches over the nights."""
    made = Hook()
    yield made
    made.close()


NOTIFY = """
notify: {webhook_env: USERSYNC_WEBHOOK, heartbeat_env: USERSYNC_HEARTBEAT, format: json}
"""


@publishes
def test_nights_keep_one_issue(ours: Repository, app: App, github: GitHub, hook: Hook) -> None:
    """A red night opens one issue and tells the team, the next neither, and the first green one
    closes it, tells the team and a monitor outside; nobody reads their addresses."""
    (ours.folder / "usersync.yaml").write_text(PRODUCTION + NOTIFY)
    ours.secrets["USERSYNC_WEBHOOK"] = f"{hook.url}/hook/{SECRET}"
    ours.secrets["USERSYNC_HEARTBEAT"] = f"{hook.url}/heartbeat/{SECRET}"
    app.users(3)
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "failure"}
    (issue,) = github.issues.values()
    assert (issue.state, "usersync" in issue.labels) == ("open", True)
    assert any("⚠️" in summary and "nightly-sync" in summary for summary in ran.summaries)
    assert {kind for kind, _ in ran.annotations} & {"error", "warning"}
    assert ran.output("nightly", "missing") == "0"
    told(ours.run("sync", "schedule", payload=NIGHT))
    assert [one.state for one in github.issues.values()] == ["open"]
    ((path, message),) = hook.told
    assert (path, message["exit_code"]) == (f"/hook/{SECRET}", 2)
    applied(app)
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "success"}, ran.story
    assert [one.state for one in github.issues.values()] == ["closed"]
    assert any("✅" in summary and "nightly-sync" in summary for summary in ran.summaries)
    _, (_, well), beat = hook.told
    assert well["exit_code"] == 0
    assert beat == (f"/heartbeat/{SECRET}", None)


@publishes
def test_a_night_that_cannot_be_told(ours: Repository, app: App, github: GitHub) -> None:
    """Where GitHub only refuses, the night is as green as its work, and its summary says all."""
    applied(app)
    app.users(3)
    app.rows("delete from public.user_profiles")
    github.fail(403, html=True, times=50)
    ran = told(ours.run("sync", "schedule", payload=NIGHT))
    assert ran.jobs == {"nightly": "success"}, ran.story
    assert app.status().missing == 0
    assert any(kind == "warning" for kind, _ in ran.annotations)
    assert any("✅" in summary and "nightly-sync" in summary for summary in ran.summaries)


def test_a_plan_beside_another_run(ours: Repository, other: PostgresDoor, app: App) -> None:  # noqa: F811
    """A plan is made while another run holds the lock; its being carried out waits for nobody."""
    applied(app)
    app.users(3)
    app.rows("delete from public.user_profiles")
    with other.exclusively("migration.apply", 0):
        ran = told(ours.run("sync", "workflow_dispatch", inputs={"apply": "true"}))
    assert (ran.code, ran.jobs) == (0, {"plan": "success", "apply": "success"}), ran.story
    assert (ran.output("plan", "status"), ran.output("apply", "status")) == ("drift", "locked")
    assert any(kind == "notice" and "lock" in text for kind, text in ran.annotations)
    assert app.status().missing == 3


def test_a_plan_that_is_carried_out_in_part(ours: Repository, app: App) -> None:
    """What a constraint refuses of a plan makes it red; the others have their profile."""
    applied(app)
    ids = app.users(3)
    app.rows("delete from public.user_profiles")
    app.rows(
        "alter table public.user_profiles add constraint never"
        f" check (user_id <> '{ids[0]}') not valid"
    )
    ran = told(ours.run("sync", "workflow_dispatch", inputs={"apply": "true"}))
    assert ran.jobs == {"plan": "success", "apply": "failure"}, ran.story
    assert (ran.output("apply", "status"), ran.output("apply", "failed")) == ("drift", "1")
    assert (ran.output("apply", "missing"), app.status().missing) == ("1", 1)


# -- our own CI ----------------------------------------------------------------------------------

#: In the place of hours of tests: says where it runs and with what, and fails for one Postgres.
CI_RUN = """\
#!/usr/bin/env bash
set -euo pipefail
[ -f pyproject.toml ] && git rev-parse --is-inside-work-tree >/dev/null
echo "on Postgres $USERSYNC_TEST_POSTGRES"
[ "$USERSYNC_TEST_POSTGRES" != "@FAILS@" ]
"""

#: This machine keeps its packages: what would be asked of it as root is written down.
SUDO = """\
#!/bin/sh
echo "$*" >>"@FOLDER@/as-root"
"""


@pytest.mark.parametrize(("event", "fails"), [("push", "none"), ("pull_request", "16")])
def test_our_own_ci(event: str, fails: str, ours: Repository) -> None:
    """Each leg has its Postgres, the action is as others get it, the gate as red as the worst."""
    (ours.folder / ".ci/run").write_text(CI_RUN.replace("@FAILS@", fails))
    act.stand_in(ours.home, "sudo", SUDO)
    ours.secrets.clear()
    ours.commit()
    ran = told(ours.run("ci", event, payload=PULL_REQUEST if event == "pull_request" else {}))
    legs = {
        (one["matrix"]["python"], one["matrix"]["postgres"], one["msg"].strip())
        for one in ran.lines
        if one.get("raw_output") and one["msg"].startswith("on Postgres")
    }
    assert legs == {
        (python, postgres, f"on Postgres {postgres}")
        for python, postgres in (
            ("3.11", "18"), ("3.12", "18"), ("3.13", "18"), ("3.11", "16"), ("3.11", "15"),
        )
    }, ran.story  # fmt: skip
    asked = (ours.home / "as-root").read_text().splitlines()
    assert asked[:2] == ["apt-get update -q", "apt-get install -q -y postgresql-common"]
    assert len(asked) == 3
    assert ran.jobs["action"] == "success", ran.story
    assert any("demo" in summary for summary in ran.summaries)
    outcome = "success" if fails == "none" else "failure"
    # GitHub joins them in the order of `needs`, act in any; only two successes are one.
    results = next(line for line in ran.log("gate").splitlines() if line.endswith(("ess", "ure")))
    assert sorted(results.split()) == sorted([outcome, "success"])
    assert ran.jobs["gate"] == outcome
    assert (ran.code == 0) is (fails == "none")


# -- runbook -------------------------------------------------------------------------------------

ASKED = {"runbook": "users-cannot-access", "inputs": "{}"}


def test_a_runbook_by_its_digest(ours: Repository, app: App) -> None:
    """The digest of a dry run, which writes nothing, opens the gate of the run; without it, red."""
    app.users(3)
    dry = told(ours.run("runbook", "workflow_dispatch", inputs=ASKED | {"dry-run": "true"}))
    assert (dry.code, dry.jobs) == (0, {"dry-run": "success"}), dry.story
    digest = dry.output("dry-run", "digest")
    assert digest
    ran = told(ours.run("runbook", "workflow_dispatch", inputs=ASKED | {"dry-run": "false"}))
    assert ran.jobs == {"run": "failure"}
    assert ran.output("run", "status") == "stopped"
    assert app.status().missing == 3
    real = {"dry-run": "false", "approve": digest}
    ran = told(ours.run("runbook", "workflow_dispatch", inputs=ASKED | real))
    assert ran.jobs.keys() == {"run"}
    assert app.status().missing == 0, ran.story


def test_a_runbook_in_public(ours: Repository, app: App, github: GitHub) -> None:
    """In a public repository `show-counts` shows the digest; without it the summary names it."""
    github.private = False
    app.users(3)
    asked = ASKED | {"dry-run": "true"}
    dry = told(ours.run("runbook", "workflow_dispatch", inputs=asked))
    digest = dry.output("dry-run", "digest")
    assert digest
    assert digest not in str(dry.summaries)
    assert "The input `show-counts`" in str(dry.summaries)
    shown = told(ours.run("runbook", "workflow_dispatch", inputs=asked | {"show-counts": "true"}))
    read = re.search(r"once:\s+```\w*\n(\S+)\n```", "\n".join(shown.summaries))
    assert read, str(shown.summaries)
    assert read[1] == digest
    real = {"dry-run": "false", "approve": read[1]}
    ran = told(ours.run("runbook", "workflow_dispatch", inputs=ASKED | real))
    assert digest not in str(ran.summaries)
    assert app.status().missing == 0, ran.story


#: What somebody may type who starts a runbook, and what is answered.
HOSTILE: tuple[tuple[dict[str, str], str], ...] = (
    ({"inputs": '{"limit": "5; touch pwned"}'}, "a whole number is wanted"),
    ({"inputs": '{"limit": "$(touch pwned)"}'}, "a whole number is wanted"),
    ({"inputs": '{"limit": 5}\n--yes-to=approve'}, "is no JSON object"),
    ({"inputs": '{"limits": 5}'}, "there is no input limits"),
    ({"inputs": "[]"}, "is JSON, and no object"),
    ({"runbook": "nowhere"}, "there is no runbook 'nowhere'"),
    ({"runbook": "--help"}, "the input runbook is no name of a runbook"),
    ({"runbook": "nightly-sync --yes-to x"}, "there is no runbook 'nightly-sync --yes-to x'"),
    ({"target": "production\n--approve=x"}, "--approve=x"),
    ({"target": "$(touch pwned)"}, "$(touch pwned)"),
)


def test_what_is_typed_is_words_and_no_commands(ours: Repository) -> None:
    """Nothing that somebody types is run, or taken for a flag; a choice is not trusted."""
    typed = {"runbook": "nightly-sync", "inputs": "{}", "target": ""}
    legs = [typed | {"leg": str(at)} | given for at, (given, _) in enumerate(HOSTILE)]
    strategy = {"fail-fast": False, "matrix": {"include": legs}}
    # The job once for each, in one run: what it takes from `inputs` comes from the matrix.
    path = ours.folder / ".github/workflows/runbook.yml"
    head, _, jobs = path.read_text().partition("\njobs:\n")
    jobs = jobs.replace("${{ inputs.", "${{ matrix.")
    first = "    if: inputs.dry-run\n"
    jobs = jobs.replace(first, f"{first}    strategy: {json.dumps(strategy)}\n")
    path.write_text(f"{head}\njobs:\n{jobs}")
    ran = told(ours.run("runbook", "workflow_dispatch", inputs=ASKED | {"dry-run": "true"}))
    assert ran.jobs == {"dry-run": "failure"}, ran.story
    for at, (given, words) in enumerate(HOSTILE):
        leg = ran.of(leg=str(at))
        assert words in leg.log("dry-run") + str(leg.annotations), given
        assert (leg.output("dry-run", "exit-code") or "3") == "3", given
    assert "pwned" not in {path.name for path in ours.home.rglob("*")}


def test_a_runbook_beside_another_run(ours: Repository, other: PostgresDoor, app: App) -> None:  # noqa: F811
    """A runbook that may write waits for nobody: green, with a notice, and nothing is done."""
    app.users(3)
    with other.exclusively("migration.apply", 0):
        ran = told(ours.run("runbook", "workflow_dispatch", inputs=ASKED | {"dry-run": "false"}))
    assert (ran.code, ran.jobs) == (0, {"run": "success"}), ran.story
    assert ran.output("run", "status") == "locked"
    assert any(kind == "notice" and "lock" in text for kind, text in ran.annotations)
    assert app.status().missing == 3


FOUR_EYES = PRODUCTION + "approval: {four_eyes: true}\n"


def notice_of(ran: Ran, job: str) -> str:
    """What a job said of the plan that it made."""
    lines = tuple(one for one in ran.lines if one.get("jobID") == job)
    (notice,) = [line for line in replace(ran, lines=lines).told if "usersync plan" in line]
    assert re.fullmatch(r"::notice title=usersync plan::plan [0-9a-f]{40}", notice)
    return notice


@asks_github
def test_a_runbook_by_two_people(ours: Repository, app: App, github: GitHub) -> None:
    """With four eyes the digest opens the gate for somebody else than who made just this plan."""
    (ours.folder / "usersync.yaml").write_text(FOUR_EYES)
    app.users(3)
    dry = told(ours.run("runbook", "workflow_dispatch", inputs=ASKED | {"dry-run": "true"}))
    night = ASKED | {"runbook": "nightly-sync", "dry-run": "true"}
    colleague = told(ours.run("runbook", "workflow_dispatch", inputs=night))
    real = {"dry-run": "false", "approve": dry.output("dry-run", "digest") or ""}
    # Somebody else's dry run of something else; then the one that made the plan.
    github.add_run(40, actor="ada")
    github.add_job(40, *colleague.told)
    github.add_run(41, actor="ada")
    github.add_job(41, notice_of(dry, "dry-run"))
    for plan, second, is_stopped, missing in (
        ("40", "grace", True, 3),
        ("41", "Ada", True, 3),
        ("41", "grace", False, 0),
    ):
        github.add_run(1, actor=second)
        inputs = ASKED | real | {"plan-run-id": plan}
        ran = told(ours.run("runbook", "workflow_dispatch", inputs=inputs))
        assert (ran.output("run", "status") == "stopped") is is_stopped, ran.story
        assert ("none of its finished jobs made it" in ran.story) is (plan == "40"), ran.story
        assert app.status().missing == missing
        assert "usersync plan" not in str(ran.told)


@asks_github
def test_a_plan_by_two_people(ours: Repository, app: App, github: GitHub) -> None:
    """With four eyes a plan is applied when somebody else has approved the environment for it."""
    (ours.folder / "usersync.yaml").write_text(FOUR_EYES)
    app.users(3)
    said: list[str] = []
    for approved_by, is_stopped, missing in (
        (("grace",), True, 3),
        ((), True, 3),
        (("grace",), False, 0),
    ):
        github.add_run(1, actor="ada", approved_by=approved_by, environment="production")
        github.add_job(1, *said)
        ran = told(ours.run("sync", "workflow_dispatch", inputs={"apply": "true"}))
        assert (ran.output("apply", "status") == "stopped") is is_stopped, ran.story
        assert app.status().missing == missing
        # Here both jobs are over before GitHub hears of the first: it knows of it the next time.
        said = [notice_of(ran, "plan")]


# -- in somebody's repository --------------------------------------------------------------------


def test_a_night_of_somebody_else(theirs: Repository, app: App) -> None:
    """After ``init`` somebody's night works with the action of our repository, pinned."""
    applied(app)
    app.users(3)
    app.rows("delete from public.user_profiles")
    ran = told(theirs.run("usersync-sync", "schedule", payload=NIGHT))
    assert (ran.code, ran.jobs) == (0, {"nightly": "success"}), ran.story
    assert app.status().missing == 0


def test_the_installation_is_pinned(theirs: Repository) -> None:
    """The action asks pip for what has a hash, and for itself without an index, once a job."""
    told(theirs.run("usersync-sync", "workflow_dispatch", inputs={"apply": "false"}))
    venv, packages, itself = (theirs.home / "installed").read_text().splitlines()[:3]
    assert venv.startswith("-I -m venv --clear /")
    assert re.search(
        r"--no-deps --require-hashes --only-binary :all: -r \S+/requirements.txt", packages
    )
    assert re.search(r"--no-deps --no-index --no-build-isolation /\S+", itself)


def test_a_runbook_of_their_own(theirs: Repository, app: App) -> None:
    """The runbook that ``init`` wrote can be asked for."""
    ran = told(
        theirs.run(
            "usersync-runbook", "workflow_dispatch",
            inputs={"runbook": scaffold.FIRST_RUNBOOK, "dry-run": "true", "inputs": '{"most": 5}'},
        )
    )  # fmt: skip
    assert (ran.code, ran.jobs) == (0, {"dry-run": "success"}), ran.story


BREAKS = """\
schema: 1
id: breaks
title: A runbook whose last step fails
severity: low
symptoms:
  - none
inputs:
  to:
    type: text
    help: whom to write to
steps:
  - id: wrong
    check: ./checks/wrong.sql
  - id: mail
    change: mail.send
    undo:
      change: mail.recall
      with:
        to: ${inputs.to}
  - id: correct
    change: ./changes/correct.sql
    max_rows: 5
    verify: steps.wrong.rows == 0
"""

MAILS = '''\
from usersync.model import Outcome, Step
from usersync.operations import operation

@operation("mail.send", "external")
def send(session):
    """Send it."""
    return Outcome(steps=(Step("mail", "changed", "sent"),))

@operation("mail.recall", "external")
def recall(session, *, to="all"):
    """Take it back, unless it was read."""
    if to == "somebody":
        return Outcome(error="the mail has been read", exit_code=1)
    return Outcome(steps=(Step("mail", "changed", "recalled"),))
'''

CORRECT = """\
-- does: corrects, and fails
update public.user_profiles set email = 'x';
update public.user_profiles set user_id = gen_random_uuid();
"""

WRONG = """\
-- asks: is an address missing?
-- level: info
-- remedy: none
select user_id::text as subject, 'no address' as detail from public.user_profiles
where email is null
"""

STAGING = """
targets:
  staging: {environment: staging, db_url_env: SUPABASE_DB_URL}
operations: [mails.py]
contact: call 112
"""


@pytest.mark.parametrize(
    ("to", "code", "mail"), [("nobody", "5", "undone"), ("somebody", "6", "failed")]
)
def test_a_runbook_that_fails_halfway(
    to: str, code: str, mail: str, theirs: Repository, app: App
) -> None:
    """Undone it is 5; where something remains it is 6, and whom to call stands in the summary."""
    app.users(2)
    app.synced(first_fill=True)
    before = app.rows("select * from public.user_profiles order by user_id")
    for name, text in {
        "usersync.yaml": STAGING,
        "mails.py": MAILS,
        "runbooks/breaks.yaml": BREAKS,
        "runbooks/changes/correct.sql": CORRECT,
        "runbooks/checks/wrong.sql": WRONG,
    }.items():
        (theirs.folder / name).parent.mkdir(exist_ok=True)
        (theirs.folder / name).write_text(text)
    typed = {"runbook": "breaks", "inputs": json.dumps({"to": to}), "dry-run": "false"}
    ran = told(theirs.run("usersync-runbook", "workflow_dispatch", inputs=typed))
    assert ran.jobs == {"run": "failure"}, ran.story
    answer = (ran.output("run", "status"), ran.output("run", "exit-code"))
    assert answer == ("failed", code), ran.story
    assert "23503 foreign_key_violation" in ran.log("run")
    assert re.search(rf"{mail} +undo mail", ran.log("run")), ran.story
    assert any("call 112" in summary for summary in ran.summaries) is (code == "6")
    assert any(kind == "error" for kind, _ in ran.annotations)
    assert app.rows("select * from public.user_profiles order by user_id") == before


MATRIX = """
name: every target
on: workflow_dispatch
permissions: {}
jobs:
  targets:
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    outputs:
      targets: ${{ steps.usersync.outputs.targets }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: usersync
        uses: SELF
        with: {task: targets}
  status:
    name: status of ${{ matrix.target }}
    needs: targets
    strategy:
      matrix:
        include: ${{ fromJSON(needs.targets.outputs.targets || '[]') }}
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: SELF
        with:
          task: status
          target: ${{ matrix.target }}
          arguments: --quick
        env:
          EU_URL: ${{ secrets.SUPABASE_DB_URL }}
          US_URL: ${{ secrets.SUPABASE_DB_URL }}
"""


def test_a_matrix_of_targets(theirs: Repository, app: App) -> None:
    """The list of targets becomes a matrix, with a job for each."""
    text = act.without_publishing(MATRIX.replace("SELF", SELF))
    (theirs.folder / ".github/workflows/each.yml").write_text(text)
    (theirs.folder / "usersync.yaml").write_text(
        "targets:\n  eu: {db_url_env: EU_URL}\n  us: {db_url_env: US_URL}\n"
    )
    ran = told(theirs.run("each", "workflow_dispatch"))
    assert ran.code == 0, ran.story
    targets = {one["matrix"]["target"] for one in ran.lines if one.get("matrix")}
    assert targets == {"eu", "us"}
    assert ran.jobs == {"targets": "success", "status": "success"}


SHARDS = """
name: shards
on: workflow_dispatch
permissions: {}
jobs:
  sync:
    name: shard ${{ matrix.shard }}
    strategy:
      fail-fast: false
      matrix:
        shard: [1/4, 2/4, 3/4, 4/4]
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: usersync
        uses: SELF
        with:
          task: sync
          arguments: |
            --shard=${{ matrix.shard }}
        env:
          SUPABASE_DB_URL: ${{ secrets.SUPABASE_DB_URL }}
      - run: echo "shard $SHARD is $STATUS with $CODE, $MISSING missing, $FAILED failed, in $FILE"
        if: always()
        env:
          SHARD: ${{ matrix.shard }}
          STATUS: ${{ steps.usersync.outputs.status }}
          CODE: ${{ steps.usersync.outputs.exit-code }}
          MISSING: ${{ steps.usersync.outputs.missing }}
          FAILED: ${{ steps.usersync.outputs.failed }}
          FILE: ${{ steps.usersync.outputs.run-file }}
  left:
    needs: sync
    if: ${{ !cancelled() }}
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: SELF
        with: {task: status, pass-on: 0 2}
        env:
          SUPABASE_DB_URL: ${{ secrets.SUPABASE_DB_URL }}
"""


def test_a_matrix_of_shards(theirs: Repository, app: App) -> None:
    """Shards side by side make each profile once, and each answers for its own share."""
    (theirs.folder / ".github/workflows/shards.yml").write_text(SHARDS.replace("SELF", SELF))
    theirs.commit()
    applied(app)
    ids = app.users(80)
    app.rows("delete from public.user_profiles")
    app.rows(
        "alter table public.user_profiles add constraint never"
        f" check (user_id <> '{ids[0]}') not valid"
    )
    ran = told(theirs.run("shards", "workflow_dispatch"))
    rows = app.rows("select user_id::text from public.user_profiles")
    assert sorted(row["user_id"] for row in rows) == sorted(ids[1:]), ran.story
    said = re.findall(
        r"shard (\S+) is (\w+) with (\d), (\d+) missing, (\d+) failed", ran.log("sync")
    )
    assert sorted(shard for shard, *_ in said) == ["1/4", "2/4", "3/4", "4/4"], ran.story
    assert sum(int(failed) for *_, failed in said) == 1
    red = [one for one in said if one[1:3] != ("ok", "0")]
    assert [one[1:3] for one in red] == [("drift", "2")]
    assert ran.output("left", "missing") == "1"
    assert ran.code
    assert len(set(re.findall(r"in (\S*usersync-run-\S+)", ran.log("sync")))) == 4
    # What each said it made is what is there.
    created = [int(count) for count in re.findall(r"Profiles Created: +(\d+)", ran.log("sync"))]
    assert (len(created), sum(created)) == (4, 79)


DEPLOYED = """
name: deploy
on: push
permissions: {}
jobs:
  after-deploy:
    uses: acme/usersync/.github/workflows/after-deploy.yml@@REF@
    permissions: {contents: read}
    secrets:
      SUPABASE_DB_URL: ${{ secrets.SUPABASE_DB_URL }}
  away:
    if: ${{ vars.AWAY != '' }}
    uses: acme/usersync/.github/workflows/after-deploy.yml@@REF@
    permissions: {contents: read}
    secrets:
      SUPABASE_DB_URL: ${{ secrets.AWAY }}
  told:
    needs: after-deploy
    if: always()
    runs-on: ubuntu-24.04
    permissions: {}
    steps:
      - run: echo "it is $STATUS with $CODE"
        env:
          STATUS: ${{ needs.after-deploy.outputs.status }}
          CODE: ${{ needs.after-deploy.outputs.exit-code }}
"""


@publishes
@pytest.mark.parametrize(
    ("broken", "status", "code"), [(False, "ok", "0"), (True, "drift", "2")], ids=["well", "broken"]
)
def test_after_a_deployment(
    broken: bool, status: str, code: str, theirs: Repository, app: App
) -> None:
    """The workflow that others call checks the target, signs up on it, and answers with outputs."""
    (theirs.folder / ".github/workflows/deploy.yml").write_text(
        DEPLOYED.replace("@REF@", SELF.partition("@")[2])
    )
    theirs.commit()
    theirs.variables["AWAY"] = "there is one" if broken else ""
    theirs.secrets["AWAY"] = f"postgresql://postgres:{SECRET}@127.0.0.1:1/postgres"
    applied(app)
    if broken:
        app.rows(
            "create or replace function usersync.on_auth_user_created() returns trigger"
            " language plpgsql security definer set search_path = ''"
            " as $$ begin raise 'broken'; end $$"
        )
    users = app.one("select count(*) from auth.users")
    ran = told(theirs.run("deploy", "push"))
    assert ran.of("after-deploy").jobs == {"after-deploy": "failure" if broken else "success"}
    assert ran.of("after-deploy").output("after-deploy", "status") == status
    # One that cannot be reached is an error, and no finding.
    away = ran.of("away")
    assert away.jobs == ({"after-deploy": "failure"} if broken else {}), ran.story
    answer = {away.output("after-deploy", name) for name in ("status", "exit-code")}
    assert answer == ({"error", "1"} if broken else {None})
    # Behind a called workflow that failed act runs no job.
    assert broken or f"it is {status} with {code}\n" in ran.log("told")
    assert app.one("select count(*) from auth.users") == users
    assert ran.summaries


# -- on a pull request ---------------------------------------------------------------------------

PULL_REQUEST = {
    "number": 7,
    "pull_request": {
        "number": 7,
        "head": {"ref": "change", "repo": {"full_name": "acme/app", "fork": False}},
        "base": {"ref": "main"},
    },
}

HARMLESS = "alter table public.user_profiles add column nickname text;"
BREAKING = "alter table public.user_profiles rename column email to address;"


def proposed(repository: Repository, folder: str, statement: str) -> None:
    """A pull request with one migration more, merged for trial as GitHub does."""
    migrations = repository.folder / folder / "supabase/migrations"
    shutil.copytree(ROOT / "tests/consumer/supabase/migrations", migrations, dirs_exist_ok=True)
    repository.commit("the app")
    repository.git("checkout", "--quiet", "-b", "change")
    (migrations / "20261120090000_change.sql").write_text(statement)
    repository.commit("the change")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "--message=merged for trial", "change")


@compares
def test_a_pull_request_that_breaks_nothing(theirs: Repository, github: GitHub) -> None:
    """A pull request that breaks nothing is green, and nobody hears of it."""
    github.add_issue(number=7, is_pull=True)
    proposed(theirs, ".", HARMLESS)
    del theirs.secrets["SUPABASE_DB_URL"]
    ran = told(theirs.run("usersync-verify", "pull_request", payload=PULL_REQUEST))
    assert (ran.code, ran.jobs) == (0, {"sign-ups": "success"}), ran.story
    assert github.comments == []


@compares
def test_a_pull_request_that_breaks_sign_ups(theirs: Repository, github: GitHub) -> None:
    """A pull request that breaks sign-ups is red, with one comment that each run keeps true."""
    github.add_issue(number=7, is_pull=True)
    proposed(theirs, ".", BREAKING)
    ran = told(theirs.run("usersync-verify", "pull_request", payload=PULL_REQUEST))
    assert ran.jobs == {"sign-ups": "failure"}, ran.story
    assert ran.output("sign-ups", "exit-code") == "2"
    (comment,) = github.comments
    assert "20261120090000_change.sql" in comment.body
    assert any("20261120090000_change.sql" in summary for summary in ran.summaries)
    assert any(kind == "error" for kind, _ in ran.annotations)
    writes = list(github.writes)
    told(theirs.run("usersync-verify", "pull_request", payload=PULL_REQUEST))
    assert github.writes == writes


@compares
def test_a_pull_request_of_which_nobody_can_tell(theirs: Repository, github: GitHub) -> None:
    """What the embedded Postgres lacks is no pass: red, exit code 1, and the comment names it."""
    github.add_issue(number=7, is_pull=True)
    proposed(theirs, ".", "create extension postgis;\n")
    ran = told(theirs.run("usersync-verify", "pull_request", payload=PULL_REQUEST))
    assert ran.jobs == {"sign-ups": "failure"}, ran.story
    assert ran.output("sign-ups", "exit-code") == "1"
    (comment,) = github.comments
    assert "postgis" in comment.body


CHECKED_OUT = """
name: check
on: pull_request
permissions: {}
jobs:
  sign-ups:
    strategy: {matrix: {commits: ["2", "1", none]}}
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - run: |
          [ "$COMMITS" = none ] || git clone --quiet --depth="$COMMITS" "file://$PWD" ../it
          [ "$COMMITS" = none ] || git -C ../it checkout --quiet --detach
          rm -rf .git
          [ "$COMMITS" = none ] || mv ../it/.git .
        env: {COMMITS: "${{ matrix.commits }}"}
      - uses: SELF
        with: {task: migration.compare, arguments: --base-ref=HEAD^1}
"""


@compares
def test_checkouts_of_every_kind(theirs: Repository) -> None:
    """A checkout as GitHub makes it will do; what is missing of one is named with its remedy."""
    (theirs.folder / ".github/workflows/check.yml").write_text(CHECKED_OUT.replace("SELF", SELF))
    proposed(theirs, ".", BREAKING)
    ran = told(theirs.run("check", "pull_request", payload=PULL_REQUEST))
    for commits, code, words in (
        ("2", "2", "stops sign-ups"),
        ("1", "3", "this clone is shallow"),
        ("none", "3", "needs a git repository"),
    ):
        leg = ran.of(commits=commits)
        assert leg.output("sign-ups", "exit-code") == code, ran.story
        assert words in leg.log("sign-ups"), commits


@compares
def test_a_pull_request_from_a_fork(theirs: Repository, github: GitHub) -> None:
    """Where the token may not write, the summary says all, and the verdict stands."""
    github.add_issue(number=7, is_pull=True)
    github.can_write = False
    proposed(theirs, ".", BREAKING)
    ran = told(theirs.run("usersync-verify", "pull_request", payload=PULL_REQUEST))
    assert ran.jobs == {"sign-ups": "failure"}, ran.story
    assert ran.output("sign-ups", "exit-code") == "2"
    assert github.comments == []
    assert any(kind == "warning" for kind, _ in ran.annotations)
    assert any("20261120090000_change.sql" in summary for summary in ran.summaries)


#: In the place of an installation and of minutes of drills: says what it was asked for.
BOOTSTRAP = """\
import pathlib, sys

told = pathlib.Path("@FOLDER@/proofs")
with told.open("a") as stream:
    print("invoke", *sys.argv[1:], file=stream)
pytest = pathlib.Path(".venv/bin/pytest")
pytest.parent.mkdir(parents=True, exist_ok=True)
pytest.write_text(f'#!/bin/sh\\necho "pytest $*" >>"{told}"\\n')
pytest.chmod(0o755)
"""

COMMENTED = """
name: comment
on:
  workflow_run: {workflows: [usersync verify], types: [completed]}
permissions: {}
jobs:
  comment:
    uses: acme/usersync/.github/workflows/verify-comment.yml@@REF@
    permissions: {actions: read, pull-requests: write}
"""


@compares
def test_a_comment_for_a_fork(ours: Repository, github: GitHub) -> None:
    """What the run of a fork's pull request could not say, another run says in its place."""
    github.add_issue(number=7, is_pull=True, head="somebody:change", head_sha="c" * 40)
    github.can_write = False
    (ours.folder / "bootstrap.py").write_text(BOOTSTRAP.replace("@FOLDER@", str(ours.home)))
    proposed(ours, "tests/consumer", BREAKING)
    ran = told(ours.run("verify", "pull_request", payload=PULL_REQUEST))
    assert ran.jobs == {"sign-ups": "failure", "proofs": "success"}, ran.story
    assert (ours.home / "proofs").read_text().splitlines() == [
        "invoke runbook.drill",
        "invoke runbook.drill --own-trigger",
        (
            "pytest -n 2 tests/test_changes.py tests/test_given_back.py tests/test_takeover.py"
            " -k round_trip"
        ),
    ]
    github.can_write = True
    finished = {
        "id": 99,
        "event": "pull_request",
        "head_branch": "change",
        "head_sha": "c" * 40,
        "head_repository": {"full_name": "somebody/app", "owner": {"login": "somebody"}},
    }
    ran = told(ours.run("verify-comment", "workflow_run", payload={"workflow_run": finished}))
    assert ran.jobs == {"comment": "success"}, ran.story
    (comment,) = github.comments
    assert comment.issue == 7
    assert "20261120090000_change.sql" in comment.body
    # So does a workflow that calls ours, as another repository has it.
    (ours.folder / ".github/workflows/comment.yml").write_text(
        COMMENTED.replace("@REF@", SELF.partition("@")[2])
    )
    github.comments.clear()
    ran = told(ours.run("comment", "workflow_run", payload={"workflow_run": finished}))
    assert ran.jobs == {"comment": "success"}, ran.story
    assert [one.body for one in github.comments] == [comment.body]
    # Where GitHub fails, it is red and says so.
    github.fail(500, path=r"/pulls$", html=True)
    ran = told(ours.run("verify-comment", "workflow_run", payload={"workflow_run": finished}))
    assert ran.jobs == {"comment": "failure"}, ran.story
    assert any(kind == "error" and "run it again" in text for kind, text in ran.annotations)
    # Of what is no longer what ran, or is no fork's, nothing is said.
    writes = list(github.writes)
    ours_too = {"full_name": github.repository, "owner": {"login": "acme"}}
    for changed in ({"head_sha": "d" * 40}, {"head_repository": ours_too}):
        event = {"workflow_run": finished | changed}
        told(ours.run("verify-comment", "workflow_run", payload=event))
    assert github.writes == writes


CALLED = """
name: check
on: pull_request
permissions: {}
jobs:
  verify:
    uses: acme/usersync/.github/workflows/verify.yml@@REF@
    permissions: {contents: read, pull-requests: write}
    with:
      arguments: |
        #--base-ref=nowhere
        --server-url-env=SERVER_URL
        --seed=supabase/seed.sql
  told:
    needs: verify
    if: always()
    runs-on: ubuntu-24.04
    permissions: {}
    steps:
      - run: echo "it is $STATUS with $CODE"
        env:
          STATUS: ${{ needs.verify.outputs.status }}
          CODE: ${{ needs.verify.outputs.exit-code }}
"""


@compares
def test_a_pull_request_by_the_workflow_that_others_call(
    theirs: Repository, github: GitHub, database: Database
) -> None:
    """Somebody's workflow that calls ours gives it flags, and gets its answers as outputs."""
    github.add_issue(number=7, is_pull=True)
    (theirs.folder / ".github/workflows/check.yml").write_text(
        CALLED.replace("@REF@", SELF.partition("@")[2])
    )
    (theirs.folder / "supabase").mkdir()
    (theirs.folder / "supabase/seed.sql").write_text("insert into public.nowhere values (1);")
    proposed(theirs, ".", HARMLESS)
    ran = told(theirs.run("check", "pull_request", payload=PULL_REQUEST)).of("verify")
    assert ran.output("sign-ups", "status") == "refused", ran.story
    assert "the environment variable SERVER_URL is not set" in ran.log("sign-ups")
    theirs.environment["SERVER_URL"] = database.server.admin_url
    ran = told(theirs.run("check", "pull_request", payload=PULL_REQUEST))
    assert ran.jobs == {"sign-ups": "success", "told": "success"}, ran.story
    assert "it is ok with 0\n" in ran.log("told")
    assert "seed.sql" in ran.log("sign-ups")


#: In the place of the Supabase CLI: it starts nothing, and says where it would and with what.
SUPABASE = """\
#!/bin/sh
echo "$*" >>"@FOLDER@/supabase-cli"
ls "$4/supabase" >>"@FOLDER@/supabase-cli"
"""


@compares
def test_a_pull_request_on_the_server_of_supabase(
    theirs: Repository, github: GitHub, database: Database
) -> None:
    """The job of the docs starts the server without a migration, and is asked there."""
    github.add_issue(number=7, is_pull=True)
    act.stand_in(theirs.home, "supabase", SUPABASE)
    page = (ROOT / "docs/pull-requests.md").read_text()
    (job,) = re.findall(r"^```yml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    job = job.replace("OWNER/usersync@COMMIT", SELF)
    job = re.sub(r"postgresql://supabase_admin:\S+", database.server.admin_url, job)
    (theirs.folder / ".github/workflows/on-a-server.yml").write_text(job)
    (theirs.folder / "supabase").mkdir()
    (theirs.folder / "supabase/config.toml").write_text('project_id = "app"\n')
    proposed(theirs, ".", BREAKING)
    ran = told(theirs.run("on-a-server", "pull_request", payload=PULL_REQUEST))
    assert ran.jobs == {"sign-ups": "failure"}, ran.story
    assert ran.output("sign-ups", "exit-code") == "2"
    (comment,) = github.comments
    assert "20261120090000_change.sql" in comment.body
    installed, started, *there = (theirs.home / "supabase-cli").read_text().splitlines()
    assert installed == "installed 2.109.1"
    assert re.fullmatch(r"db start --workdir /\S+/server", started)
    assert there == ["config.toml"]


# -- all of them ---------------------------------------------------------------------------------


def test_every_workflow_is_run_by_every_event(tmp_path: Path) -> None:
    """Each event of each workflow, ours and those that init writes, is in a case of this file."""
    scaffold.write(tmp_path, scaffold.plan(tmp_path, f"{SELF} # v0.1.0"))
    text = Path(__file__).read_text()
    cases = set(re.findall(r'\.run\(\s*"([\w-]+)",\s*"?(\w+)"?', text))
    called = set(re.findall(r"usersync/\.github/workflows/([\w-]+)\.yml@@REF@", text))
    for folder in (ROOT, tmp_path):
        for path in folder.glob(".github/workflows/*.yml"):
            for event in yaml.safe_load(path.read_text())[True]:
                if event == "workflow_call":
                    assert path.stem in called, path
                else:
                    assert {(path.stem, name) for name in (event, "event")} & cases, path


def test_every_run_is_told() -> None:
    """No case of this file looks at a run without looking for secrets in it."""
    text = Path(__file__).read_text()
    runs = len(re.findall(r"\b(?:ours|theirs)\.run\(", text))
    assert runs == len(re.findall(r"told\(\s*(?:ours|theirs)\.run\(", text)) > 30
