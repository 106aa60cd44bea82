"""Any app's table: where the values of its columns come from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.app import PROFILES, App, summary_of

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(app: App, columns: str, mapping: str, **user: Any) -> dict[str, Any]:
    """The profile that one user gets in a table with these columns."""
    app.rows(f"create table public.people (uid uuid primary key, {columns})")
    app.configure(f"profiles: [{{table: people, key: uid, columns: {{{mapping}}}}}]")
    app.user(**user)
    run = app.sync()
    assert run.exit_code == 0, (run.error, summary_of(run).failures)
    (row,) = app.rows("select * from public.people")
    del row["uid"]
    return row


@pytest.mark.parametrize(
    ("column", "source", "user", "value"),
    [
        ("x text", "email", {"email": "a@b.c"}, "a@b.c"),
        ("x text", "phone", {"phone": "4917", "email": None}, "4917"),
        ("x timestamptz", "created_at", {"created_at": WHEN}, WHEN),
        ("x text", "created_at", {"created_at": WHEN}, "2026-01-02 03:04:05+00"),
        ("x boolean", "is_sso_user", {"is_sso_user": True}, True),
        ("x text", "user_metadata.name", {"raw_user_meta_data": {"name": "Ann"}}, "Ann"),
        ("x text", "user_metadata.a.b", {"raw_user_meta_data": {"a": {"b": "c"}}}, "c"),
        ("x text", "app_metadata.plan", {"raw_app_meta_data": {"plan": "pro"}}, "pro"),
        ("x int", "user_metadata.age", {"raw_user_meta_data": {"age": 7}}, 7),
        ("x boolean", "user_metadata.ok", {"raw_user_meta_data": {"ok": True}}, True),
        ("x jsonb", "user_metadata.tags", {"raw_user_meta_data": {"tags": ["a", 1]}}, ["a", 1]),
        ("x jsonb", "email", {"email": "a@b.c"}, "a@b.c"),
        ("x jsonb", '{literal: "free"}', {}, "free"),
        ("x text", "user_metadata.name", {"raw_user_meta_data": None}, None),
        ("x text", "user_metadata.name", {"raw_user_meta_data": [1]}, None),
        ("x text", "user_metadata.name", {"raw_user_meta_data": "text"}, None),
        ("x text", '{literal: "its {x} 100% ✓"}', {}, "its {x} 100% ✓"),
        ("x text", '{literal: "it\'s {x} 100%s \\\\ ✓"}', {}, "it's {x} 100%s \\ ✓"),
        ("x boolean", "true", {}, True),
        ("x numeric(6,2)", "12.5", {}, 12.5),
        ("x text", "null", {}, None),
        ("x text", '{sql: "upper(u.email)"}', {"email": "a@b.c"}, "A@B.C"),
        ("x text", '{sql: "lower(email) -- trailing"}', {"email": "A@b.c"}, "a@b.c"),
        ("x text", "{sql: \"to_char(u.created_at, 'YYYY')\"}", {"created_at": WHEN}, "2026"),
        ("x int", '{sql: "(select count(*) from auth.users)"}', {}, 1),
        ("x varchar(3)", "user_metadata.n", {"raw_user_meta_data": {"n": "abc"}}, "abc"),
        ("x text[]", '{sql: "array[u.email::text]"}', {"email": "a@b.c"}, ["a@b.c"]),
        ("x uuid", "id", {"id": "11111111-1111-1111-1111-111111111111"}, None),
    ],
)
def test_where_a_value_comes_from(
    app: App, column: str, source: str, user: dict[str, Any], value: Any
) -> None:
    """Each kind of source arrives in its column, in the column's own type."""
    found = made(app, column, f"x: {source}", **user)["x"]
    if source == "id":
        assert str(found) == user["id"]
    else:
        assert found == value


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"full_name": "Ann", "name": "A."}, "Ann"),
        ({"full_name": "  ", "name": "A."}, "A."),
        ({"full_name": ""}, "ann@b.c"),
        ({}, "ann@b.c"),
    ],
)
def test_the_first_that_is_not_empty(app: App, metadata: dict[str, Any], name: str) -> None:
    """Of a list the first source that is neither null nor blank is taken."""
    row = made(
        app,
        "name text not null",
        "name: [user_metadata.full_name, user_metadata.name, email, {literal: nobody}]",
        raw_user_meta_data=metadata,
        email="ann@b.c",
    )
    assert row == {"name": name}


def test_defaults_of_the_table_stay_its_own(app: App) -> None:
    """Columns that are not mapped get the table's own defaults."""
    app.user()
    app.synced()
    (row,) = app.rows("select role, is_active, created_at from public.user_profiles")
    assert (row["role"], row["is_active"]) == ("user", True)
    assert abs((datetime.now(UTC) - row["created_at"]).total_seconds()) < 60


def test_quoted_names(app: App) -> None:
    """Schema, table and columns may need quoting; they are only ever composed as identifiers."""
    app.rows('create schema "my app"')
    app.rows(
        'create table "my app"."User""s; drop" ("User Id" uuid primary key, "E-Mail" text,'
        ' "select" text)'
    )
    app.configure(
        "profiles:\n"
        "  - schema: my app\n"
        "    table: 'User\"s; drop'\n"
        "    key: User Id\n"
        "    columns: {E-Mail: email, select: {literal: x}}\n"
        '    role: {column: select, default: "r\'); --", allowed: ["r\'); --"]}\n'.replace(
            ", select: {literal: x}", ""
        )
    )
    app.user(email="a@b.c")
    assert app.sync().exit_code == 0
    (row,) = app.rows('select "E-Mail", "select" from "my app"."User""s; drop"')
    assert row == {"E-Mail": "a@b.c", "select": "r'); --"}


def test_the_quick_start_table(app: App) -> None:
    """Supabase's own profiles table: no metadata, short names, equal names, other scripts."""
    app.rows(PROFILES)
    app.configure(
        "profiles:\n"
        "  - table: profiles\n"
        "    key: id\n"
        "    columns:\n"
        "      username: user_metadata.username\n"
        "      full_name: [user_metadata.full_name, user_metadata.name]\n"
        "      avatar_url: [user_metadata.avatar_url, user_metadata.picture]\n"
    )
    for name in ("anna", "anna", "x", None, "Ωμέγα", "李小龍", "نور الدين", "  a  "):
        app.user(raw_user_meta_data={} if name is None else {"username": name, "name": name})
    summary = app.synced()
    assert (summary.created, summary.failed) == (5, 3)
    reasons = {failure.subject: failure.count for failure in summary.failures}
    assert reasons == {
        "profiles_username_check": 1,
        "profiles_username_key": 1,
        "username": 1,
    }


def test_a_domain_and_an_enum(app: App) -> None:
    """Columns of an enum or a domain take text, and refuse what does not fit, row by row."""
    app.rows("create type public.tier as enum ('free', 'pro')")
    app.rows("create domain public.short as text check (char_length(value) < 5)")
    app.rows(
        "create table public.people (uid uuid primary key, tier public.tier, tag public.short)"
    )
    app.configure(
        "profiles: [{table: people, key: uid,"
        " columns: {tier: app_metadata.tier, tag: user_metadata.tag}}]"
    )
    app.user(raw_app_meta_data={"tier": "pro"}, raw_user_meta_data={"tag": "ok"})
    app.user(raw_app_meta_data={"tier": "gold"})
    app.user(raw_user_meta_data={"tag": "far too long"})
    summary = app.synced()
    assert (summary.created, summary.failed) == (1, 2)


def test_both_grant_regimes(app: App) -> None:
    """The sync needs no default privileges: it works as postgres either way."""
    app.user()
    assert app.synced().created == 1


test_both_grant_regimes = pytest.mark.parametrize("grants", ["explicit", "legacy"])(
    test_both_grant_regimes
)
