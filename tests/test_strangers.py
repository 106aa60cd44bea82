"""Apps as other people write them: the tool works with their trigger, and changes nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app import App, counts
from tests.migrated import applied, plan, states, triggers
from usersync import config

STRANGERS = sorted((Path(__file__).parent / "strangers").glob("*.sql"))

#: Every row of every table of the app and of the Auth server, as text.
TABLES = """
select format('%I.%I', n.nspname, c.relname) as name
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in
    ('pg_catalog', 'information_schema', 'usersync', 'pg_toast', 'auth')
    and n.nspname !~ '^pg_' or c.oid = 'auth.users'::regclass
order by 1
"""


@dataclass(frozen=True)
class Stranger:
    """One app with its data: five users with profiles, four whose profiles are gone."""

    app: App
    schema: str
    table: str
    key: str
    fires: tuple[str, ...]
    fails: int
    unsure: bool
    missing: tuple[str, ...]

    @property
    def name(self) -> str:
        """The table as SQL has it."""
        return f'"{self.schema}"."{self.table}"'


def dump(app: App) -> dict[str, set[str]]:
    """All rows that are there."""
    return {
        row["name"]: {
            one["line"] for one in app.rows(f"select t::text as line from {row['name']} as t")
        }
        for row in app.rows(TABLES)
    }


def head(text: str, key: str) -> str:
    """What the head of a stranger's file says of one thing."""
    found = re.search(rf"^-- (?:.*, )?{key}: ([^,\n]+)", text, re.MULTILINE)
    return found[1] if found else ""


@pytest.fixture(params=STRANGERS, ids=[path.stem for path in STRANGERS])
def stranger(request: pytest.FixtureRequest, app: App) -> Stranger:
    """The app of a file in tests/strangers."""
    text = request.param.read_text(encoding="utf-8")
    app.rows(text)
    schema, _, table = head(text, "table").partition(".")
    key = head(text, "key")
    app.configure(
        f'profiles: [{{schema: "{schema}", table: "{table}", key: "{key}"}}]\n'
        "targets: {app: {environment: staging, db_url_env: SUPABASE_DB_URL}}\n"
    )
    ids = [
        app.user(
            email=f"user-{number}@example.com",
            raw_user_meta_data={"full_name": f"N{number}", "name": f"N{number}"},
        )
        for number in (*range(2, 7), 1, 7, 8, 9)
    ]
    missing = tuple(ids[5:])
    app.rows(
        f'delete from "{schema}"."{table}" where "{key}" = any (%(ids)s::uuid[])', ids=list(missing)
    )
    fires = head(text, "fires")
    return Stranger(
        app,
        schema,
        table,
        key,
        tuple(filter(None, [fires])),
        int(head(text, "fails") or 0),
        bool(head(text, "sign-ups")),
        missing,
    )


def test_nothing_changes_but_the_profiles_that_were_missing(stranger: Stranger) -> None:
    """From status to sync, the app's function makes what is missing, and no more is touched."""
    app = stranger.app
    before = dump(app)
    assert app.status().missing == 4
    run, planned = app.plan()
    assert planned.rows == 4
    assert planned.columns[0].endswith("as at a sign-up")
    guarded = {guard.name for guard in planned.guards}
    assert guarded == ({"trigger"} if stranger.fires else set())
    if stranger.fires:
        assert app.sync().exit_code == 4
    rehearsed = app.rehearsed(fire_triggers=stranger.fires)
    assert dump(app) == before
    made = 4 - stranger.fails
    expected = {"created": made, "failed": stranger.fails, "already_there": 0, "gone": 0}
    assert counts(rehearsed) == expected
    run = app.sync(approve=planned.digest, fire_triggers=stranger.fires)
    summary = run.tables[0].summary
    assert summary is not None, run.error
    assert counts(summary) == expected
    assert run.exit_code == (2 if stranger.fails else 0)
    assert app.status().missing == stranger.fails
    after = dump(app)
    assert {name: rows - after[name] for name, rows in before.items()} == {
        name: set() for name in before
    }
    new = {name: len(after[name] - rows) for name, rows in before.items() if after[name] != rows}
    side = {
        "workspace": {"public.workspaces": made, "public.memberships": made},
        "queues_mail": {"public.mail_queue": made},
    }
    table = stranger.app.one("select %(name)s::regclass::text", name=stranger.name)
    qualified = table if "." in table else f"public.{table}"
    kind = next((kind for kind, names in side.items() if names.keys() <= before.keys()), "")
    assert new == {qualified: made} | side.get(kind, {})


def test_a_repaired_profile_equals_a_signed_up_one(stranger: Stranger) -> None:
    """What the function makes for a missing user is what it makes for one who signs up."""
    app = stranger.app
    told = stranger.missing[-1]
    app.sync(fire_triggers=stranger.fires)
    ignored = ["id", stranger.key, "created_at", "createdAt", "joined_at", "updated_at"]
    query = (
        f"select to_jsonb(p) - %(ignored)s::text[] as row from {stranger.name} as p"
        f' where "{stranger.key}" = %(id)s'
    )
    repaired = app.one(query, id=told, ignored=ignored)
    email = "user-9@example.com"
    app.rows("delete from auth.users where id = %(id)s", id=told)
    app.rows(f'delete from {stranger.name} where "{stranger.key}" = %(id)s', id=told)
    again = app.user(email=email, raw_user_meta_data={"full_name": "N9", "name": "N9"})
    assert repaired == app.one(query, id=again, ignored=ignored)


def test_what_init_proposes_holds(stranger: Stranger) -> None:
    """The file that init proposes can be read, keeps their trigger, and finds who is missing."""
    app = stranger.app
    app.rows("drop table public.user_profiles cascade")
    looked = app.run("init.look", task="init")
    assert looked.exit_code == 0, looked.error
    settings = config.read_text(looked.statements).settings
    (profile,) = settings.profiles
    assert (profile.schema_name, profile.table) == (stranger.schema, stranger.table)
    assert profile.key == stranger.key
    assert settings.trigger == "keep"
    assert profile.create == ("columns" if stranger.fails else "own_function")
    app.configure(looked.statements)
    assert app.status().missing == 4
    run, planned = app.plan()
    assert planned.rows == 4, run.error
    assert {guard.name for guard in planned.guards} == ({"trigger"} if stranger.fires else set())
    rehearsed = app.rehearsed(fire_triggers=stranger.fires)
    assert (rehearsed.created, rehearsed.failed) == (4 - stranger.fails, stranger.fails)
    verified = app.run("migration.verify", task="migration.verify")
    assert not any("migration.apply" in step for step in verified.next_steps)


def test_their_trigger_is_judged_kept_and_paused(stranger: Stranger) -> None:
    """Verify proposes no second writer, apply and pause leave their trigger as it is."""
    app = stranger.app
    theirs = triggers(app)
    verified = app.run("migration.verify", task="migration.verify")
    assert verified.exit_code in (0, 2), verified.error
    found = {check.check for check in verified.checks if check.count}
    assert not found & {"two_writers", "sign_up_trigger_missing", "sign_up_function_broken"}
    assert not any("migration.apply" in step for step in verified.next_steps)
    pending = plan(app)
    assert "0006_sign_up" not in states(pending)
    applied(app)
    assert triggers(app) == theirs
    canary = app.run("migration.test", task="migration.test", allow=())
    told = {step.status for step in canary.steps}
    assert "failed" not in told, canary.steps
    assert ("unknown" in told) == stranger.unsure, canary.steps
    definition = definitions(app)
    paused = app.run("migration.pause", task="migration.pause", function=None)
    assert paused.exit_code == 0, paused.error
    assert definitions(app) != definition
    assert app.user()
    again = app.run("migration.verify", task="migration.verify")
    assert again.paused
    assert not any("migration.apply" in step for step in again.next_steps)
    stopped = app.sync(fire_triggers=stranger.fires)
    assert stopped.exit_code == 3, stopped.error
    assert "is paused" in stopped.error
    resumed = app.run("migration.resume", task="migration.resume", function=None, allow=())
    assert resumed.exit_code == 0, resumed.error
    assert definitions(app) == definition
    assert triggers(app) == theirs


def definitions(app: App) -> list[Any]:
    """The functions behind sign-ups."""
    return app.rows(
        "select pg_get_functiondef(tgfoid) as text from pg_trigger"
        " where tgrelid = 'auth.users'::regclass and not tgisinternal"
    )
