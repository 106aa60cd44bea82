"""``create-profile``: one user, by id, short id or address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.app import PROFILES, App, spelled
from usersync.model import Run

ID = "0aa1b2c3-1111-4111-8111-111111111111"


def create(app: App, reference: str, **inputs: Any) -> Run:
    return app.run("create-profile", reference=reference, **inputs)


def role_of(app: App, user_id: str) -> str:
    return str(app.one("select role from public.user_profiles where user_id = %(id)s", id=user_id))


def test_creates_the_profile_of_one_user(app: App) -> None:
    """A user without a profile gets one with the default role, and nobody else does."""
    user_id = app.user(email="anna@example.com")
    app.users(2)
    run = create(app, user_id)
    assert (run.exit_code, run.steps[0].status, run.steps[0].user_id) == (0, "changed", user_id)
    rows = app.rows("select user_id::text, email, role from public.user_profiles")
    assert rows == [{"user_id": user_id, "email": "anna@example.com", "role": "user"}]


def test_gives_the_role(app: App) -> None:
    """--role gives one of the configured roles."""
    user_id = app.user()
    assert create(app, user_id, role="admin").exit_code == 0
    assert role_of(app, user_id) == "admin"


@pytest.mark.parametrize("reference", ["0aA1b2c3", *spelled(ID)])
def test_takes_a_short_id_and_every_spelling(app: App, reference: str) -> None:
    """The eight characters that lists print will do, and a whole id as anything writes one."""
    app.user(id="0aa1b2c3-1111-4111-8111-111111111111")
    app.user(id="0aa1b2c4-1111-4111-8111-111111111111")
    assert create(app, reference).exit_code == 0


def test_an_ambiguous_short_id_is_refused(app: App) -> None:
    """Two users behind one short id: exit 3 with both ids, nothing written."""
    app.user(id="0aa1b2c3-1111-4111-8111-111111111111")
    app.user(id="0aa1b2c3-2222-4111-8111-111111111111")
    run = create(app, "0aa1b2c3")
    assert run.exit_code == 3
    assert "0aa1b2c3-2222-4111-8111-111111111111" in run.error
    assert "--show-ids" in run.next_steps[0]
    assert app.status().existing == 0


def test_takes_an_address(app: App) -> None:
    """An address means the user who has it, whatever its capitals."""
    app.user(email="anna@example.com")
    assert create(app, "Anna@Example.com ").exit_code == 0


def test_an_address_of_several_users_is_refused(app: App) -> None:
    """SSO users may share an address: exit 3, the id decides."""
    app.user(email="anna@example.com")
    app.user(email="anna@example.com", is_sso_user=True)
    assert create(app, "anna@example.com").exit_code == 3


def test_a_profile_that_is_there_stays_as_it_is(app: App) -> None:
    """Already there: says so, exit 0, unchanged; the same role asked for is no change."""
    user_id = app.user()
    create(app, user_id, role="admin")
    for role in (None, "admin"):
        run = create(app, user_id, role=role)
        assert (run.exit_code, run.steps[0].status) == (0, "ok")
    assert role_of(app, user_id) == "admin"


def test_another_role_is_refused_with_the_way_to_change_it(app: App) -> None:
    """A profile with another role: exit 3 with the statement that changes it."""
    user_id = app.user()
    create(app, user_id)
    run = create(app, user_id, role="admin")
    assert run.exit_code == 3
    assert 'update "public"."user_profiles" set "role" = \'admin\'' in run.next_steps[0]
    assert user_id in run.next_steps[0]
    assert role_of(app, user_id) == "user"


@pytest.mark.parametrize(
    "reference", ["nobody", "123", "0aa1b2c3-1111", "g" * 8, "", "0aa1b2c3'; drop table x; --"]
)
def test_what_is_no_id_is_refused(app: App, reference: str) -> None:
    """A malformed id is exit 3 in one line, and so is one that nobody has."""
    run = create(app, reference)
    assert run.exit_code == 3
    assert len(run.error.splitlines()) == 1


@pytest.mark.parametrize("reference", spelled(ID))
def test_an_unknown_user_is_refused(app: App, reference: str) -> None:
    """A whole id that nobody has: exit 3, and it is told as lists print it, in any spelling."""
    run = create(app, reference)
    assert run.exit_code == 3
    assert "no user in auth.users has the id 0aa1b2c3-1111-4111-8111-111111111111" in run.error


def test_an_unknown_role_is_refused(app: App) -> None:
    """A role that is not configured is exit 3 with the allowed ones and a guess."""
    run = create(app, app.user(), role="admn")
    assert run.exit_code == 3
    assert "did you mean admin? allowed: user, admin" in run.error


def test_a_table_without_a_role_column_refuses_a_role(app: App) -> None:
    """--role means nothing to a table without a role column: exit 3."""
    app.rows(PROFILES)
    app.configure("profiles: [{table: profiles, key: id, columns: {username: email}}]")
    run = create(app, app.user(), role="user")
    assert run.exit_code == 3
    assert "no role column" in run.error


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"deleted_at": datetime.now(UTC)}, "soft-deleted"),
        ({"is_anonymous": True}, "anonymous"),
        ({"aud": "other"}, "of another audience"),
        ({"email": "bot@bots.example"}, "excluded (robots)"),
    ],
)
def test_a_user_who_needs_no_profile_is_refused(
    app: App, columns: dict[str, Any], reason: str
) -> None:
    """A user whom the predicate leaves out is exit 3 with the reason."""
    app.configure("users: {exclude: [{reason: robots, email_domains: [bots.example]}]}")
    run = create(app, app.user(**columns))
    assert run.exit_code == 3
    assert reason in run.error


def test_a_row_that_cannot_be_made_is_exit_2(app: App) -> None:
    """A constraint in the way is a failed creation with its name."""
    app.rows("alter table public.user_profiles add constraint no_x check (email not like 'x%')")
    run = create(app, app.user(email="x@example.com"))
    assert (run.exit_code, run.steps[0].status) == (2, "failed")
    assert "23514 check_violation no_x" in run.steps[0].detail


def test_production_asks(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """In production one profile is a change too: asked, refused without a terminal, or --yes."""
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "production")
    user_id = app.user()
    run = create(app, user_id)
    assert run.exit_code == 3
    assert f"create-profile {user_id} --yes" in run.next_steps[0]
    assert create(app, user_id, yes=True).exit_code == 0


def test_a_trigger_that_mails_stops_it(app: App) -> None:
    """One profile mails one customer: --fire-trigger is asked for here too."""
    app.rows(
        "create function public.mail() returns trigger language plpgsql as"
        " $$ begin perform pg_notify('mail', new.email); return new; end $$"
    )
    app.rows(
        "create trigger mail after insert on public.user_profiles"
        " for each row execute function public.mail()"
    )
    user_id = app.user()
    run = create(app, user_id)
    assert run.exit_code == 4
    assert f"create-profile {user_id} --fire-trigger mail" in run.next_steps[0]
    assert create(app, user_id, fire_triggers=("mail",)).exit_code == 0


def test_it_is_made_in_every_profile_table(app: App) -> None:
    """With several profile tables the user gets the profile that each of them lacks."""
    app.rows("create schema app")
    app.rows("create table app.people (id uuid primary key)")
    app.configure(
        "profiles:\n"
        "  - {table: user_profiles, key: user_id, columns: {email: email}}\n"
        "  - {schema: app, table: people, key: id}\n"
    )
    run = create(app, app.user())
    assert [step.status for step in run.steps] == ["changed", "changed"]
