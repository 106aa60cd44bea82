"""What people and programs read: exact texts, nothing of a user's that acts, no whole ids."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql

from tests.app import App
from usersync import local, report
from usersync.model import (
    CheckResult,
    Count,
    DayCount,
    FailureGroup,
    Finding,
    Guard,
    JournalEvent,
    Missing,
    Numbered,
    NumberedValue,
    Plan,
    Run,
    Status,
    Step,
    Summary,
    TableResult,
    TargetLine,
    Trigger,
    User,
    Verdict,
    percentage,
)
from usersync.privacy import masked_email, visible
from usersync.session import Session

pytestmark = pytest.mark.any_postgres


class Snapshot(Protocol):
    """What pytest-snapshot's fixture does; it says nothing of its types."""

    def assert_match(self, value: str, snapshot_name: str) -> None:
        """Fail unless the file of this name holds the value."""


MOMENT = datetime(2026, 1, 8, 10, 30, tzinfo=UTC)
RUN_ID = "11111111-2222-4333-8444-555555555555"
USER_ID = "24c2c7f8-0000-4000-8000-00000000abcd"
OTHER_ID = "9db3d749-0000-4000-8000-00000000abcd"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

TABLE = "public.user_profiles(user_id)"
TARGET = TargetLine("production", "production", "abcdefgh", "direct as postgres via session pooler")

#: Texts that a person may put into a name, an address or metadata, and that would act.
ACTING = {
    "a workflow command": "::error file=a.py::owned",
    "a command behind spaces": "  ::add-mask::secret",
    "an old workflow command": "##[add-mask]e",
    "colons in a row": ":::error:: ::::",
    "a new line": "a\n::error::owned",
    "a carriage return": "good\r::error::owned",
    "a colour": "\x1b[31mred\x1b[0m",
    "a title": "\x1b]0;owned\x07",
    "a bell and a backspace": "a\x07\x08b",
    "one-byte controls": "\x9b31m\x85\x9d0;x\x9c",
    "right to left": "user\u202etxt.exe",
    "isolates": "\u2066a\u2067b\u2068c\u2069",
    "nothing to see": "a\u200b\u200d\u2060\ufeffb",
    "separators": "a\u2028b\u2029c",
    "tags": "a\U000e0041\U000e007f",
    "a soft hyphen": "pass\xadword",
    "half a character": "a\ud800b\udfff",
    "a null": "a\x00b",
    "a template": "{{ 7 * 7 }}{% raw %}",
}


def run(**parts: Any) -> Run:
    """A run with everything that is the same in all of these tests."""
    common: dict[str, Any] = {
        "schema": 1,
        "run_id": RUN_ID,
        "task": "status",
        "tool_version": "0.1.0",
        "started_at": MOMENT,
        "ended_at": MOMENT + timedelta(seconds=2, milliseconds=340),
        "exit_code": 0,
        "target": TARGET,
        "actor": "anna",
    }
    return Run(**common | parts)


def table(**parts: Any) -> tuple[TableResult, ...]:
    """The result of one table."""
    return (TableResult(TABLE, **parts),)


STATUS = Status(as_of=MOMENT, total=150, existing=145)

USERS = (
    User(USER_ID, "a***@example.com", MOMENT - timedelta(days=2), "email"),
    User(OTHER_ID, "", None, "phone"),
)

DRIFT = Status(
    as_of=MOMENT,
    total=300_000,
    existing=299_995,
    not_counted=(
        Count("anonymous", 80_211),
        Count("soft-deleted", 12),
        Count("excluded (service accounts)", 4),
    ),
    orphans=1_234,
    soft_deleted_with_profile=1,
    excluded_with_profile=2,
    email_drift=3,
    last_with_profile_at=MOMENT - timedelta(days=4),
    missing_detail=Missing(
        oldest_at=MOMENT - timedelta(days=3),
        newest_at=MOMENT - timedelta(hours=1),
        per_day=(
            DayCount(date(2026, 1, 5), 4),
            DayCount(date(2026, 1, 6), 0),
            DayCount(date(2026, 1, 8), 1),
        ),
        by_provider=(Count("email", 4), Count("sso:1234", 1)),
        users=USERS,
    ),
)

CHECKS = (
    CheckResult(
        check="orphan_profile",
        level="warning",
        question="does every profile belong to a user that exists?",
        remedy="find out who deleted the users",
        count=1_234,
        accepted=1,
        findings=(
            Finding(f"orphan_profile:{USER_ID}", USER_ID, "no user in auth.users", "known"),
            Finding(f"orphan_profile:{OTHER_ID}", OTHER_ID, "no user in auth.users"),
        ),
    ),
    CheckResult("soft_deleted_with_profile", "info", "does one still have it?", "decide", 1),
)

PLAN = Plan(
    as_of=MOMENT,
    total=150,
    existing=145,
    rows=5,
    digest="5-20260108T102959000000-0123456789abcdef-0123456789abcdef01234567",
    columns=("user_id <- id", "email <- email", "role <- {literal: user}"),
    users=USERS,
    triggers=(
        Trigger("set_updated_at", "public.touch", "contained", "it only computes"),
        Trigger("welcome", "public.mail", "outside", "it uses pg_net (net.*)"),
        Trigger("rewrite", "", "undecided", "it is a rule, which rewrites the insert"),
    ),
    numbered=(
        Numbered("username", 1, (NumberedValue(USER_ID, "anna_2"),)),
        Numbered(
            "nick", 1_200, (NumberedValue(USER_ID, "a_2"), NumberedValue(OTHER_ID, "\x1b[1m_3"))
        ),
    ),
    guards=(
        Guard("max_rows", "5 profiles would be created", "invoke sync --max-rows 5"),
        Guard("trigger", "an insert fires welcome", "invoke sync --fire-trigger welcome"),
    ),
)

SUMMARY = Summary(
    timestamp=MOMENT,
    total=150,
    existing=145,
    created=5,
    failed=0,
    already_there=0,
    execution_time_s=2.341,
)

FAILED = replace(
    SUMMARY,
    created=3,
    failed=1_001,
    already_there=1,
    gone=2,
    failures=(
        FailureGroup("23505", "unique_violation", "profiles_username_key", 1_000, (USER_ID,) * 6),
        FailureGroup("P0001", "raise_exception", "", 1, (OTHER_ID,)),
    ),
    newer=300,
)

HISTORY = (
    JournalEvent(
        at=MOMENT,
        run_id=RUN_ID,
        event="ended",
        task="sync",
        target="production db/postgres",
        table=TABLE,
        actor="anna",
        reason="after the incident",
        counts={"created": 5, "failed": 0},
        exit_code=0,
    ),
    JournalEvent(
        at=MOMENT,
        run_id=RUN_ID,
        event="started",
        task="create-profile",
        target="production db/postgres",
        actor="ci",
        user_ids=(USER_ID,),
    ),
)

#: A run for every branch of the templates.
SINCE = "20261120090000_rename.sql"
BROKEN = "23502 not_null_violation (column username, table public.profiles), in f() line 4"
VERDICTS = (
    Verdict("e-mail sign-up", "ok", "failed", BROKEN, SINCE),
    Verdict("phone sign-up", "ok", "failed", BROKEN, SINCE),
    Verdict("the migrations run", "ok", "ok"),
    Verdict("hard delete", "failed", "failed", "23503 foreign_key_violation"),
)

RUNS = {
    "status": run(tables=table(status=STATUS), exit_code=2, next_steps=("invoke sync --dry-run",)),
    "status_in_sync": run(tables=table(status=replace(STATUS, existing=150))),
    "status_of_nobody": run(tables=table(status=replace(STATUS, total=0, existing=0))),
    "status_of_drift": run(tables=table(status=DRIFT, checks=CHECKS), exit_code=2),
    "status_without_dates": run(
        tables=table(
            status=replace(
                STATUS,
                missing_detail=Missing(
                    oldest_at=None,
                    newest_at=None,
                    per_day=(DayCount(date(2026, 1, 8), 0),),
                    by_provider=(Count("none", 5),),
                ),
            )
        )
    ),
    "status_of_two_tables": run(
        tables=(TableResult("public.a(id)", STATUS), TableResult("public.b(id)", STATUS)),
        target=replace(TARGET, name="eu"),
    ),
    "verdicts": run(task="migration.compare", exit_code=2, verdicts=VERDICTS, notes=("a", "b")),
    "verdicts_unknown": run(
        task="migration.compare",
        exit_code=1,
        verdicts=(Verdict("the migrations run", "ok", "unknown", "could not tell: no postgis"),),
    ),
    "history": run(tables=table(status=STATUS), history=HISTORY),
    "plan": run(task="sync", tables=table(plan=PLAN), exit_code=2, next_steps=("a", "b")),
    "plan_of_nothing": run(task="sync", tables=table(plan=replace(PLAN, rows=0))),
    "plan_without_triggers": run(
        task="sync", tables=table(plan=replace(PLAN, triggers=(), guards=(), users=()))
    ),
    "summary": run(task="sync", tables=table(plan=PLAN, summary=SUMMARY)),
    "summary_with_failures": run(
        task="sync",
        tables=table(plan=PLAN, summary=replace(FAILED, stopped="stopped after 1,001 failures")),
        exit_code=4,
        error="stopped after 1,001 failures",
        next_steps=("invoke status",),
    ),
    "rehearsal": run(
        task="sync",
        tables=table(
            plan=PLAN,
            summary=replace(
                SUMMARY, rehearsed=True, dead_rows=1_205, fired_triggers=("touch", "welcome")
            ),
        ),
    ),
    "steps": run(
        task="connect.check",
        exit_code=2,
        steps=(
            Step("reachable", "ok", "PostgreSQL 18.4", duration_s=0.0123),
            Step("problem", "finding", "postgres may not read it", next_step="grant it\nor not"),
            Step(TABLE, "changed", "profile created, role user", user_id=USER_ID),
        ),
        notes=("one note",),
    ),
    "error": run(
        target=None,
        exit_code=3,
        error=f"there is no target\nand the user {USER_ID} is not one",
        next_steps=("set SUPABASE_DB_URL", f"invoke create-profile {USER_ID}"),
    ),
}


# -- the exact texts ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_texts(name: str, snapshot: Snapshot) -> None:
    """Each kind of run reads, in short and with --verbose --show-ids, as it always did."""
    one = RUNS[name]
    snapshot.assert_match(report.terminal(one), "short.txt")
    snapshot.assert_match(report.terminal(one, show_ids=True, verbose=True), "verbose.txt")


@pytest.mark.parametrize("name", ["status_of_drift", "summary_with_failures", "steps", "history"])
def test_json(name: str, snapshot: Snapshot) -> None:
    """The same runs for programs: one object, the computed figures beside the stored ones."""
    text = report.as_json(RUNS[name])
    assert isinstance(json.loads(text), dict)
    snapshot.assert_match(text, "run.json")


def test_the_operators_own_blocks() -> None:
    """The blocks of the old tool: names, order and alignment, character by character."""
    assert """
=== User Synchronization Status ===
Total Auth Users:     150
Total User Profiles:  145
Missing Profiles:     5
Sync Percentage:      96.67%
""" in report.terminal(RUNS["status"])
    assert """
=== Synchronization Summary ===
Timestamp:            2026-01-08T10:30:00Z
Total Auth Users:     150
Existing Profiles:    145
Profiles Created:     5
Failed Creations:     0
Success Rate:         100%
Execution Time:       2.34 seconds
""" in report.terminal(RUNS["summary"])


def test_the_first_line_says_where() -> None:
    """Target, project, door and table stand in the first line of what a terminal shows."""
    first, *_ = report.terminal(RUNS["status"]).splitlines()
    assert first == (
        "Target: production · abcdefgh · direct as postgres via session pooler"
        " · public.user_profiles(user_id)"
    )


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (145, 150, "96.67%"),
        (299_995, 300_000, "99.99%"),
        (999_999, 1_000_000, "99.99%"),
        (150, 150, "100%"),
        (0, 0, "100%"),
        (0, 150, "0%"),
        (1, 1_000_000, "0.01%"),
        (1, 3, "33.33%"),
        (75, 150, "50.00%"),
    ],
)
def test_percentages(part: int, whole: int, text: str) -> None:
    """100 % only when nothing is missing, 0 % only when everything is."""
    assert percentage(part, whole) == text


@pytest.mark.parametrize("name", RUNS)
def test_ids_are_short_everywhere(name: str) -> None:
    """Without --show-ids no whole user id is in text or JSON; with it, they are."""
    one = RUNS[name]
    for text in (report.terminal(one, verbose=True), report.as_json(one)):
        assert USER_ID not in text
        assert OTHER_ID not in text
    whole = report.as_json(one, show_ids=True)
    assert (USER_ID in whole) == (USER_ID in repr(one))
    assert json.loads(whole)["run_id"] == RUN_ID


def test_a_long_message_of_ours_is_whole() -> None:
    """A remedy or a command is never cut as a user's field is; a field of a megabyte is."""
    command = f"invoke sync --fire-trigger {'t' * 300} --target production"
    one = run(
        error="e" * 900,
        next_steps=(command,),
        tables=table(plan=replace(PLAN, users=(replace(USERS[0], provider="p" * 1_000_000),))),
    )
    text = report.terminal(one)
    assert command in text
    assert "e" * 900 in text
    assert f"{'p' * 200}… (1,000,000 characters)" in text
    assert len(text) < 5_000
    assert len(report.as_json(one)) < 10_000


# -- texts that would act -------------------------------------------------------------------------


def is_harmless(text: str) -> bool:
    """Whether a terminal or a GitHub log would show this text and do nothing."""
    return all(
        character == "\n" or unicodedata.category(character)[0] not in "CZ" or character == " "
        for character in text
    ) and not any(line.lstrip().startswith("::") or "##[" in line for line in text.split("\n"))


@pytest.mark.parametrize("text", ACTING.values(), ids=ACTING)
def test_visible(text: str) -> None:
    """Text that would act is one harmless line that still tells what it was."""
    shown = visible(text)
    assert is_harmless(shown)
    assert "\n" not in shown
    assert "::" not in shown
    decoded = re.sub(
        r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})", lambda m: chr(int(m[1] or m[2], 16)), shown
    )
    assert decoded == text


def test_visible_leaves_names_alone() -> None:
    """Names in any script, emoji, mentions and markup are text on a terminal."""
    for text in (
        "Łukasz Żak",
        "李小龙",
        "محمد علي",
        "@everyone",
        "<script>x</script>",
        "a: b",
        "# x",
    ):
        assert visible(text) == text


def test_visible_random() -> None:
    """Whatever characters come together: one harmless line, cut at its longest."""
    draw = random.Random(20261122)
    pool = [*"".join(ACTING.values()), "::", "##[", "a", "é", "李"]
    for _ in range(2_000):
        text = "".join(draw.choices(pool, k=draw.randint(0, 260)))
        text += chr(draw.randrange(sys.maxunicode))
        shown = visible(text)
        assert is_harmless(shown), ascii(text)
        assert "\n" not in shown
        assert len(shown) <= 200 * 10 + 30
        assert ("characters)" in shown) == (len(text) > 200)


@pytest.mark.parametrize("text", ACTING.values(), ids=ACTING)
def test_acting_text_in_every_field(text: str) -> None:
    """Wherever a run can hold a user's text, terminal text and JSON are harmless and printable."""
    user = User(USER_ID, text, MOMENT, text)
    one = run(
        error=text,
        next_steps=(text,),
        notes=(text,),
        reason=text,
        steps=(Step(text, "ok", text, next_step=text),),
        history=(replace(HISTORY[0], actor=text, reason=text),),
        tables=(
            TableResult(
                text,
                status=replace(
                    DRIFT,
                    not_counted=(Count(text, 1),),
                    missing_detail=Missing(None, None, (), (Count(text, 5),), (user,)),
                ),
                plan=replace(
                    PLAN,
                    users=(user,),
                    triggers=(Trigger(text, text, "outside", text),),
                    guards=(Guard("trigger", text, text),),
                    columns=(text,),
                ),
                checks=(CheckResult("c", "info", text, text, 1, 0, (Finding("c:1", "1", text),)),),
            ),
            TableResult(
                text,
                summary=replace(
                    FAILED,
                    failures=(FailureGroup("23505", text, text, 1, (text,)),),
                    fired_triggers=(text,),
                    rehearsed=True,
                ),
            ),
        ),
    )
    shown = report.terminal(one, verbose=True, show_ids=True)
    assert is_harmless(shown)
    shown.encode()
    as_json = report.as_json(one, show_ids=True)
    assert is_harmless(as_json)
    as_json.encode()
    assert json.loads(as_json)["error"] == text


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("anna.schmidt@example.com", "a***@example.com"),
        ("a@example.com", "a***@example.com"),
        ('"a@b"@example.com', '"***@example.com'),
        ("@example.com", "***@example.com"),
        ("no address", "n***"),
        ("", ""),
        (None, ""),
    ],
)
def test_masked_email(email: str | None, shown: str) -> None:
    """Of an address the first letter and the domain are shown."""
    assert masked_email(email) == shown


@pytest.mark.parametrize(
    "text",
    [
        *(text for text in ACTING.values() if not set(text) & {"\0", "\ud800"}),
        *("it's", "a b", "::x", "c:\\d", ""),
    ],
    ids=ascii,
)
def test_commands_survive_the_shell(text: str) -> None:
    """A command that is shown can be pasted: a real shell reads from it what was meant."""
    session = Session.__new__(Session)
    object.__setattr__(session, "program", "printf")
    object.__setattr__(session, "task_prefix", "")
    object.__setattr__(session, "common_options", ())
    line = session.command("%s", text)
    assert is_harmless(line)
    assert "\n" not in line
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert done.stdout.decode() == text


# -- through the whole program ------------------------------------------------------------------


def usersync(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the console program in this folder."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("usersync")), *words],
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
        timeout=60,
    )


def test_acting_users_and_names_through_the_program(app: App) -> None:
    """Users, triggers and constraints with acting names: status, plan and sync stay harmless."""
    texts = [text for text in ACTING.values() if "\0" not in text and "\ud800" not in text]
    for text in texts:
        app.user(
            email=f"{text}@{text}",
            raw_app_meta_data={"provider": text},
            raw_user_meta_data={"full_name": text, "padding": "x" * 1_000_000},
        )
    name = "\n::error::owned\x1b[31m\u202e"
    trigger, constraint = sql.Identifier(name), sql.Identifier(f"c{name}")
    with psycopg.connect(app.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "create function public.{f}() returns trigger language plpgsql"
                " as 'begin perform pg_notify(''x'', ''''); return new; end';"
                " create trigger {t} after insert on public.user_profiles for each row"
                " execute function public.{f}();"
                " alter table public.user_profiles add constraint {c} check (length(email) < 20)"
            ).format(f=trigger, t=trigger, c=constraint)
        )
    outputs = [
        usersync("status", "--verbose"),
        usersync("sync", "--dry-run"),
        usersync("sync", "--dry-run", "--json"),
        usersync("sync"),
        usersync("sync", "--fire-trigger", name, "--verbose"),
        usersync("status", "--verbose", "--json", "--show-ids"),
    ]
    assert [done.returncode for done in outputs] == [2, 2, 2, 4, 2, 2]
    for done in outputs:
        assert is_harmless(done.stdout), done.stdout
        assert is_harmless(done.stderr), done.stderr
        assert len(done.stdout) < 100_000
        assert "Traceback" not in done.stderr
    assert "check_violation (c\\u000a" in outputs[4].stdout


def test_no_id_and_no_address_of_a_user_in_any_output(app: App, tmp_path: Path) -> None:
    """Without --show-ids no task prints, writes or journals a whole id or address of a user."""
    local.seed(app.url, users=150, missing=20)
    app.rows(
        "alter table public.user_profiles add constraint no_phone check (email is not null)"
        " not valid; update public.user_profiles set email = 'old' || email where user_id in"
        " (select user_id from public.user_profiles order by user_id limit 3)"
    )
    people = app.rows(
        "select u.id::text, u.email, u.phone, left(u.id::text, 8) as short,"
        " p.user_id is not null as has_profile from auth.users as u"
        " left join public.user_profiles as p on p.user_id = u.id order by u.created_at"
    )
    addresses = {row["email"] for row in people if row["email"]}
    addresses |= {row["phone"] for row in people if row["phone"]}
    missing = next(row for row in people if not row["has_profile"] and row["email"])
    there = next(row for row in people if row["has_profile"] and row["email"])
    out = tmp_path / "run.json"
    calls: list[tuple[list[str], str]] = [
        (["status", "--verbose"], ""),
        (["status", "--verbose", "--json"], ""),
        (["sync", "--dry-run"], ""),
        (["sync", "--rehearse", "--verbose"], ""),
        (["create-profile", there["id"], "--role", "admin"], ""),
        (["create-profile", there["short"], "--role", "admin", "--json"], ""),
        (["create-profile", "--email", "-"], missing["email"]),
        (["create-profile", missing["id"]], ""),
        (["create-profile", "--email", "-", "--json"], "nobody@example.com"),
        (["sync", "--verbose"], ""),
        (["sync", "--verbose", "--json"], ""),
        (["status", "--history", "50"], ""),
    ]
    for words, stdin in calls:
        out.unlink(missing_ok=True)
        done = usersync(*words, "--out", str(out), stdin=stdin)
        assert done.returncode in (0, 2, 3), (words, done.stdout, done.stderr)
        everything = done.stdout + done.stderr + out.read_text()
        for row in people:
            assert row["id"] not in everything, words
        for address in addresses:
            assert address not in everything, words
    journal = next((tmp_path / "state").rglob("journal.jsonl")).read_text()
    assert not any(address in journal for address in addresses)


def test_show_ids_shows_them(app: App) -> None:
    """With --show-ids lists and JSON hold whole ids; addresses stay masked."""
    user_id = app.user(email="anna.schmidt@example.com")
    for words in (["status", "--verbose"], ["status", "--json"], ["sync", "--dry-run"]):
        done = usersync(*words, "--show-ids")
        assert user_id in done.stdout
        assert "anna.schmidt" not in done.stdout + done.stderr


def test_an_encoding_without_our_characters(app: App) -> None:
    """A terminal of another encoding gets escapes instead of a traceback."""
    app.user()
    for words in (["status"], ["status", "--json"], ["status", "--target", "näh"]):
        done = usersync(*words, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
        assert done.returncode == (3 if "näh" in words else 2)
        assert "Traceback" not in done.stderr
        assert done.stdout.isascii()
    assert "\\xb7" in usersync("status", PYTHONIOENCODING="ascii").stdout


def test_a_reader_that_leaves_early(app: App) -> None:
    """``status | head -1`` is no error and no traceback."""
    app.user()
    program = Path(sys.executable).with_name("usersync")
    done = subprocess.run(
        ["bash", "-c", f'"{program}" status | exec true; echo "${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("2\n", "")
