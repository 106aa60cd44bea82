"""Two people of one address: SSO users may share theirs, and nobody is taken for the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app import App, counts
from tests.migrated import applied
from usersync.model import Run
from usersync.repair import RepairOptions

SHARED = "anna@example.com"


def profiles(app: App) -> dict[str, str]:
    """Who has a profile, and the address in it."""
    return {
        row["id"]: row["email"]
        for row in app.rows("select user_id::text as id, email from public.user_profiles")
    }


@pytest.fixture
def two(app: App) -> tuple[str, str]:
    """Anna of one company and Anna of another, without profiles."""
    first, second = app.users(
        2, email=SHARED, is_sso_user=True, email_confirmed_at="2026-01-01T00:00:00Z"
    )
    return first, second


def refused(run: Run) -> str:
    """Why it was refused before anything was touched."""
    assert run.exit_code == 3, run.error
    return run.error


def test_each_is_counted_planned_and_made(app: App, two: tuple[str, str]) -> None:
    """Status, plan and sync go by the id: two are missing, and both are made."""
    assert app.status().missing == 2
    _, plan = app.plan()
    assert plan.rows == 2
    assert app.synced(approve=plan.digest).created == 2
    assert profiles(app) == dict.fromkeys(two, SHARED)
    assert app.status().missing == 0


def test_a_unique_address_costs_the_second(app: App, two: tuple[str, str]) -> None:
    """The table takes the one who came first; the other is named with the constraint."""
    app.rows("alter table public.user_profiles add constraint one_email unique (email)")
    rehearsed = app.rehearsed()
    summary = app.synced()
    assert counts(summary) == counts(rehearsed)
    assert (summary.created, summary.failed) == (1, 1)
    (group,) = summary.failures
    assert (group.sqlstate, group.subject) == ("23505", "one_email")
    assert app.status().missing == 1
    assert len(profiles(app)) == 1


def test_a_profile_by_address_is_refused_and_by_id_made(app: App, two: tuple[str, str]) -> None:
    """create-profile names both ids, and not the address; an id is enough for either."""
    told = refused(app.run("create-profile", reference=SHARED))
    assert SHARED not in told
    assert all(user_id in told for user_id in two)
    made = app.run("create-profile", reference=two[1])
    assert made.exit_code == 0, made.error
    assert profiles(app) == {two[1]: SHARED}


def test_the_doctor_examines_both(app: App, two: tuple[str, str]) -> None:
    """Who has a profile is told apart from who lacks one, whichever was asked for."""
    app.rows(
        "insert into public.user_profiles (user_id, email) values (%(id)s, %(email)s)",
        id=two[0], email=SHARED,
    )  # fmt: skip
    run = app.run("doctor.user", task="doctor", reference=SHARED.upper())
    assert run.exit_code == 2
    assert [step.user_id for step in run.steps if step.user_id] == list(two)
    assert {step.name for step in run.steps if step.status == "finding"} == {
        "2 of 2: profile in public.user_profiles(user_id)"
    }
    alone = app.run("doctor.user", task="doctor", reference=two[0])
    assert alone.exit_code == 0, alone.steps


def test_repairs_go_by_the_id(app: App, two: tuple[str, str]) -> None:
    """The one whose profile has another address is corrected, and the other is left alone."""
    applied(app)
    app.synced()
    app.rows(
        "update public.user_profiles set email = 'old@example.com' where user_id = %(id)s",
        id=two[1],
    )
    run = app.run("repair.emails", task="repair.emails", options=RepairOptions())
    assert run.exit_code == 0, run.error
    assert [step.user_id for step in run.steps] == [two[1]]
    assert profiles(app) == dict.fromkeys(two, SHARED)


def test_a_unique_address_costs_the_repair(app: App, two: tuple[str, str]) -> None:
    """Where a table takes an address once, the second profile is a failed row and stays."""
    applied(app)
    app.synced()
    app.rows(
        "update public.user_profiles set email = 'old@example.com' where user_id = %(id)s",
        id=two[1],
    )
    app.rows("alter table public.user_profiles add constraint one_email unique (email)")
    run = app.run("repair.emails", task="repair.emails", options=RepairOptions())
    assert run.exit_code == 2, run.error
    (step,) = run.steps
    assert (step.user_id, step.status) == (two[1], "failed")
    assert "23505 unique_violation one_email" in step.detail
    assert profiles(app)[two[1]] == "old@example.com"


def test_their_trigger_takes_both(app: App) -> None:
    """The trigger of usersync makes a profile for each of them, as they sign up."""
    applied(app)
    users: Any = app.users(2, email=SHARED, is_sso_user=True)
    assert profiles(app) == dict.fromkeys(users, SHARED)
