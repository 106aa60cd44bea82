"""``docs/first-look.sql``: one statement for the dashboard's SQL editor, and ``doctor --from``."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from invoke import program
from psycopg.rows import dict_row

import usersync.tasks
from tests.app import App
from tests.test_checks import FUNCTION, TRIGGER
from usersync import report, runner
from usersync.model import Run
from usersync.sql.first_look import first_look_text

FILE = Path(__file__).parents[1] / "docs/first-look.sql"

Rows = list[dict[str, Any]]


def look(app: App) -> Rows:
    """Send the statement as the editor does, in a transaction that cannot write."""
    with psycopg.connect(app.url, row_factory=dict_row) as connection:
        connection.read_only = True
        assert connection.execute("select current_user as name").fetchone() == {"name": "postgres"}
        # Bound parameters go by the extended protocol, which takes one statement only.
        text = FILE.read_text(encoding="utf-8").replace("%", "%%").encode()
        return connection.execute(text, [], binary=False, prepare=True).fetchall()


def told(rows: Rows, part: str) -> dict[str, str]:
    return {row["name"]: row["value"] for row in rows if row["part"] == part}


def saved(folder: Path, rows: Rows, kind: str = "json") -> str:
    """The answer as the editor exports it."""
    path = folder / f"answer.{kind}"
    if kind == "json":
        path.write_text(json.dumps(rows), encoding="utf-8")
        return str(path)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8-sig")
    return str(path)


def rendered(path: str) -> Run:
    """``doctor --from``."""
    run = runner.run(
        runner.Request(
            task="doctor", operation="doctor.from", inputs={"path": path}, opens_target=False
        )
    )
    assert "a bug in usersync" not in run.error, run.error
    return run


def with_trigger(app: App) -> None:
    """An app whose own trigger makes its profiles."""
    app.rows(FUNCTION + TRIGGER)


def test_the_file_is_the_generated_one() -> None:
    """The statement of the docs is what the checks generate."""
    assert FILE.read_text(encoding="utf-8") == first_look_text(), "invoke reference writes it"


def test_it_is_one_statement() -> None:
    """One semicolon ends it, and nothing in it could change anything."""
    code = "\n".join(
        line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("--")
    )
    assert code.rstrip().endswith(";")
    assert code.lstrip().startswith("with ")


def test_of_an_app_that_is_well(app: App, workdir: Path) -> None:
    """The figures are those of status, the trigger is told, and the run ends with 0."""
    with_trigger(app)
    app.rows("delete from public.user_profiles")
    app.user(updated_at="2026-01-01T00:00:00Z")
    rows = look(app)
    assert told(rows, "first look")["table"] == "public.user_profiles(user_id)"
    assert told(rows, "trigger on auth.users") == {"on_auth_user_created": "on, after insert"}
    run = rendered(saved(workdir, rows))
    assert (run.exit_code, run.error) == (0, "")
    measured = run.tables[0].status
    assert measured is not None
    assert (measured.total, measured.existing) == (1, 1)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_of_drift(app: App, workdir: Path, kind: str) -> None:
    """Missing profiles, since when and by provider, are those that status counts: exit 2."""
    app.users(3)
    app.user(created_at="2026-01-02T03:04:05Z", raw_app_meta_data={"provider": "github"})
    app.user(is_anonymous=True, email=None)
    app.user(deleted_at="2026-01-01T00:00:00Z")
    app.rows("insert into public.user_profiles (user_id, email)"
             " select id, 'x@example.com' from auth.users where deleted_at is not null"
             " or id = (select id from auth.users where not is_anonymous"
             " and deleted_at is null order by id limit 1)")  # fmt: skip
    run = rendered(saved(workdir, look(app), kind))
    assert run.exit_code == 2
    measured, direct = run.tables[0].status, app.status()
    assert measured is not None
    for name in (
        "total",
        "existing",
        "orphans",
        "soft_deleted_with_profile",
        "excluded_with_profile",
        "email_drift",
    ):
        assert getattr(measured, name) == getattr(direct, name), name
    assert {one.name: one.count for one in measured.not_counted} == {
        one.name: one.count for one in direct.not_counted
    }
    assert measured.missing_detail is not None
    assert direct.missing_detail is not None
    assert measured.missing_detail.by_provider == direct.missing_detail.by_provider
    assert "=== User Synchronization Status ===" in report.terminal(run)


def test_of_what_is_wrong(app: App, workdir: Path) -> None:
    """What the checks find is found by the statement too, with its level and its remedy."""
    with_trigger(app)
    app.rows(
        "alter table public.user_profiles disable row level security;"
        " grant select on public.user_profiles to anon;"
    )
    run = rendered(saved(workdir, look(app)))
    by_name = {check.check: check for check in run.checks if check.count}
    direct = app.run("migration.verify", task="migration.verify")
    expected = {check.check: check.level for check in direct.checks if check.count}
    assert {name: check.level for name, check in by_name.items()} == expected
    assert "row_security_disabled" in expected
    assert run.exit_code == 2
    assert "enable row level security" in by_name["row_security_disabled"].remedy


def test_no_personal_data_leaves(app: App) -> None:
    """No id, address or name of any user is in the answer, whatever is wrong with them."""
    user_id = app.user(
        email="anna@secret.example",
        confirmation_token=None,
        raw_user_meta_data={"full_name": "Anna Secret"},
    )
    app.user(email="anna2@secret.example", is_sso_user=True, phone="+4915112345678")
    app.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    orphan = "22222222-2222-4222-8222-222222222222"
    app.rows(
        "insert into public.user_profiles (user_id, email) values (%(id)s, 'b@secret.example')",
        id=orphan,
    )
    answer = json.dumps(look(app))
    for text in (user_id, user_id[:8], orphan[:8], "secret", "Anna", "4915"):
        assert text not in answer
    assert told(json.loads(answer), "warning")["users_unreadable_by_api"] == "1"


def test_the_table_is_found(app: App, workdir: Path) -> None:
    """A table of another name, schema and spelling is found by what refers to and writes it."""
    app.rows("""
        drop table public.user_profiles cascade;
        create schema "App";
        create table "App"."Profiles" (
            "Id" bigint generated always as identity primary key,
            "userId" uuid not null unique references auth.users (id), "eMail" text, "Email" text);
        create table public.posts (id uuid primary key, author uuid references auth.users (id));
    """)
    app.users(2)
    app.rows("""insert into "App"."Profiles" ("userId", "Email") select id, 'other@x.example'
        from auth.users limit 1""")
    run = rendered(saved(workdir, look(app)))
    assert run.tables[0].table == "App.Profiles(userId)"
    measured = run.tables[0].status
    assert measured is not None
    assert (measured.total, measured.existing, measured.email_drift) == (2, 1, 1)


def test_no_table_is_found(app: App, workdir: Path) -> None:
    """Without a profile table that is the finding, and the users are counted all the same."""
    app.rows("drop table public.user_profiles cascade")
    app.users(2)
    rows = look(app)
    assert told(rows, "status")["Total Auth Users"] == "2"
    run = rendered(saved(workdir, rows))
    assert (run.exit_code, run.tables) == (2, ())
    assert [one.name for one in run.steps if one.status == "finding"] == ["profile table"]


def test_a_role_that_sees_no_users_is_no_answer(app: App, workdir: Path) -> None:
    """Where row security hides the users the run could not tell: exit 1, never 0 users."""
    rows = look(app)
    for row in rows:
        if row["name"] == "users":
            row["value"] = "hidden by row security"
    run = rendered(saved(workdir, rows))
    assert run.exit_code == 1
    assert "hidden by row security" in run.error


UNREADABLE = {
    "nothing": "",
    "prose": "Success. No rows returned",
    "another JSON": '{"a": 1}',
    "half of it": '[{"part": "first look", "name": "ver',
    "a pit": "[" * 100_000,
    "a long field": "part,name\nx," + "y" * 200_000,
    "another version": '[{"part": "first look", "name": "version", "value": "99"}]',
    "no figures": '[{"part": "first look", "name": "version", "value": "1"},'
    ' {"part": "first look", "name": "users", "value": "seen"}]',
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_answer_is_refused(workdir: Path, text: str) -> None:
    """Anything else than an answer is exit 3, with the way to get one."""
    (workdir / "answer").write_text(text)
    run = rendered("answer")
    assert run.exit_code == 3
    assert run.next_steps


def test_a_figure_that_is_missing_is_refused(app: App, workdir: Path) -> None:
    """An answer without one of its figures is exit 3, and no figure is made up."""
    rows = [row for row in look(app) if row["name"] != "Orphan Profiles"]
    assert rendered(saved(workdir, rows)).exit_code == 3


def test_a_file_that_is_not_there_is_refused(workdir: Path) -> None:
    """A path that leads nowhere is exit 3."""
    assert rendered(str(workdir / "nowhere.csv")).exit_code == 3


def test_an_answer_that_was_cut_is_not_taken_for_whole(app: App, workdir: Path) -> None:
    """Rows that the editor left out are missed: the run could not tell."""
    with_trigger(app)
    rows = look(app)
    run = rendered(saved(workdir, rows[:-1]))
    assert run.exit_code == 1
    assert "rows are there" in run.steps[-1].detail


def test_a_hostile_name_is_one_harmless_line(app: App, workdir: Path) -> None:
    """Names in the answer act on no terminal."""
    with_trigger(app)
    rows = look(app)
    rows.append({"part": "error", "name": "x\x1b[31m", "value": "::error::", "detail": "\u202e"})
    shown = report.terminal(rendered(saved(workdir, rows)))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_the_flag_renders_the_file(
    app: App, workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``doctor --from FILE`` and ``--from -`` print the same screen, and a target is refused."""
    with_trigger(app)
    path = saved(workdir, look(app))
    monkeypatch.delenv("SUPABASE_DB_URL")
    assert typed(["doctor", "--from", path], monkeypatch) == 0
    screen = capsys.readouterr().out
    assert "trigger on auth.users: on_auth_user_created" in screen
    monkeypatch.setattr(sys, "stdin", io.StringIO(Path(path).read_text(encoding="utf-8")))
    assert typed(["doctor", "--from", "-"], monkeypatch) == 0
    assert capsys.readouterr().out == screen
    assert typed(["doctor", "--from", path, "--target", "staging"], monkeypatch) == 3
    assert typed(["doctor", "--from", path, "--user", "0aa1b2c3"], monkeypatch) == 3


def typed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Type a command; its exit code."""
    monkeypatch.setattr(sys, "argv", ["usersync", *words])
    try:
        program.Program(namespace=usersync.tasks.namespace, name="usersync", version="1").run(
            ["usersync", *words]
        )
    except SystemExit as end:
        return int(end.code or 0)
    return 0
