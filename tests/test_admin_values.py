"""Before the migration: the predicate and the values, said in Python, are those that SQL has."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests import auth_admin
from tests.api_server import Api, api
from tests.app import App
from tests.unprepared import before, over, readable
from usersync import config, local
from usersync.backends.api.unprepared import predicate, values
from usersync.sql import users
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

__all__ = ["api", "before", "over"]

RULES = """
users:
  anonymous: {anonymous}
  exclude:
    - {{email_domains: [example.org, ÉCOLE.example], reason: domains}}
    - {{providers: [github, phone], reason: providers}}
    - {{app_metadata: {{level: 1, beta: true}}, reason: both}}
    - {{app_metadata: {{level: "1"}}, reason: text}}
    - {{app_metadata: {{score: 1.5}}, reason: number}}
    - {{audiences: [authenticated], email_domains: [aud.example], reason: audience}}
    - {{ids: ["00000000-0000-4000-8000-000000000001"], reason: by name}}
"""

#: Metadata that the rules may take for something else.
APP_METADATA: tuple[Any, ...] = (
    {"level": 1, "beta": True},
    {"level": 1, "beta": 1},
    {"level": 1.0, "beta": True},
    {"level": True, "beta": True},
    {"level": "1"},
    {"level": ["1"]},
    {"level": None},
    {"score": 1.5},
    {"score": "1.5"},
    {"provider": None},
    {"provider": ["github"]},
    {"provider": 5},
    {"provider": "github" * 30},
    {},
)


@pytest.mark.parametrize("anonymous", ["true", "false"])
def test_the_predicate(over: App, anonymous: str) -> None:
    """Over the seed's many kinds and odd metadata, Python and SQL leave out the same users."""
    # `1.5` is no setting that the file's whole numbers could hide.
    over.configure(RULES.format(anonymous=anonymous).replace("ÉCOLE", "ecole"))
    local.seed(over.url, users=400, missing=10)
    for number, metadata in enumerate(APP_METADATA):
        over.user(raw_app_meta_data=metadata, email=f"odd-{number}@odd.example")
    over.user(raw_app_meta_data=None, email=None, phone="49151999")
    over.user(email="two@ats@Example.ORG")
    over.user(email="none", raw_app_meta_data={"provider": "email"})
    over.user(email="x@aud.example", id="00000000-0000-4000-8000-000000000001")
    over.user(email="y@aud.example")
    readable(over)
    settings = config.load().settings.users
    number_of = predicate.skip_number(settings)
    query = sql.SQL("select u.*, {} as skip, {} as provider from auth.users as u").format(
        users.skip_number(settings), users.provider()
    )
    with psycopg.connect(over.url, row_factory=dict_row) as connection:
        rows = connection.execute(query).fetchall()
    assert len({row["skip"] for row in rows}) >= 7
    for row in rows:
        listed = auth_admin.shown(row)
        assert number_of(listed) == row["skip"], listed
        assert row["is_sso_user"] or predicate.provider(listed) == row["provider"], listed


KINDS = """
create table public.kinds (
    id uuid primary key references auth.users (id) on delete cascade,
    email text, phone text, made timestamptz, made_text text, made_day date, seen timestamp,
    anonymous boolean, anonymous_text text, aud text,
    nested text, item text, whole jsonb, first text, fixed text, agreed boolean, five integer,
    made_json jsonb, first_json jsonb, fixed_json jsonb, anonymous_json jsonb
);
grant select, insert on public.kinds to service_role;
"""

MAPPED = """
profiles:
  - table: kinds
    key: id
    columns:
      email: email
      phone: phone
      made: created_at
      made_text: created_at
      made_day: created_at
      seen: last_sign_in_at
      anonymous: is_anonymous
      anonymous_text: is_anonymous
      aud: aud
      nested: user_metadata.odd
      item: user_metadata.list.1
      whole: user_metadata.odd
      first: [user_metadata.empty, user_metadata.odd, phone, email, {literal: nobody}]
      fixed: {literal: 1.5}
      agreed: {literal: true}
      five: {literal: 5}
      made_json: created_at
      first_json: [user_metadata.empty, phone, email]
      fixed_json: {literal: true}
      anonymous_json: is_anonymous
"""

ODD: tuple[Any, ...] = (
    "plain",
    "  spaces around  ",
    "",
    " ",
    "\t",
    'quotes " and \\ and \n line',
    "Łukasz 👩‍🚀 \u2028 אורי",
    "<b>&amp;</b>",
    0,
    5,
    -7,
    1.5,
    0.1,
    1e-7,
    1e20,
    123456789012345,
    True,
    False,
    [],
    {},
    [1, "two", None, {"three": 3.5}],
    {"bb": 1, "a": {"ü": "é", "z": [True]}, "ccc": None},
    {'quote"d': "tab\t", "\u0001": "\u001f"},
)


def test_the_values(app: App) -> None:
    """What this way sends is, for PostgREST's own statement, what a connection writes."""
    app.rows(KINDS)
    app.configure(MAPPED)
    for value in ODD:
        app.user(
            raw_user_meta_data={"odd": value, "empty": " ", "list": ["zero", value]},
            last_sign_in_at="2026-02-03T04:05:06.700Z",
        )
    app.user(raw_user_meta_data=None)
    app.user(raw_user_meta_data={"odd": None, "list": "none"}, email=None, phone="4915")
    app.user(raw_user_meta_data={"list": {"1": "key"}}, created_at="2026-01-01T00:00:00Z")
    (table,) = config.load().profiles
    types = {
        row["attname"]: row["type"]
        for row in app.rows(
            "select attname, format_type(atttypid, null) as type from pg_attribute"
            " where attrelid = 'public.kinds'::regclass and attnum > 0"
        )
    }
    row_of = values.row_of(table, {name for name, kind in types.items() if kind == "jsonb"})
    users = [auth_admin.shown(row) for row in app.rows("select * from auth.users")]
    sent = [{"id": user["id"], **row_of(user)} for user in users]
    names = ", ".join(types)
    typed = ", ".join(f"{name} {kind}" for name, kind in types.items())
    app.rows(
        f"insert into public.kinds ({names})"
        f" select {names} from json_to_recordset(%(sent)s::json) as _ ({typed})"
        " on conflict (id) do nothing",
        sent=json.dumps(sent, ensure_ascii=False),
    )
    query = "select *, whole::text as w, first_json::text as f from public.kinds order by id"
    listed = app.rows(query)
    app.rows("delete from public.kinds")
    assert app.synced().failed == 0
    for one, other in zip(listed, app.rows(query), strict=True):
        # A null inside of metadata: jsonb can keep it apart from nothing, JSON over HTTP cannot.
        is_null = other["w"] == "null"
        assert one == (other | {"w": None, "whole": None} if is_null else other)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("profiles: [{table: user_profiles, key: user_id, columns: {email: {sql: 'u.email'}}}]",
         "SQL expression"),
        ("profiles: [{table: user_profiles, key: user_id, columns: {is_active: is_sso_user}}]",
         "is_sso_user"),
        ("users: {exclude: [{sso: true, reason: staff}]}", "SSO user"),
        ("users: {audiences: [authenticated, service]}", "audience"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated(over: App, api: Api, settings: str, what: str) -> None:
    """What only the database can tell is exit 3 with the ways that can, before anything is read."""
    over.configure(settings)
    run = over.run("sync.plan", options=SyncOptions())
    assert run.exit_code == 3
    assert what in run.error
    assert any("SUPABASE_DB_URL" in line for line in run.next_steps)
    assert any("migration.apply" in line for line in run.next_steps)
    assert not [path for _, path in api.requests if "/admin/" in path]
