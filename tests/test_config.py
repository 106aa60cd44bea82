"""What `usersync.yaml` and the environment say, and every way in which they can be wrong."""

from __future__ import annotations

import contextlib
import os
import random
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from usersync.backends.postgres.address import Address
from usersync.config import (
    DEFAULT_PROFILE,
    Expression,
    FirstOf,
    LiteralValue,
    Metadata,
    ProfileTable,
    RoleSettings,
    Settings,
    Target,
    UserColumn,
    circumstances,
    load,
    read_text,
    reference_markdown,
    with_url,
)
from usersync.config.database_url import endpoint, fault
from usersync.config.environment import VARIABLES
from usersync.config.sources import parse_source
from usersync.errors import ConfigError

REF = "abcdefghijklmnopqrst"
OTHER_REF = "zyxwvutsrqponmlkjihg"
SECRET = "hunter2"
DIRECT = f"postgresql://postgres:{SECRET}@db.{REF}.supabase.co:5432/postgres"
POOLER = f"postgresql://postgres.{REF}:{SECRET}@aws-1-eu-west-3.pooler.supabase.com:5432/postgres"
LOOPBACK = f"postgresql://postgres:{SECRET}@127.0.0.1:54322/postgres"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.{SECRET}"

TWO_TARGETS = """\
targets:
  production:
    db_url_env: PROD_DB_URL
  staging:
    environment: staging
    db_url_env: STAGING_DB_URL
"""

ONE_TARGET = """\
targets:
  production:
    db_url_env: PROD_DB_URL
"""


def refusal(
    file: str | None = None,
    *,
    target: str | None = None,
    env_file: str | None = None,
    config: str | None = None,
    **environ: str,
) -> ConfigError:
    """The refusal of a configuration, after a look for secrets in all it says."""
    if file is not None:
        Path("usersync.yaml").write_text(file)
    with pytest.raises(ConfigError) as caught:
        load(config, target, env_file, environ)
    error = caught.value
    assert error.exit_code == 3
    assert SECRET not in f"{error} {error.next_step} {error!r} {error.__context__!r}"
    return error


def problems_of(text: str) -> list[str]:
    """What is wrong with the text of a file."""
    with pytest.raises(ConfigError) as caught:
        read_text(text)
    assert SECRET not in f"{caught.value} {caught.value.next_step}"
    return list(caught.value.problems)


# -- a file that is right ------------------------------------------------------------------------

EVERYTHING = """\
contact: "#oncall"
targets:
  production:
    environment: production
    db_url_env: PROD_DB_URL
    profiles:
      - {table: members, key: id}
  staging: &staging
    environment: staging
    db_url_env: STAGING_DB_URL
  preview:
    <<: *staging
    environment: preview
users:
  anonymous: true
  audiences: [authenticated, partners]
  exclude:
    - reason: service accounts
      ids: [3F9A1C52-7D0E-4B7E-9C39-0F6D2A8E5B11]
      email_domains: [Bots.Example.com]
      providers: [github]
      sso: true
      audiences: [partners]
      app_metadata: {kind: bot, level: 3, beta: true}
profiles:
  - schema: public
    table: user_profiles
    key: user_id
    columns:
      email: email
      full_name: [user_metadata.full_name, user_metadata.name.first, email]
      plan: {literal: free}
      slug: {sql: "lower(u.email)"}
      is_active: true
      level: 3
      ratio: 0.5
      nothing: null
      token: user_metadata.token
    role: {column: role, default: user, allowed: [user, admin]}
max_rows: 1_000
max_failures: 10
rehearse_timeout_s: 10
statement_timeout_s: 1.5
lock_timeout_s: 0.5
connect_timeout_s: 5
retry_s: 0
unattended: {tasks: [sync], max_rows: 500}
allow_triggers: [audit_profiles]
accept:
  - {id: "orphan_profile:3f9a", reason: known test rows, until: 2026-12-31}
"""


def test_every_setting_is_read() -> None:
    """A file that uses everything comes out as typed settings."""
    settings = read_text(EVERYTHING).settings
    assert settings.contact == "#oncall"
    assert settings.targets["preview"].environment == "preview"
    assert settings.targets["preview"].db_url_env == "STAGING_DB_URL"
    assert settings.users.audiences == ("authenticated", "partners")
    (rule,) = settings.users.exclude
    assert rule.ids == (UUID("3f9a1c52-7d0e-4b7e-9c39-0f6d2a8e5b11"),)
    assert rule.email_domains == ("bots.example.com",)
    assert rule.app_metadata == {"kind": "bot", "level": 3, "beta": True}
    (profile,) = settings.profiles
    assert profile.name == "public.user_profiles(user_id)"
    assert profile.role == RoleSettings(column="role", default="user", allowed=("user", "admin"))
    assert profile.columns == {
        "email": UserColumn("email"),
        "full_name": FirstOf(
            (
                Metadata("user_metadata", ("full_name",)),
                Metadata("user_metadata", ("name", "first")),
                UserColumn("email"),
            )
        ),
        "plan": LiteralValue("free"),
        "slug": Expression("lower(u.email)"),
        "is_active": LiteralValue(True),  # noqa: FBT003
        "level": LiteralValue(3),
        "ratio": LiteralValue(0.5),
        "nothing": LiteralValue(None),
        "token": Metadata("user_metadata", ("token",)),
    }
    assert (settings.max_rows, settings.statement_timeout_s, settings.retry_s) == (1000, 1.5, 0)
    assert settings.unattended is not None
    assert settings.unattended.max_rows == 500
    assert settings.accept[0].until == date(2026, 12, 31)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "\ufeff"])
def test_an_empty_file_is_the_defaults(text: str, workdir: Path) -> None:
    """A file without contents means what no file means: the operators' own table."""
    (workdir / "usersync.yaml").write_text(text)
    target = load(environ={"SUPABASE_DB_URL": DIRECT})
    assert target.settings == Settings()
    assert target.profiles == (DEFAULT_PROFILE,)
    assert DEFAULT_PROFILE.name == "public.user_profiles(user_id)"
    assert DEFAULT_PROFILE.role is not None


def test_a_table_of_the_file_has_no_role_unless_it_says_so() -> None:
    """Only the operators' own table comes with a role column."""
    (profile,) = read_text("profiles:\n  - {table: members, key: id}").settings.profiles
    assert profile.role is None
    assert profile.columns == {}
    assert profile.schema_name == "public"


@pytest.mark.parametrize(
    "written",
    [
        "email",
        "user_metadata.full_name",
        "app_metadata.a.b",
        "[user_metadata.full_name, {literal: n/a}, {sql: lower(u.email)}]",
        "{literal: free}",
        "{literal: 'yes'}",
        '{literal: "a\\nb"}',
        "{sql: lower(u.email)}",
        "true",
        "0.5",
        "12",
        "null",
    ],
)
def test_a_source_is_described_as_it_is_written(written: str) -> None:
    """Plans show a source in the form that a person writes in the file."""
    text = f"profiles:\n  - table: a\n    key: id\n    columns:\n      x: {written}"
    (profile,) = read_text(text).settings.profiles
    source = profile.columns["x"]
    assert source.describe() == written
    assert parse_source(source) is source
    assert profile.model_dump()["columns"] == {"x": written}


def test_settings_are_frozen() -> None:
    """Nothing can change what was read and printed."""
    with pytest.raises(ValueError, match="frozen"):
        setattr(Settings(), "max_rows", 5)  # noqa: B010


# -- a file that is wrong ------------------------------------------------------------------------

PROFILE = "profiles:\n  - table: a\n    key: id\n"
SOURCES = (
    "source is a column of auth.users, `user_metadata.KEY` or `app_metadata.KEY`, and fixed text "
    "is written"
)
NOTHING = (
    "nothing is written here; write `null` if that is meant, and quote text that begins with `#`"
)
MOVE = "put it in an environment variable and write `db_url_env: NAME`"
ENVIRONMENTS = "production, staging, preview, development, test, local"

#: The text of a file, and what is said of it after `usersync.yaml:`.
FAULTS = {
    "hello": "1: a list of settings (`name: value`) belongs here",
    "- contact": "1: a list of settings (`name: value`) belongs here",
    # keys
    "profilse: []": "1: profilse: unknown key; did you mean `profiles`?",
    "users: {anonymus: true}": "1: users.anonymus: unknown key; did you mean `anonymous`?",
    "users:\n  exclude:\n    - reason: x\n      sso: true\n      provider: [a]": (
        "5: users.exclude[0].provider: unknown key; did you mean `providers`?"
    ),
    "targets: {a: {region: x}}": (
        "1: targets.a.region: unknown key; allowed are"
        " environment, db_url_env, api_url_env, api_key_env, base_url, profiles"
    ),
    PROFILE + "    tabel: a": "4: profiles[0].tabel: unknown key; did you mean `table`?",
    "profiles: [{table: a}]": "1: profiles[0].key: required, but missing",
    "max_rows: 1\nmax_rows: 2": "2: max_rows: this key is in line 1 already",
    "12: a": "1: YAML does not read the key `12` as text; quote it",
    PROFILE + "    columns: {on: email}": (
        "4: profiles[0].columns: YAML does not read the key `on` as text; quote it"
    ),
    "{[a]: b}": "1: a key must be text",
    # types
    "contact: 12": "1: contact: text is required, found the number 12; quote it",
    "contact: 2026-12-31": "1: contact: text is required, found the date 2026-12-31; quote it",
    "contact: true": "1: contact: text is required, found true; quote it",
    "contact: [a]": "1: contact: text is required, found a list",
    "contact: #oncall": f"1: contact: {NOTHING}",
    "contact: null": "1: contact: text is required, found nothing; quote it",
    "profiles:": f"1: profiles: {NOTHING}",
    "targets:\n  production:": f"2: targets.production: {NOTHING}",
    "profiles: {table: a}": "1: profiles: a list is required, found a mapping",
    "users: []": "1: users: a mapping is required, found a list",
    "targets: [a]": "1: targets: a mapping is required, found a list",
    "users: {audiences: authenticated}": (
        "1: users.audiences: a list is required, found `authenticated`; write `[authenticated]`"
    ),
    "users: {audiences: []}": "1: users.audiences: may not be empty",
    "profiles: []": "1: profiles: may not be empty",
    "users: {anonymous: maybe}": "1: users.anonymous: true or false is required, found `maybe`",
    'max_rows: "10"': ("1: max_rows: a whole number is required, found `10`; take the quotes away"),
    "max_rows: 10.5": "1: max_rows: a whole number is required, found the number 10.5",
    "max_rows: true": "1: max_rows: a whole number is required, found true",
    "max_rows: -1": "1: max_rows: must be at least 0, found -1",
    "lock_timeout_s: 0": "1: lock_timeout_s: must be more than 0, found 0",
    "lock_timeout_s: soon": "1: lock_timeout_s: a number is required, found `soon`",
    "lock_timeout_s: .inf": "1: lock_timeout_s: a finite number is required, found the number inf",
    "retry_s: 99999": "1: retry_s: must be at most 3600, found 99999",
    "connect_timeout_s: 1": "1: connect_timeout_s: must be at least 2, found 1",
    # the traps of YAML 1.1
    "users: {anonymous: yes}": (
        "1: users.anonymous: YAML reads `yes` as true; write true, or quote it if it is text"
    ),
    PROFILE + "    columns: {country: no}": (
        "4: profiles[0].columns.country: YAML reads `no` as false; write false, or quote it if it "
        "is text"
    ),
    "max_rows: 012": "1: max_rows: YAML reads `012` as 10; write 10, or quote it if it is text",
    "max_rows: 12:30": (
        "1: max_rows: YAML reads `12:30` as 750; write 750, or quote it if it is text"
    ),
    "accept: [{id: x, reason: y, until: 2026-02-31}]": (
        "1: accept[0].until: `2026-02-31` is no day; quote it if it is text"
    ),
    # targets
    "targets: {x: {environment: prod}}": (
        f"1: targets.x.environment: found `prod`; allowed are {ENVIRONMENTS}; did you mean "
        "`production`?"
    ),
    "targets: {x: {environment: 3}}": (
        f"1: targets.x.environment: found the number 3; allowed are {ENVIRONMENTS}"
    ),
    "targets: {local: {}}": "1: targets.local: this name is taken by usersync; choose another",
    "targets: {all: {}}": "1: targets.all: this name is taken by usersync; choose another",
    "health: {base_url: 'https://u:geheim@a.example/'}": (
        "1: health.base_url: holds a name or a password; leave what stands before the `@` out"
    ),
    "health: {base_url: app.example.com}": (
        "1: health.base_url: is no address; write it like `https://app.example.com`"
    ),
    "health: {endpoints: [{path: //evil.example/x}]}": (
        "1: health.endpoints[0].path: found `//evil.example/x`; a path begins with one `/` and has"
        " no spaces"
    ),
    "health: {endpoints: [{path: /x, jsn: {}}]}": (
        "1: health.endpoints[0].jsn: unknown key; did you mean `json`?"
    ),
    "targets: {default: {}}": "1: targets.default: this name is taken by usersync; choose another",
    "targets: {my prod: {}}": "1: targets.my prod: use letters, digits, `-` and `_` in the name",
    "targets:\n  a: {db_url_env: A}\n  b: {}": (
        "3: targets.b.db_url_env: missing; of several targets each names its own variable"
    ),
    f"targets: {{a: {{db_url_env: {SECRET}-x}}}}": (
        "1: targets.a.db_url_env: the NAME of an environment variable belongs here, such as "
        "`PROD_DB_URL`, never its value"
    ),
    # users
    "users: {exclude: [{reason: x}]}": (
        "1: users.exclude[0]: a rule needs at least one condition of ids, email_domains, "
        "providers, sso, audiences, app_metadata"
    ),
    "users: {exclude: [{sso: true}]}": "1: users.exclude[0].reason: required, but missing",
    "users: {exclude: [{reason: '', sso: true}]}": ("1: users.exclude[0].reason: may not be empty"),
    "users: {exclude: [{reason: x, ids: [abc]}]}": (
        "1: users.exclude[0].ids[0]: found `abc`; a user id is a UUID, such as "
        "`3f9a1c52-7d0e-4b7e-9c39-0f6d2a8e5b11`"
    ),
    "users: {exclude: [{reason: x, email_domains: ['@bots.com']}]}": (
        "1: users.exclude[0].email_domains[0]: found `@bots.com`; write the domain alone, such as "
        "`bots.example.com`"
    ),
    "users: {exclude: [{reason: x, app_metadata: {kind: [a]}}]}": (
        "1: users.exclude[0].app_metadata.kind: text, a number, true or false belongs here"
    ),
    "users: {exclude: [{reason: x, app_metadata: {since: 2026-01-01}}]}": (
        '1: users.exclude[0].app_metadata.since: a date is text here: quote it, `"2026-01-01"`'
    ),
    # profile tables
    "profiles:\n  - table: a\n    key:\n      - a\n      - b": (
        "3: profiles[0].key: a composite key cannot be used: usersync needs the one column that "
        "holds the user's id"
    ),
    "profiles: [{table: app.members, key: id}]": (
        "1: profiles[0].table: write the schema by itself: `schema: app` and `table: members`"
    ),
    "profiles: [{schema: auth, table: users, key: id}]": (
        "1: profiles[0].schema: `auth` belongs to Supabase and holds no profile table"
    ),
    f"profiles: [{{table: {'x' * 64}, key: id}}]": (
        "1: profiles[0].table: a Postgres name has at most 63 bytes, found 64"
    ),
    "profiles:\n  - {table: a, key: id}\n  - {table: a, key: b}": (
        "1: profiles: listed more than once: public.a"
    ),
    PROFILE + "    columns:\n      id: id": (
        "5: profiles[0].columns.id: the key column is filled with the user's id"
    ),
    PROFILE + "    columns:\n      role: aud\n    role: {column: role, default: u, allowed: [u]}": (
        "5: profiles[0].columns.role: `role` fills this column already"
    ),
    PROFILE + "    role: {column: id, default: u, allowed: [u]}": (
        "4: profiles[0].role.column: `id` is the key column"
    ),
    PROFILE + "    role: {column: role, default: usr, allowed: [user, admin]}": (
        "4: profiles[0].role.default: `usr` is not one of the allowed user, admin"
    ),
    # sources
    PROFILE + "    columns: {email: emial}": (
        f"4: profiles[0].columns.email: `emial` is no known source; did you mean `email`? "
        f"Otherwise a {SOURCES} `{{literal: emial}}`"
    ),
    PROFILE + "    columns: {plan: free}": (
        f"4: profiles[0].columns.plan: `free` is no known source; a {SOURCES} `{{literal: free}}`"
    ),
    PROFILE + "    columns: {x: encrypted_password}": (
        f"4: profiles[0].columns.x: `encrypted_password` is no known source; a {SOURCES} "
        "`{literal: encrypted_password}`"
    ),
    PROFILE + "    columns: {x: user_metdata.name}": (
        "4: profiles[0].columns.x: `user_metdata.name` is no known source; did you mean "
        f"`user_metadata.name`? Otherwise a {SOURCES} `{{literal: user_metdata.name}}`"
    ),
    PROFILE + "    columns: {x: raw_user_meta_data.name}": (
        "4: profiles[0].columns.x: found `raw_user_meta_data.name`; write `user_metadata.KEY` for "
        "a key of it"
    ),
    PROFILE + "    columns: {x: user_metadata}": (
        "4: profiles[0].columns.x: found `user_metadata`; name a key of the metadata, such as "
        "`user_metadata.full_name`"
    ),
    PROFILE + "    columns: {x: [[email]]}": (
        "4: profiles[0].columns.x: a list of sources may not hold another list"
    ),
    PROFILE + "    columns: {x: []}": "4: profiles[0].columns.x: the list of sources is empty",
    PROFILE + "    columns: {x: {litral: a}}": (
        "4: profiles[0].columns.x: a source that is a mapping has exactly one key, `literal` or "
        "`sql`, or it says `{from: SOURCE, unique: suffix}`"
    ),
    PROFILE + "    columns: {x: {sql: 12}}": (
        "4: profiles[0].columns.x: `sql` takes an SQL expression as text, such as "
        '`{sql: "lower(u.email)"}`'
    ),
    PROFILE + "    columns: {x: {literal: [a]}}": (
        "4: profiles[0].columns.x: `literal` takes text, a number, true, false or null; for more, "
        "use `sql`"
    ),
    PROFILE + "    columns: {x: 2026-01-01}": (
        '4: profiles[0].columns.x: a date is fixed text: quote it, `{literal: "2026-01-01"}`'
    ),
    PROFILE + "    columns: {x: .nan}": (
        "4: profiles[0].columns.x: a literal number must be finite"
    ),
    PROFILE + "    columns:\n      x:": f"5: profiles[0].columns.x: {NOTHING}",
    # the rest
    "unattended: {tasks: [snyc]}": (
        "1: unattended.tasks[0]: found `snyc`; allowed are sync, create-profile, repair.emails,"
        " repair.orphans, repair.tokens; did you mean `sync`?"
    ),
    "accept: [{id: x, reason: y, until: soon}]": (
        "1: accept[0].until: found `soon`; write a day, such as `2026-12-31`"
    ),
    "accept: [{id: x, reason: y, until: 20261231}]": (
        "1: accept[0].until: found `20261231`; write a day, such as `2026-12-31`"
    ),
    # what is no YAML
    "users:\n\tanonymous: true": "2: a tab indents this line; YAML wants spaces",
    'max_rows: 1\ncontact: "abc': "2: a quote is opened and not closed",
    "contact: a: b": (
        "1: a `:` where none can be: the indentation does not fit, or text with `: ` is not quoted"
    ),
    "users: {anonymous: true": "1: a `,`, `]` or `}` is missing",
    "users:\n  anonymous: true\n oops": (
        "3: the indentation does not fit, or text after a quote is not quoted"
    ),
    "max_rows: 1\ncontact\nusers: {}": "2: a `:` is missing after a key",
    "contact: @oncall": "1: a value begins with a character that must be quoted",
    "contact: **bold**": "1: `&` and `*` begin anchors and aliases; quote text that does",
    f"contact: *{SECRET}": (
        "1: `*` begins an alias that nothing defines; quote text that begins with `*`"
    ),
    f"contact: !{SECRET} x": (
        "1: contact: a tag (`!`) has no meaning here; quote text that begins with `!`"
    ),
    "contact: a\n---\ncontact: b": "2: a second document begins (`---`); one file holds one",
    'contact: "\\q"': "1: a backslash in double quotes begins no known escape; use single quotes",
    "max_rows: 1\ncontact: \x01": "2: there is a control character",
    "users: &u\n  exclude: [*u]": (
        "1: users.exclude[0]: an alias stands inside of what it stands for"
    ),
    "targets: {a: {<<: 3}}": "1: targets.a: `<<` takes a mapping",
    "a: " + "[" * 3000 + "]" * 3000: "1: it is nested too deeply",
    'profiles: [{table: a, key: id, columns: {x: "\\e[31m"}}]': (
        "1: profiles[0].columns.x: `\N{REPLACEMENT CHARACTER}[31m` is no known source; a "
        f'{SOURCES} `{{literal: "\\e[31m"}}`'
    ),
    # secrets
    f"contact: call postgresql://u:{SECRET}@h/db": f"1: contact: it holds a password; {MOVE}",
    f"contact: {JWT}": f"1: contact: it holds a key (a JWT); {MOVE}",
    f"{JWT}: x": f"1: a key in here holds a key (a JWT); {MOVE}",
    f"contact: sb_secret_{SECRET}": f"1: contact: it holds a secret key of the project; {MOVE}",
    f"contact: sbp_0123456789{SECRET}": f"1: contact: it holds an access token; {MOVE}",
    f"targets:\n  a:\n    db_url: {SECRET}": (
        f"3: targets.a.db_url: a secret is never written here; {MOVE}"
    ),
    f"targets:\n  a:\n    db_url_env: postgresql://u:{SECRET}@h/db": (
        f"3: targets.a.db_url_env: it holds a password; {MOVE}"
    ),
    f"SUPABASE_SERVICE_ROLE_KEY: {SECRET}": (
        f"1: SUPABASE_SERVICE_ROLE_KEY: a secret is never written here; {MOVE}"
    ),
    f"token: [{SECRET}]": f"1: token[0]: a secret is never written here; {MOVE}",
    PROFILE + f"    columns: {{x: {{literal: sb_secret_{SECRET}}}}}": (
        f"4: profiles[0].columns.x.literal: it holds a secret key of the project; {MOVE}"
    ),
    PROFILE + f"    role: {{column: r, default: sb_secret_{SECRET}, allowed: [u]}}": (
        f"4: profiles[0].role.default: it holds a secret key of the project; {MOVE}"
    ),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_has_one_sentence(text: str) -> None:
    """Each fault says file, line, key, what was found and what is allowed, in one sentence."""
    assert problems_of(text) == [f"usersync.yaml:{FAULTS[text]}"]


def test_all_faults_are_told_at_once() -> None:
    """Nobody runs the command again for each of five faults."""
    text = (
        "max_rows: x\nusers: {anonymus: true}\nprofiles:\n  - tabel: a\n    key: [a]\nsecret: x\n"
    )
    assert problems_of(text) == [
        "usersync.yaml:1: max_rows: a whole number is required, found `x`",
        "usersync.yaml:2: users.anonymus: unknown key; did you mean `anonymous`?",
        "usersync.yaml:4: profiles[0].table: required, but missing",
        "usersync.yaml:4: profiles[0].tabel: unknown key; did you mean `table`?",
        (
            "usersync.yaml:5: profiles[0].key: a composite key cannot be used: usersync needs the "
            "one column that holds the user's id"
        ),
        f"usersync.yaml:6: secret: a secret is never written here; {MOVE}",
    ]


def test_a_secret_is_found_under_every_name_it_has() -> None:
    """An alias, and a key that is given twice, do not hide a secret."""
    assert problems_of(f"x: &a postgres://u:{SECRET}@h/d\ncontact: *a\n") == [
        f"usersync.yaml:1: x: it holds a password; {MOVE}",
        f"usersync.yaml:2: contact: it holds a password; {MOVE}",
    ]
    assert problems_of(f"contact: a\ncontact: sb_secret_{SECRET}") == [
        f"usersync.yaml:2: contact: it holds a secret key of the project; {MOVE}"
    ]


def test_a_secret_in_a_comment_is_not_ours_to_judge() -> None:
    """Only values are looked at."""
    read_text(f"# postgresql://u:{SECRET}@h/db\ncontact: a\n")


def test_aliases_cannot_blow_up() -> None:
    """A small file whose aliases multiply ends with a sentence, not with the memory."""
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    for previous, name in zip("abcdefg", "bcdefgh", strict=True):
        text += f"{name}: &{name} [{','.join([f'*{previous}'] * 10)}]\n"
    assert problems_of(text) == [
        "usersync.yaml:1: there are too many values, or aliases that repeat each other"
    ]


def test_any_text_ends_in_settings_or_a_refusal() -> None:
    """No text makes the reader fail otherwise: parts of a right file with things put between."""
    chance = random.Random(7)
    pieces = [*EVERYTHING, *"\t&*!|>%@`'\"{}[],:#-\n \x00\x7f\ud800"]
    refused = 0
    for _ in range(500):
        start = chance.randrange(len(EVERYTHING))
        text = list(EVERYTHING[start : start + 200])
        for _ in range(chance.randrange(6)):
            text.insert(chance.randrange(len(text) + 1), chance.choice(pieces))
        with contextlib.suppress(ConfigError):
            read_text("".join(text))
            continue
        refused += 1
    assert refused > 100


# -- which file ----------------------------------------------------------------------------------


def test_the_file_that_is_asked_for_must_be_there(workdir: Path) -> None:
    """A mistyped --config is a refusal with the names near it, never the defaults."""
    (workdir / "usersync.staging.yaml").write_text("")
    error = refusal(config="usersync.stagign.yaml")
    assert error.problems == ("usersync.stagign.yaml: there is no such file",)
    assert error.next_step == "Near it: usersync.staging.yaml."
    error = refusal(USERSYNC_CONFIG="conf/usersync.yaml")
    assert error.problems == ("conf/usersync.yaml: there is no such file",)
    assert error.next_step == "There is no directory conf either."
    assert refusal(config="usersync.staging.yaml/x").problems == (
        "usersync.staging.yaml/x: cannot be read: Not a directory",
    )


def test_config_says_which_file(workdir: Path) -> None:
    """--config wins over USERSYNC_CONFIG, which wins over ./usersync.yaml."""
    for name in ("usersync.yaml", "a.yaml", "b.yaml"):
        (workdir / name).write_text(f"contact: {name}")
    environ = {"SUPABASE_DB_URL": DIRECT}
    assert load(environ=environ).settings.contact == "usersync.yaml"
    environ["USERSYNC_CONFIG"] = "a.yaml"
    assert load(environ=environ).settings.contact == "a.yaml"
    assert load("b.yaml", environ=environ).settings.contact == "b.yaml"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.mkdir(), "usersync.yaml: this is a directory"),
        (
            lambda path: path.write_bytes(b"contact: a\nmax_rows: \xff\n"),
            "usersync.yaml:2: this is not UTF-8 text",
        ),
        (
            lambda path: path.with_suffix(".yml").write_text("contact: a"),
            "usersync.yml: the file must be called usersync.yaml",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(make: object, problem: str, workdir: Path) -> None:
    """What stands where the file should be is never passed over."""
    assert callable(make)
    make(workdir / "usersync.yaml")
    assert refusal(SUPABASE_DB_URL=DIRECT).problems == (problem,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(workdir: Path) -> None:
    """A file that exists and may not be read is told as such."""
    (workdir / "usersync.yaml").touch(mode=0o000)
    assert refusal(SUPABASE_DB_URL=DIRECT).problems == (
        "usersync.yaml: cannot be read: Permission denied",
    )


# -- which target --------------------------------------------------------------------------------


def names(target: Target) -> tuple[str, str, str]:
    return target.name, target.environment, target.db_url_env


def test_a_variable_alone_is_production(workdir: Path) -> None:
    """A database that nobody described is production, and its password stays hidden."""
    target = load(environ={"SUPABASE_DB_URL": f" {DIRECT}\n"})
    assert names(target) == ("default", "production", "SUPABASE_DB_URL")
    assert target.is_production
    assert target.db_url is not None
    assert target.db_url.get_secret_value() == DIRECT
    assert SECRET not in repr(target)


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        (LOOPBACK, "local"),
        ("postgresql://postgres@localhost/postgres", "local"),
        ("postgresql://postgres@[::1]:5432/postgres", "local"),
        ("postgresql:///postgres?host=/tmp/sockets", "local"),
        ("postgresql://postgres@%2Ftmp%2Fsockets/postgres", "local"),
        (DIRECT, "production"),
        (POOLER, "production"),
        ("postgresql://postgres@db.internal/postgres", "production"),
        ("postgresql://postgres@localhost,db.internal/postgres", "production"),
        ("postgresql://postgres@localhost/postgres?hostaddr=10.0.0.7", "production"),
        ("postgresql://postgres@localhost/postgres?host=db.internal", "production"),
        (f"postgresql://postgres.{REF}:x@localhost:5432/postgres", "production"),
        ("postgresql://postgres@localhost.example.com/postgres", "production"),
        ("postgresql://localhost@db.internal/localhost", "production"),
    ],
)
def test_only_this_machine_is_local(url: str, environment: str, workdir: Path) -> None:
    """A host counts as local only when it cannot be anything else; a tunnel to a project is not."""
    target = load(environ={"SUPABASE_DB_URL": url})
    assert target.environment == environment
    assert target.is_local == (environment == "local")


def test_an_environment_can_be_named(workdir: Path) -> None:
    """USERSYNC_ENVIRONMENT says what SUPABASE_DB_URL is for; `local` cannot be claimed."""
    environ = {"SUPABASE_DB_URL": DIRECT, "USERSYNC_ENVIRONMENT": "staging"}
    assert load(environ=environ).environment == "staging"
    assert refusal(SUPABASE_DB_URL=DIRECT, USERSYNC_ENVIRONMENT="stagging").problems == (
        (
            f"USERSYNC_ENVIRONMENT: found `stagging`; allowed are {ENVIRONMENTS}; did you mean "
            "`staging`?"
        ),
    )
    assert refusal(SUPABASE_DB_URL=DIRECT, USERSYNC_ENVIRONMENT="local").problems == (
        "USERSYNC_ENVIRONMENT: `local` is only for a database on this machine",
    )
    file = "targets:\n  mine:\n    environment: local\n"
    assert refusal(file, SUPABASE_DB_URL=DIRECT).problems == (
        "usersync.yaml:3: targets.mine.environment: `local` is only for a database on this machine",
    )
    assert load(environ={"SUPABASE_DB_URL": LOOPBACK}).is_local


def test_a_target_of_the_file(workdir: Path) -> None:
    """A target has its own variable, environment and, if it says so, profile tables."""
    (workdir / "usersync.yaml").write_text(EVERYTHING)
    environ = {"PROD_DB_URL": DIRECT, "STAGING_DB_URL": POOLER}
    production = load(target_name="production", environ=environ)
    assert names(production) == ("production", "production", "PROD_DB_URL")
    assert [profile.table for profile in production.profiles] == ["members"]
    staging = load(environ=environ | {"USERSYNC_TARGET": "staging"})
    assert names(staging) == ("staging", "staging", "STAGING_DB_URL")
    assert [profile.table for profile in staging.profiles] == ["user_profiles"]
    assert load(target_name="preview", environ=environ | {"USERSYNC_TARGET": "x"}).name == "preview"


def test_the_only_target_needs_no_choice(workdir: Path) -> None:
    """One target in the file is the one that is meant, with SUPABASE_DB_URL if it names none."""
    (workdir / "usersync.yaml").write_text(ONE_TARGET)
    assert load(environ={"PROD_DB_URL": DIRECT}).name == "production"
    assert load(environ={"PROD_DB_URL": DIRECT, "SUPABASE_DB_URL": DIRECT}).name == "production"
    (workdir / "usersync.yaml").write_text("targets: {live: {}}")
    assert names(load(environ={"SUPABASE_DB_URL": DIRECT})) == (
        "live",
        "production",
        "SUPABASE_DB_URL",
    )


def test_no_target_is_refused(workdir: Path) -> None:
    """Nothing defaults to any database; the two ways and the trial are named."""
    for environ in ({}, {"SUPABASE_DB_URL": ""}, {"SUPABASE_DB_URL": " "}):
        error = refusal(**environ)
        assert error.problems == (
            "there is no target: SUPABASE_DB_URL is not set, and no file names another",
        )
        for way in ("SUPABASE_DB_URL", "usersync.yaml", "`--target local`", "`invoke demo`"):
            assert way in error.next_step


def test_production_is_never_guessed(workdir: Path) -> None:
    """Several targets, or one beside another SUPABASE_DB_URL, are a question, not a guess."""
    error = refusal(TWO_TARGETS, PROD_DB_URL=DIRECT, SUPABASE_DB_URL=DIRECT)
    assert error.problems == (
        (
            "usersync.yaml:1: targets: no target is chosen of production (production), "
            "staging (staging)"
        ),
    )
    assert error.next_step == "Say which one: `--target production`, or set USERSYNC_TARGET."

    error = refusal(ONE_TARGET, PROD_DB_URL=DIRECT, SUPABASE_DB_URL=LOOPBACK)
    assert error.problems == (
        (
            "usersync.yaml:2: targets.production: which database? this target reads PROD_DB_URL, "
            "and SUPABASE_DB_URL says something else"
        ),
    )
    assert error.next_step == (
        "Say `--target production`, or `--target default` for SUPABASE_DB_URL."
    )
    environ = {"PROD_DB_URL": DIRECT, "SUPABASE_DB_URL": LOOPBACK}
    assert load(target_name="production", environ=environ).db_url_env == "PROD_DB_URL"
    assert names(load(target_name="default", environ=environ)) == (
        "default",
        "local",
        "SUPABASE_DB_URL",
    )


def test_an_unknown_target_is_refused(workdir: Path) -> None:
    """A mistyped target names those there are."""
    assert refusal(TWO_TARGETS, target="stagin").problems == (
        (
            "--target: there is no target `stagin`; did you mean `staging`? usersync.yaml has "
            "production (production), staging (staging)"
        ),
    )
    (workdir / "usersync.yaml").unlink()
    assert refusal(USERSYNC_TARGET="x").problems == (
        "USERSYNC_TARGET: there is no target `x`; no file names any",
    )


def test_a_variable_that_is_not_set_is_named(workdir: Path) -> None:
    """The variable is named with the ways to set it."""
    error = refusal(TWO_TARGETS, target="staging", STAGING_DB_URL="")
    assert error.problems == (
        "usersync.yaml:4: targets.staging: the environment variable STAGING_DB_URL is not set",
    )
    assert "export STAGING_DB_URL='postgresql://...'" in error.next_step


def test_local_reads_nothing_of_other_targets(workdir: Path) -> None:
    """--target local knows no SUPABASE_ variable, no target and no .env, yet the tables."""
    (workdir / "usersync.yaml").write_text(
        "targets: {local: {environment: nonsense}}\n" + PROFILE + "max_rows: 5\n"
    )
    environ = {"SUPABASE_DB_URL": "nonsense", "SUPABASE_URL": f"https://{REF}.supabase.co"}
    target = load(target_name="local", environ=environ)
    assert (target.name, target.environment, target.db_url) == ("local", "local", None)
    assert target.settings.max_rows == 5
    assert target.profiles[0].table == "a"
    assert refusal(target="local", env_file=".env").problems == (
        "`--target local` reads no `.env` file",
    )


def test_local_is_only_taken_when_asked_for(workdir: Path) -> None:
    """A variable that somebody forgot does not turn a run on production into a play."""
    assert refusal(USERSYNC_TARGET="local", SUPABASE_DB_URL=DIRECT).problems == (
        "USERSYNC_TARGET is `local`, which is only used when it is asked for",
    )


def test_local_is_never_pointed_elsewhere(workdir: Path) -> None:
    """The embedded database's target takes the URL of this machine and no other."""
    local = load(target_name="local", environ={})
    reached = with_url(local, "postgresql://postgres@/postgres?host=/tmp/sockets")
    assert reached.db_url is not None
    assert reached.is_local
    elsewhere = load(environ={"SUPABASE_DB_URL": LOOPBACK})
    for target, url in ((local, DIRECT), (local, "nonsense"), (elsewhere, LOOPBACK)):
        with pytest.raises(ConfigError):
            with_url(target, url)


@pytest.mark.parametrize(
    ("api", "url"),
    [
        (f"https://{OTHER_REF}.supabase.co", DIRECT),
        (f"https://{OTHER_REF}.supabase.co/", POOLER),
    ],
)
def test_two_projects_are_refused(api: str, url: str, workdir: Path) -> None:
    """Both doors of a target lead into the same project, or nothing starts."""
    assert refusal(SUPABASE_URL=api, SUPABASE_DB_URL=url).problems == (
        f"SUPABASE_URL leads to {OTHER_REF}, SUPABASE_DB_URL to {REF}: two projects",
    )


def test_a_local_api_beside_a_hosted_database_is_refused(workdir: Path) -> None:
    """The address of a local stack beside a production database is a mistake."""
    assert refusal(SUPABASE_URL="http://127.0.0.1:54321", SUPABASE_DB_URL=DIRECT).problems == (
        f"SUPABASE_URL leads to this machine, SUPABASE_DB_URL to {REF}: two projects",
    )


@pytest.mark.parametrize(
    ("api", "url"),
    [
        (f"https://{REF}.supabase.co", DIRECT),
        (f"https://{REF}.supabase.co/rest/v1", POOLER),
        ("https://api.example.com", DIRECT),
        ("http://127.0.0.1:54321", LOOPBACK),
        ("http://localhost:54321", LOOPBACK),
        ("", DIRECT),
    ],
)
def test_one_project_is_fine(api: str, url: str, workdir: Path) -> None:
    """The same project, or an address that names none, is no contradiction."""
    assert load(environ={"SUPABASE_URL": api, "SUPABASE_DB_URL": url}).name == "default"


# -- connection strings --------------------------------------------------------------------------

ENCODE = (
    "percent-encode special characters in the password (`@` is %40, `#` is %23, `/` is %2F, `?` "
    "is %3F, `%` is %25)"
)
SHAPE = "a connection string looks like postgresql://USER:PASSWORD@HOST:5432/postgres"

URL_FAULTS = {
    SECRET: f"is no connection string: {SHAPE}",
    f"host=db.x.co password={SECRET}": f"is no connection string: {SHAPE}",
    f"mysql://u:{SECRET}@h/db": f"is no Postgres connection string: {SHAPE}",
    f"https://{REF}.supabase.co": (
        "is a web address, not a connection string: copy the connection string from the dashboard "
        "of the project under Connect"
    ),
    f"postgresql+psycopg://u:{SECRET}@h/db": (
        "begins with `postgresql+psycopg://`, which is SQLAlchemy's form: write `postgresql://`"
    ),
    f"postgresql://postgres:[YOUR-PASSWORD]@db.{REF}.supabase.co:5432/postgres": (
        "still holds the placeholder for the password: put the real password there"
    ),
    f"postgresql://u:{SECRET}@x@h/db": f"cannot be read without doubt: {ENCODE}",
    f"postgresql://u:{SECRET}#x@h/db": f"cannot be read without doubt: {ENCODE}",
    f"postgresql://u:{SECRET}/x@h/db": f"cannot be read without doubt: {ENCODE}",
    f"postgresql://u:{SECRET}?x@h/db": f"cannot be read without doubt: {ENCODE}",
    f"postgresql://u:{SECRET} x@h/db": f"cannot be read without doubt: {ENCODE}",
    f"postgresql://u:{SECRET}%x@h/db": f"has a `%` that encodes nothing: {ENCODE}",
    f"postgresql://u@h:{SECRET}/db": f"has a port that is no number: {SHAPE}; {ENCODE}",
    f"postgresql://u:{SECRET}@h/db?pgbouncer=true": (
        "has the parameter `pgbouncer`, which Postgres does not know: remove it"
    ),
    "postgresql:///postgres": f"names no host: {SHAPE}",
    f"postgresql://u:{SECRET}@:5432/postgres": f"names no host: {SHAPE}",
    f"postgresql://u:{SECRET}@h/postgres?host=": f"names no host: {SHAPE}",
}


@pytest.mark.parametrize("url", URL_FAULTS)
def test_a_connection_string_that_is_none_is_refused(url: str, workdir: Path) -> None:
    """What is wrong with a connection string is said with the remedy and without the string."""
    assert refusal(SUPABASE_DB_URL=url).problems == (f"SUPABASE_DB_URL {URL_FAULTS[url]}",)


def test_strings_are_read_as_libpq_reads_them() -> None:
    """Whatever is not refused leads, for libpq too, to the very host that was judged."""
    chance = random.Random(11)
    pieces = [
        *("postgres", "localhost", "127.0.0.1", "db.x.co", "[::1]", "/tmp", "%2Ftmp", "5432", "x"),
        *("@", ":", "/", "?", "&", "=", ",", "host=", "hostaddr=", "user=", "port=", "%40", "%3A"),
        *("+", "#", " ", "[", "]", "%25", "?host=", "&host=", ":5432", "u:p@", "u@", ".", ";"),
    ]
    judged = 0
    for _ in range(20_000):
        url = "postgresql://" + "".join(chance.choices(pieces, k=chance.randint(1, 8)))
        if fault(url):
            continue
        try:
            theirs = Address.parse(url)
        except psycopg.ProgrammingError:
            continue
        ours = endpoint(url)
        judged += 1
        assert (ours.host, ours.hostaddr, ours.user) == (
            theirs.host,
            theirs.hostaddr,
            theirs.user,
        ), url
        assert (ours.is_loopback, ours.project_ref) == (theirs.is_loopback, theirs.project_ref)
    assert judged > 500


# -- the environment -----------------------------------------------------------------------------


def test_an_env_file_is_read_only_when_asked_for(workdir: Path) -> None:
    """`.env` counts with --env-file alone, and the process environment wins."""
    (workdir / ".env").write_text(
        f"# keys\nexport SUPABASE_DB_URL='{DIRECT}?options=$HOME'\nUSERSYNC_ENVIRONMENT=staging\n"
    )
    assert refusal().problems[0].startswith("there is no target")
    target = load(env_file=".env", environ={"USERSYNC_ENVIRONMENT": "preview", "HOME": "/x"})
    assert target.environment == "preview"
    assert target.db_url is not None
    assert target.db_url.get_secret_value() == f"{DIRECT}?options=$HOME"
    assert load(env_file=".env", environ={"USERSYNC_ENVIRONMENT": ""}).environment == "staging"


def test_an_env_file_that_cannot_be_read_is_refused(workdir: Path) -> None:
    """A missing file and a line that is no assignment are refusals, without the line."""
    assert refusal(env_file=".env").problems == (".env: there is no such file",)
    (workdir / ".env").write_text(f"A=1\nSUPABASE_DB_URL='{SECRET}\n")
    assert refusal(env_file=".env").problems == (".env:2: this line is no `NAME=value`",)
    (workdir / ".env").write_bytes(b"A=\xff\n")
    assert refusal(env_file=".env").problems == (".env: this is not UTF-8 text",)
    assert refusal(env_file=str(workdir)).problems == (
        f"{workdir}: cannot be read: Is a directory",
    )


def test_the_process_environment_is_the_default(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a mapping, the variables of the process count."""
    monkeypatch.setenv("SUPABASE_DB_URL", DIRECT)
    assert load().name == "default"
    monkeypatch.setenv("GITHUB_ACTOR", "mona")
    assert circumstances().actor == "mona"


def test_the_journal_learns_who_where_and_why() -> None:
    """On GitHub the run is linked; elsewhere the login name stands."""
    there = circumstances(
        {
            "CI": "true",
            "GITHUB_ACTOR": "mona",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "acme/app",
            "GITHUB_RUN_ID": "42",
            "USERSYNC_REASON": "ticket 7",
        }
    )
    assert there.actor == "mona"
    assert there.run_url == "https://github.com/acme/app/actions/runs/42"
    assert there.reason == "ticket 7"
    assert there.is_ci
    here = circumstances({"CI": "false"})
    assert here.actor
    assert (here.run_url, here.reason, here.is_ci) == ("", "", False)


# -- the reference -------------------------------------------------------------------------------


def test_the_reference_lists_everything() -> None:
    """Every setting and every variable is in the reference, with a meaning."""
    reference = reference_markdown()
    for name in VARIABLES:
        assert f"| `{name}` | " in reference
    for name in Settings.model_fields:
        assert f"| `{name}` | " in reference
    for name in ("schema", "key", "columns", "role.allowed"):
        assert f"| `profiles[].{name}` | " in reference
    assert "| `profiles[].schema` | text | `public` | Its schema. |" in reference
    assert "None" not in reference
    for line in reference.splitlines():
        assert line.count("|") in {0, 3, 5}, line


def test_models_can_be_written_in_python() -> None:
    """Tests and tools build the same objects without any YAML."""
    profile = ProfileTable(
        schema="app", table="members", key="id", columns={"mail": UserColumn("email")}
    )
    assert profile.name == "app.members(id)"
