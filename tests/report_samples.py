"""Runs as they come, for the tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from usersync.model import (
    ChangeState,
    CheckResult,
    Count,
    DayCount,
    FailureGroup,
    Figures,
    Finding,
    Guard,
    JournalEvent,
    Missing,
    Numbered,
    NumberedValue,
    Paused,
    Plan,
    Repair,
    Run,
    RunbookFacts,
    Status,
    Step,
    Summary,
    TableResult,
    TargetLine,
    Trace,
    Trigger,
    User,
    Verdict,
)

MOMENT = datetime(2026, 11, 25, 3, 17, tzinfo=UTC)
SINCE = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
TABLE = "public.user_profiles(user_id)"
TARGET = TargetLine("production", "production", "abcdefgh", "direct as postgres via session pooler")
USER_ID = "24c2c7f8-0000-4000-8000-00000000abcd"


def run(task: str, exit_code: int, **parts: object) -> Run:
    """A run of some task on production."""
    given: dict[str, object] = {
        "schema": 1,
        "run_id": "11111111-2222-4333-8444-555555555555",
        "task": task,
        "tool_version": "0.1.0",
        "started_at": MOMENT - timedelta(seconds=2),
        "ended_at": MOMENT,
        "exit_code": exit_code,
        "target": TARGET,
        "actor": "octocat",
        "run_url": "https://github.com/acme/app/actions/runs/7",
        **parts,
    }
    return Run(**given)  # type: ignore[arg-type]


def table(**parts: object) -> tuple[TableResult, ...]:
    """What is said of the one profile table."""
    return (TableResult(TABLE, **parts),)  # type: ignore[arg-type]


def nightly(
    exit_code: int,
    figures: Figures,
    *steps: Step,
    mode: Literal["run", "dry-run", "rehearse"] = "run",
) -> Run:
    """A run of the nightly runbook."""
    facts = RunbookFacts("nightly-sync", "The nightly sync", "low", mode, "abc", figures=figures)
    return run("runbook.nightly-sync", exit_code, runbook=facts, steps=steps)


MISSING = Missing(
    SINCE,
    MOMENT,
    tuple(DayCount(date(2026, 11, 12) + timedelta(days=n), max(0, n - 8)) for n in range(14)),
    (Count("email", 4), Count("google", 1)),
    (User(USER_ID, "a***@example.org", SINCE, "email"),),
)
DRIFT = Status(
    MOMENT,
    150,
    145,
    not_counted=(Count("soft-deleted", 12),),
    orphans=3,
    last_with_profile_at=SINCE - timedelta(minutes=4),
    missing_detail=MISSING,
)
CHECKS = (
    CheckResult(
        "trigger_disabled",
        "error",
        "The trigger that makes profiles is disabled.",
        "Enable it: `invoke migration.apply`.",
        1,
        findings=(Finding("trigger_disabled:x", "on_auth_user_created", "disabled"),),
        runbook="new-users-get-no-profile",
    ),
    CheckResult(
        "orphan_profiles",
        "warning",
        "Profiles of users who do not exist.",
        "See the runbook.",
        210,
        accepted=10,
        findings=tuple(
            Finding(f"orphan:{n}", f"{n:08x}-0000-4000-8000-00000000abcd", "no user", "known" * 0)
            for n in range(100)
        ),
    ),
    CheckResult("realtime", "info", "The table is published.", "Nothing.", 1),
    CheckResult(
        "grants", "error", "Everybody may call it.", "Revoke.", 0, unknown="no right to ask"
    ),
    CheckResult("search_path", "error", "The path is open.", "Close it.", 0),
)
SUMMARY = Summary(MOMENT, 150, 145, 5, 0, 0, 2.34)

#: One run for each thing that a report can have to say.
RUNS: dict[str, Run] = {
    "in_sync": run("status", 0, tables=table(status=Status(MOMENT, 150, 150))),
    "drift": run("status", 2, tables=table(status=DRIFT), next_steps=("usersync sync --dry-run",)),
    "plan": run(
        "sync",
        2,
        tables=table(
            plan=Plan(
                MOMENT,
                150,
                145,
                5,
                "5-20261125T031700000000-8e1acd93",
                triggers=(Trigger("welcome_mail", "public.mail", "outside", "calls pg_net"),),
                numbered=(Numbered("username", 3, (NumberedValue(USER_ID, "anna_2"),)),),
                guards=(Guard("trigger", "welcome_mail can reach outside", "--fire-trigger"),),
            )
        ),
        next_steps=("usersync sync --approve 5-20261125T031700000000-8e1acd93",),
        digest="5-20261125T031700000000-8e1acd93",
    ),
    "created": run("sync", 0, tables=table(summary=SUMMARY)),
    "failed": run(
        "sync",
        2,
        tables=table(
            summary=replace(
                SUMMARY,
                created=2,
                failed=3,
                failures=(
                    FailureGroup(
                        "23505", "unique_violation", "profiles_username_key", 2, (USER_ID,)
                    ),
                    FailureGroup("23514", "check_violation", "username_length", 1, (USER_ID,)),
                ),
            )
        ),
        next_steps=("usersync status",),
    ),
    "repair_plan": run(
        "repair.emails",
        2,
        tables=table(
            repair=Repair(
                "emails",
                "planned",
                200,
                digest="200-20261125T031700000000-8e1acd93",
                guards=(Guard("max_rows", "200 profiles would change, more than 100", "more"),),
            )
        ),
        digest="200-20261125T031700000000-8e1acd93",
        steps=(
            Step(
                "profile", "would-change", "a***@x.example becomes b***@x.example", user_id=USER_ID
            ),
        ),
    ),
    "repaired": run(
        "repair.orphans",
        2,
        tables=table(
            repair=Repair("orphans", "done", 12, blocked=1, changed=10, failed=1, moved=1)
        ),
        steps=(
            Step("profile", "finding", "stays: rows refer to it: public.posts", user_id=USER_ID),
        ),
    ),
    "overwritten": run(
        "sync",
        0,
        tables=table(summary=SUMMARY, repair=Repair("profiles", "done", 7, changed=7)),
    ),
    "findings": run("doctor", 2, checks=CHECKS),
    "migration_plan": run(
        "migration.apply",
        2,
        changes=(
            ChangeState("0006_sign_up", "makes the profile of a new user", "absent"),
            ChangeState("0001_schema", "makes the schema", "absent"),
        ),
        digest="2-20261125T031700000000-8e1acd93",
        next_steps=("usersync migration.apply --approve 2-20261125T031700000000-8e1acd93",),
    ),
    "verified": run(
        "migration.verify",
        0,
        checks=CHECKS[4:],
        changes=(ChangeState("0006_sign_up", "makes the profile of a new user", "applied"),),
    ),
    "footprint": run(
        "migration.footprint",
        0,
        footprint=(
            Trace("schema", "usersync", "0001_ledger"),
            Trace("table", "usersync.journal", "0002_journal", 1_204, 262_144),
            Trace("trigger", "on_auth_user_created on auth.users", "0006_sign_up"),
            Trace("table", "usersync.theirs|", "", 0, 8_192),
        ),
        notes=("In no ledger of ours: table usersync.theirs|",),
    ),
    "paused": run(
        "status",
        0,
        paused=(Paused("public.handle_new_user()", SINCE, "octocat", "release", signed_up=12),),
        tables=table(status=Status(MOMENT, 150, 150)),
    ),
    "gate": run(
        "runbook.sign-ups-fail",
        4,
        runbook=RunbookFacts(
            "sign-ups-fail",
            "Sign-ups fail",
            "critical",
            "run",
            "abc",
            gate="pause",
            digest="1-abcdef",
        ),
        steps=(
            Step("diagnosis", "finding", "23502 in public.handle_new_user", duration_s=0.3),
            Step("pause", "not-reached", "waits for approval"),
        ),
        next_steps=("usersync runbook.run sign-ups-fail --approve 1-abcdef",),
        digest="1-abcdef",
    ),
    "night": nightly(0, Figures(0, 150, 5)),
    "night_with_drift": nightly(
        2,
        Figures(3, 150, 2, 3, 1, "trigger"),
        Step(
            "trigger",
            "finding",
            "1 finding of 3 checks; wanted: findings == 0",
            next_step="sign_up_trigger_disabled: auth.users: on_auth_user_created is disabled\n"
            "  to do: usersync migration.apply",
        ),
        Step(
            "sync",
            "finding",
            "2 created, 3 failed; wanted: failed == 0",
            next_step="3 failed: 23505 unique_violation profiles_email_key",
        ),
        Step("after", "finding", "3 of 150 users have no profile; wanted: missing == 0"),
    ),
    "night_stopped": nightly(
        4,
        Figures(1_200, 300_000, step="sync"),
        Step("before", "ok", "1,200 of 300,000 users have no profile"),
        Step("sync", "not-reached", "1,200 profiles would be created, more than the 100 allowed"),
        Step("after", "not-reached"),
    ),
    "night_refused": nightly(
        3,
        Figures(5, 150, step="sync"),
        Step("sync", "failed", "production is production: somebody must approve this"),
    ),
    "night_untold": nightly(
        1, Figures(step="before"), Step("before", "unknown", "the server closed the connection")
    ),
    "night_undone": nightly(
        5, Figures(5, 150, step="sync"), Step("sync", "undone", "57014 query_canceled")
    ),
    "night_half_done": nightly(
        6, Figures(5, 150, step="sync"), Step("sync", "failed", "2 created, and 1 is not right")
    ),
    "night_rehearsed": nightly(
        2,
        Figures(5, 150, step="sync"),
        Step("sync", "would-change", "5 profiles would be created"),
        mode="dry-run",
    ),
    "night_cut_off": replace(
        nightly(1, Figures(3, 150, 2, step="sync")), error="interrupted; what was committed stays"
    ),
    "unreachable": run(
        "status",
        1,
        target=None,
        error="db.abcdefgh.supabase.co: no route to host",
        next_steps=("use the session pooler",),
    ),
    "refused": run("sync", 3, error="production needs --approve, --yes or `unattended:`"),
    "locked": run("migration.apply", 7, error="another run holds the lock since 03:15"),
    "broken_by_pull_request": run(
        "migration.compare",
        2,
        target=None,
        verdicts=(
            Verdict("by e-mail", "ok", "ok"),
            Verdict(
                "by phone",
                "ok",
                "failed",
                "23502 `profiles.username`, `public.handle_new_user` line 4",
                "20261120_rename.sql",
            ),
        ),
    ),
    "harmless_pull_request": run(
        "migration.compare", 0, target=None, verdicts=(Verdict("by e-mail", "ok", "ok"),)
    ),
    "untold_pull_request": run(
        "migration.compare",
        1,
        target=None,
        verdicts=(Verdict("by e-mail", "unknown", "unknown", "it needs the extension `postgis`"),),
    ),
}


def _of_day(day: int, missing: int) -> Run:
    """What a nightly look found, so many days ago."""
    found = Status(MOMENT, 150, 150)
    if missing:
        found = replace(DRIFT, existing=DRIFT.total - missing)
    at = MOMENT - timedelta(days=day)
    return replace(
        RUNS["drift"],
        started_at=at - timedelta(seconds=2),
        ended_at=at,
        exit_code=2 if missing else 0,
        next_steps=RUNS["drift"].next_steps if missing else (),
        tables=table(status=found),
    )


def _elsewhere(name: str, one: Run) -> Run:
    """The same run on another target."""
    target = replace(TARGET, name=name, environment="staging", host=f"{name}.example.com")
    return replace(one, target=target)


#: What a report can be made of: one run of each kind, the history of one, and several targets.
REPORTS: dict[str, tuple[Run, ...]] = {
    **{name: (one,) for name, one in RUNS.items()},
    "history": tuple(_of_day(day, missing) for day, missing in ((3, 0), (2, 12), (1, 7), (0, 5))),
    "several_targets": (
        run(
            "status",
            1,
            target=None,
            targets=(
                RUNS["drift"],
                _elsewhere("staging", RUNS["in_sync"]),
                _elsewhere("eu", RUNS["paused"]),
                _elsewhere("us", RUNS["unreachable"]),
            ),
        ),
    ),
    "journal": (
        run(
            "status",
            0,
            tables=table(status=Status(MOMENT, 150, 150)),
            history=(
                JournalEvent(
                    at=MOMENT,
                    run_id="11111111-2222-4333-8444-555555555555",
                    event="ended",
                    task="sync",
                    target="production db/postgres",
                    table=TABLE,
                    actor="octocat",
                    approver="hubot",
                    reason=f"asked for by {USER_ID}",
                    counts={"created": 5, "failed": 0},
                    exit_code=0,
                ),
            ),
        ),
    ),
    "two_tables": (
        run(
            "status",
            2,
            tables=(
                TableResult(TABLE, status=DRIFT),
                TableResult("public.members(id)", status=Status(MOMENT, 150, 150)),
            ),
        ),
    ),
}
