"""What linters say of what the migration installs: squawk, Supabase's own rules, and ours.

squawk reads the statements before they run; the others read the catalog afterwards. Whatever is
let pass is named here, one by one, each with its reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import npm
from tests.app import App
from tests.conftest import Database
from tests.migrated import applied
from usersync import config
from usersync.backends.catalog import Direction
from usersync.backends.postgres import ledger
from usersync.sql import changes

LINTERS = Path(__file__).with_name("linters")
CONDITIONS = LINTERS / "conditions"

CREATED = """
profiles:
  - table: members
    key: id
    columns: {email: email, joined_at: created_at, plan: {literal: free}}
    follow: [email]
"""

#: usersync.yaml of three apps: nothing configured, a table that usersync makes, the quick start's.
APPS = {
    "default": "",
    "created": CREATED,
    "quick start": "profiles: [{table: profiles, key: id, columns: {username: email}}]",
}

#: The rules of squawk that are let pass: in which texts, and why.
SQUAWK_EXCLUDED = {
    # Dropping what apply made is what a revert is; consent is asked for what is lost.
    "ban-drop-table": " revert",
    # As above; who calls the functions is usersync itself.
    "ban-drop-function": " revert",
    # The one integer is an exit code, from 0 to 7.
    "prefer-bigint-over-int": "0002_journal apply",
}

#: The rules of Supabase's linter that are let pass.
SUPABASE_EXCLUDED = {
    # Of indexes made a moment ago: nothing has been looked up in them yet.
    "splinter/performance/unusedIndex",
}

#: What each condition under ``linters/conditions`` is seen to find.
BREAKAGES = {
    "auth_rls_initplan": (
        "create policy slow on public.members for insert to anon with check (auth.uid() = id)"
    ),
    "auth_users_exposed": (
        "create view public.usersync_users as select u.id from auth.users as u;"
        " grant select on public.usersync_users to anon"
    ),
    "duplicate_index": "create index twice on usersync.failures (user_id)",
    "fkey_to_auth_unique": (
        "alter table usersync.journal add phone text references auth.users (phone)"
    ),
    "function_search_path_mutable": "alter function public.usersync_status reset search_path",
    "multiple_permissive_policies": (
        "create policy twice on public.members to authenticated using (false)"
    ),
    "no_primary_key": "alter table usersync.ledger drop constraint ledger_pkey",
    "rls_disabled": "alter table usersync.before_images disable row level security",
    "rls_enabled_no_policy": "drop policy nobody on usersync.failures",
    "rls_policy_always_true": "create policy open on public.members for update using (true)",
    "rls_references_user_metadata": (
        "create policy trusting on public.members for delete"
        " using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin')"
    ),
    "security_definer_function_executable": (
        "grant execute on function usersync.on_auth_user_created to authenticated"
    ),
    "unindexed_foreign_keys": (
        "alter table usersync.journal add user_id uuid references auth.users"
    ),
}


@pytest.mark.parametrize("name", APPS)
def test_squawk_finds_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In no change of no app does squawk find what is not let pass, neither way."""
    found = {
        f"{where}: {rule}"
        for where, rule in lint_app(name, tmp_path, monkeypatch)
        if rule not in SQUAWK_EXCLUDED or not where.endswith(SQUAWK_EXCLUDED[rule])
    }
    assert found == set()


def test_squawk_is_not_excused_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule that is let pass would find something."""
    found = {rule for _, rule in lint_app("created", tmp_path, monkeypatch)}
    assert found >= set(SQUAWK_EXCLUDED)


def test_squawk_finds_what_is_bad() -> None:
    """A statement that rewrites a busy table under a lock without a limit is found."""
    found = squawk("alter table public.profiles alter column username type varchar(80);")
    assert {"changing-column-type", "prefer-text-field", "require-lock-timeout"} <= found


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_supabase_finds_nothing(app: App, database: Database, supabase_linter: Path) -> None:
    """The migration adds nothing to what Supabase's linter finds, in both grant regimes."""
    exposed(database)
    app.configure(CREATED)
    before = advised(supabase_linter, database)
    applied(app, create_table=True)
    added = advised(supabase_linter, database) - before
    assert {finding for finding in added if finding[0] not in SUPABASE_EXCLUDED} == set()
    assert {rule for rule, _ in added} == SUPABASE_EXCLUDED


@pytest.mark.parametrize("grants", ["legacy"])
def test_supabase_finds_what_is_bad(app: App, database: Database, supabase_linter: Path) -> None:
    """What is broken on purpose is found by Supabase's linter."""
    exposed(database)
    app.configure(CREATED)
    applied(app, create_table=True)
    before = advised(supabase_linter, database)
    for breakage in BREAKAGES.values():
        app.rows(breakage)
    app.rows("create table public.usersync_open ()")
    found = {rule.rpartition("/")[2] for rule, _ in advised(supabase_linter, database) - before}
    assert found >= {
        "authRlsInitplan",
        "authUsersExposed",
        "duplicateIndex",
        "fkeyToAuthUnique",
        "functionSearchPathMutable",
        "multiplePermissivePolicies",
        "noPrimaryKey",
        "policyExistsRlsDisabled",
        "rlsDisabledInPublic",
        "rlsEnabledNoPolicy",
        "rlsPolicyAlwaysTrue",
        "rlsReferencesUserMetadata",
        "securityDefinerView",
        "unindexedForeignKeys",
    }


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_no_condition_is_met(app: App) -> None:
    """None of the linter's conditions is met by anything of ours, in both grant regimes."""
    app.configure(CREATED)
    applied(app, create_table=True)
    met = {name: app.rows(condition(name)) for name in BREAKAGES}
    assert {name: rows for name, rows in met.items() if rows} == {}


def test_every_condition_can_be_met(app: App) -> None:
    """Every condition finds what was broken for it, and none is without such a case."""
    assert set(BREAKAGES) == {path.stem for path in CONDITIONS.glob("*.sql")}
    app.configure(CREATED)
    applied(app, create_table=True)
    for name, breakage in BREAKAGES.items():
        app.rows(breakage)
        assert app.rows(condition(name)) != [], name


@pytest.fixture(scope="session")
def supabase_linter() -> Path:
    """The program that runs the rules of Supabase's linter, installed by npm when missing.

    Without node or the registry there is nothing to run; on CI that is a failure.
    """
    return npm.installed(LINTERS, ".bin/postgres-language-server")


def advised(linter: Path, database: Database) -> set[tuple[str, str]]:
    """What Supabase's linter finds: rule and message."""
    # It wants a host before the slash, and then reads the directory of the socket like everybody.
    directory = database.url.partition("?host=")[2].partition("&")[0]
    url = f"postgresql://postgres@localhost/{database.name}?host={directory}"
    options = ["--connection-string", url, "--reporter=json", "--max-diagnostics=none"]
    report = json_of([str(linter), "dblint", *options])
    return {(one["category"], one["message"]) for one in report["diagnostics"]}


def exposed(database: Database) -> None:
    """Say which schema the API serves, as PostgREST does: most rules look at no other."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(
            f"alter database {database.name} set pgrst.db_schemas = 'public'".encode()
        )


def condition(name: str) -> str:
    """The query of one condition."""
    return (CONDITIONS / f"{name}.sql").read_text(encoding="utf-8")


def lint_app(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """What squawk finds in all changes of an app, each way: the text and the rule."""
    monkeypatch.chdir(tmp_path)
    Path("usersync.yaml").write_text(APPS[name], encoding="utf-8")
    target = config.load(environ={"SUPABASE_DB_URL": "postgresql://postgres@localhost/app"})
    shapes = [
        changes.Shape(table, changes.new_column_types(table), made=name == "created")
        for table in target.profiles
    ]
    directions: tuple[Direction, ...] = ("apply", "revert")
    return {
        (f"{change.name} {direction}", rule)
        for change in changes.render(target.settings, shapes)
        for direction in directions
        for rule in squawk(ledger.text(target.settings, change, direction))
    }


@cache
def squawk(text: str) -> frozenset[str]:
    """The rules of squawk that a text breaks, as one transaction on the oldest Postgres."""
    program = Path(sys.executable).with_name("squawk")
    arguments = ["--assume-in-transaction", "--pg-version=15", "--reporter=json"]
    optional = ["--include=require-table-schema"]
    findings = json_of([str(program), *arguments, *optional, "--stdin-filepath=text.sql"], text)
    return frozenset(finding["rule_name"] for finding in findings)


def json_of(command: list[str], text: str = "") -> Any:
    """What a linter prints; it exits with 1 when it finds something."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
