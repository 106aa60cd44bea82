"""Apps as other people write them: the tool works with their trigger, and changes nothing else."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.conftest import Database
from tests.load import PER_SECOND, load
from tests.migrated import applied, plan, states, triggers
from tests.program import called
from tests.test_live_load import LONGEST_WAIT_S
from usersync import config, local
from usersync.local import programs

FILES = Path(__file__).parent / "strangers"
STRANGERS = sorted(path.stem for path in FILES.glob("*.sql"))


#: Every table of the app and of the platform.
TABLES = """
select format('%I.%I', n.nspname, c.relname) as name
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and n.nspname not in ('information_schema', 'usersync')
    and n.nspname !~ '^pg_'
order by 1
"""

#: Every sequence, with the table whose rows are counted by it.
SEQUENCES = """
select format('%I.%I', s.schemaname, s.sequencename) as name,
    coalesce(d.refobjid::regclass::text, '') as of_table, s.last_value
from pg_sequences as s
left join pg_depend as d on d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
    and d.objid = format('%I.%I', s.schemaname, s.sequencename)::regclass and d.refobjsubid > 0
order by 1
"""

#: Rows that a new profile brings with it: their tables, and whose each is.
SIDE_ROWS = {
    "workspace": {"public.workspaces": "owner_id", "public.memberships": "user_id"},
    "queues_mail": {"public.mail_queue": "split_part(recipient, '@', 1)"},
}


@dataclass(frozen=True)
class Stranger:
    """One app with its data: five users with profiles, four whose profiles are gone."""

    app: App
    file: str
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

    @property
    def regular_name(self) -> str:
        """The same, quoted only where it must be."""
        return str(
            self.app.one(
                "select format('%%I.%%I', %(s)s::text, %(t)s::text)", s=self.schema, t=self.table
            )
        )


def dump(app: App) -> dict[str, Counter[str]]:
    """All rows that are there."""
    return {
        row["name"]: Counter(
            one["line"] for one in app.rows(f"select t::text as line from {row['name']} as t")
        )
        for row in app.rows(TABLES)
    }


def schema_of(database: Database, binaries: Path) -> str:
    """All definitions, settings and roles, as Postgres's own programs print them."""
    text = programs.run(binaries / "pg_dump", "--schema-only", "--create", database.admin_url)
    text += programs.run(
        binaries / "pg_dumpall", "--roles-only", "--no-role-passwords", "-d", database.admin_url
    )
    # Newer ones guard their output by a word that is another one each time.
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


def moved(app: App, before: list[dict[str, Any]]) -> set[str]:
    """The tables whose sequences have gone on; no sequence may come, go or go back."""
    after = app.rows(SEQUENCES)
    assert [one["name"] for one in after] == [one["name"] for one in before]
    pairs = list(zip(before, after, strict=True))
    assert all((now["last_value"] or 0) >= (was["last_value"] or 0) for was, now in pairs)
    return {now["of_table"] for was, now in pairs if now != was}


def head(text: str, key: str) -> str:
    """What the head of a stranger's file says of one thing."""
    found = re.search(rf"^-- (?:.*, )?{key}: ([^,\n]+)", text, re.MULTILINE)
    return found[1] if found else ""


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, app: App) -> Stranger:
    """The app of a file in tests/strangers."""
    text = (FILES / f"{request.param}.sql").read_text(encoding="utf-8")
    app.rows("drop table public.user_profiles cascade")
    app.rows(text)
    schema, _, table = head(text, "table").partition(".")
    key = head(text, "key")
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
    return Stranger(
        app,
        request.param,
        schema,
        table,
        key,
        tuple(filter(None, [head(text, "fires")])),
        int(head(text, "fails") or 0),
        bool(head(text, "sign-ups")),
        missing,
    )


@pytest.fixture
def configured(stranger: Stranger) -> Stranger:
    """The same, with a file that says no more than which table."""
    stranger.app.configure(
        f'profiles: [{{schema: "{stranger.schema}", table: "{stranger.table}",'
        f' key: "{stranger.key}"}}]\n'
        "targets: {app: {environment: staging, db_url_env: SUPABASE_DB_URL}}\n"
    )
    return stranger


#: Nothing ties its profiles to their users; a user who becomes permanent later gets none.
FINDINGS = {"another_schema", "own_id"}


@dataclass(frozen=True)
class Operator:
    """Somebody at a terminal, with the file that ``init`` wrote."""

    stranger: Stranger

    def types(self, *words: str, code: int = 0) -> str:
        """A command, which ends as expected; what it prints."""
        done = called(*words)
        assert done.returncode == code, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def fills(self, code: int = 0) -> None:
        """Read the plan, try it, do exactly it."""
        allowed = [word for name in self.stranger.fires for word in ("--fire-trigger", name)]
        digest = digest_in(self.types("sync", "--dry-run", code=2))
        if allowed:
            assert " ".join(allowed) in self.types("sync", "--approve", digest, code=4)
        self.types("sync", "--rehearse", *allowed, code=2)
        self.types("sync", "--approve", digest, *allowed, code=code)

    def leaves(self) -> None:
        """Take everything out again."""
        digest = digest_in(self.types("uninstall", "--dry-run", code=2))
        self.types("uninstall", "--approve", digest)


def digest_in(printed: str) -> str:
    """What a dry run says to approve it by."""
    found = re.search(r"^Digest: (\S+)", printed, re.MULTILINE)
    assert found, printed
    return found[1]


def whole_way(stranger: Stranger) -> Iterator[str]:
    """From the first look to the last trace, step by step, each as it is typed."""
    operator = Operator(stranger)
    left = 2 if stranger.fails else 0
    operator.types("init", "--action", f"acme/usersync@{'7' * 40}")
    yield "init"
    operator.types("status", code=2)
    yield "status"
    operator.fills(left)
    yield "sync"
    operator.types("status", code=left)
    # Findings: rights that are missing or too many.
    assert "two_writers" not in operator.types("migration.verify", code=2)
    found = 2 if stranger.file in FINDINGS else 0
    operator.types("migration.test", code=1 if stranger.unsure else found)
    yield "test"
    operator.types("migration.pause")
    yield "pause"
    operator.types("migration.resume")
    yield "resume"
    operator.types("migration.apply", "--yes")
    yield "apply"
    operator.leaves()
    yield "uninstall"


def test_from_init_to_uninstall_nothing_changes_but_what_was_missing(
    stranger: Stranger, database: Database, binaries: Path
) -> None:
    """Rows and definitions are as before, apart from the profiles that were missing."""
    app = stranger.app
    schema, before = schema_of(database, binaries), dump(app)
    counters = app.rows(SEQUENCES)
    after: dict[str, Counter[str]] = {}
    for step in whole_way(stranger):
        rows = dump(app)
        if step in ("init", "status"):
            assert rows == before, step
        elif step == "sync":
            after = rows
        else:
            assert rows == after, step
    assert schema_of(database, binaries) == schema
    assert not any(rows - after[name] for name, rows in before.items())
    made = 4 - stranger.fails
    side = SIDE_ROWS.get(stranger.file, {})
    assert {name: rows.total() for name, rows in after.items() if rows != before[name]} == {
        name: before[name].total() + made for name in (stranger.regular_name, *side)
    }
    # Only those go on that count what was made.
    assert moved(app, counters) <= {
        name.removeprefix("public.") for name in (stranger.regular_name, *side)
    }


#: An app that has one of each thing that may be changed.
PREPARED = """
create sequence public.numbers;
create function public.theirs() returns trigger language plpgsql as 'begin return new; end';
create trigger theirs before update on public.user_profiles
    for each row execute function public.theirs();
create publication theirs for table public.user_profiles;
create statistics public.theirs on email, role from public.user_profiles;
create materialized view public.counted as select 1 as n;
insert into public.user_profiles (user_id) select id from auth.users;
"""
CHANGED = {
    "a right": "grant insert on public.user_profiles to anon",
    "a right that may be passed on": (
        "grant select on public.user_profiles to authenticated with grant option"
    ),
    "a right that is gone": "revoke select on public.user_profiles from authenticated",
    "a right on a column": "grant update (email) on public.user_profiles to authenticated",
    "a right on a function": "revoke execute on function public.theirs() from public",
    "a right on a schema": "grant create on schema public to anon",
    "a right on a sequence": "grant usage on sequence public.numbers to anon",
    "a right of tables to come": (
        "alter default privileges for role postgres in schema public grant select on tables to anon"
    ),
    "an owner": "alter table public.user_profiles owner to supabase_admin",
    "an owner of a function": "alter function public.theirs() owner to supabase_admin",
    "a comment on a table": "comment on table public.user_profiles is 'x'",
    "a comment on a column": "comment on column auth.users.email is 'x'",
    "a comment on a trigger": "comment on trigger theirs on public.user_profiles is 'x'",
    "a comment on a schema": "comment on schema public is 'x'",
    "a trigger's state": "alter table public.user_profiles disable trigger theirs",
    "a trigger": (
        "create trigger more after insert on auth.users"
        " for each row execute function public.theirs()"
    ),
    "a function's body": (
        "create or replace function public.theirs() returns trigger language plpgsql"
        " as 'begin return old; end'"
    ),
    "a function's setting": "alter function public.theirs() set search_path = ''",
    "a function's security": "alter function public.theirs() security definer",
    "a publication": "alter publication theirs drop table public.user_profiles",
    "a policy": 'alter policy "own row" on public.user_profiles using (true)',
    "row security": "alter table public.user_profiles disable row level security",
    "row security of the owner": "alter table public.user_profiles force row level security",
    "a default": "alter table public.user_profiles alter role set default 'admin'",
    "a required value": "alter table public.user_profiles alter is_active drop not null",
    "a constraint": "alter table public.user_profiles add constraint c check (true) not valid",
    "an index": "create index more on auth.users (created_at)",
    "a statistics target": "alter table public.user_profiles alter email set statistics 7",
    "extended statistics": "alter statistics public.theirs set statistics 7",
    "the identity of replicas": "alter table public.user_profiles replica identity full",
    "a storage parameter": "alter table public.user_profiles set (fillfactor = 70)",
    "a type": "create type public.more as enum ('x')",
    "a schema": "create schema more",
    "an event trigger": (
        "create function public.seen() returns event_trigger language plpgsql as 'begin end';"
        "create event trigger more on ddl_command_end execute function public.seen()"
    ),
    "a setting of the database": "alter database {database} set work_mem = 7000",
    "a setting of a role here": "alter role anon in database {database} set work_mem = 7000",
    "a setting of a role": "alter role anon set work_mem = 7000",
    "a role's membership": "grant service_role to anon",
    "a row of the platform": "update auth.users set raw_app_meta_data = '{{}}'",
    "a row of the app": "update public.user_profiles set role = 'admin'",
    "rows of a materialized view": (
        "drop materialized view public.counted; create materialized view public.counted as"
        " select 2 as n; alter materialized view public.counted owner to postgres"
    ),
    "a sequence": "select nextval('public.numbers')",
}
#: What undoes it where it is not of this database alone.
UNDONE = {
    "a setting of a role": "alter role anon reset work_mem",
    "a role's membership": "revoke service_role from anon",
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_is_compared_would_see_it(
    app: App, database: Database, binaries: Path, what: str
) -> None:
    """Whatever a tool could leave behind makes a difference between before and after."""
    app.user()
    app.rows(PREPARED)

    def taken() -> tuple[object, ...]:
        return schema_of(database, binaries), dump(app), app.rows(SEQUENCES)

    before = taken()
    assert taken() == before
    local.run_statement(database.admin_url, CHANGED[what].format(database=database.name))
    try:
        assert taken() != before
    finally:
        local.run_statement(database.admin_url, UNDONE.get(what, "select"))


@pytest.mark.any_postgres
def test_the_same_while_people_sign_up(
    stranger: Stranger, database: Database, binaries: Path
) -> None:
    """Nobody fails or waits long, each has one profile and what belongs to it; the rest stays."""
    app = stranger.app
    schema, before = schema_of(database, binaries), dump(app)
    signing_in = [app.user() for _ in range(50)]
    with load(database, signing_in) as told:
        for step in whole_way(stranger):
            if step != "uninstall":  # which comes last, and begins here
                began_s = time.monotonic()
            if step == "pause":
                time.sleep(0.5)
            if step == "resume":  # whoever came meanwhile
                Operator(stranger).fills(2 if stranger.fails else 0)
    assert [sign for sign in told if sign.error] == []
    assert max(sign.took_s for sign in told) <= LONGEST_WAIT_S
    signed_up = {sign.user for sign in told if sign.kind == "sign-up"}
    assert len(signed_up) > PER_SECOND
    assert max(sign.ended_s for sign in told) > began_s, "the load ended before the last step"
    assert schema_of(database, binaries) == schema
    after = dump(app)
    assert not any(rows - after[name] for name, rows in before.items())
    profiles = {stranger.name: f'"{stranger.key}"'}
    for name, owner in (profiles | SIDE_ROWS.get(stranger.file, {})).items():
        owners = Counter(row["id"] for row in app.rows(f"select {owner}::text as id from {name}"))
        assert {user: owners[user] for user in signed_up} == dict.fromkeys(signed_up, 1), name
    assert app.one(f"select count(*) from {stranger.name}") + stranger.fails == app.one(
        "select count(*) from auth.users"
    )


def test_a_repaired_profile_equals_a_signed_up_one(configured: Stranger) -> None:
    """What the function makes for a missing user is what it makes for one who signs up."""
    stranger, app = configured, configured.app
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


def test_what_init_proposes_says_who_makes_the_profiles(stranger: Stranger) -> None:
    """The file names their table, keeps their trigger, and lets it fill where it can tell."""
    looked = stranger.app.run("init.look", task="init")
    assert looked.exit_code == 0, looked.error
    settings = config.read_text(looked.statements).settings
    (profile,) = settings.profiles
    assert (profile.schema_name, profile.table) == (stranger.schema, stranger.table)
    assert profile.key == stranger.key
    assert settings.trigger == "keep"
    assert profile.create == ("columns" if stranger.fails else "own_function")


@pytest.mark.any_postgres
def test_the_first_runbook_is_about_their_table(stranger: Stranger, workdir: Path) -> None:
    """What ``init`` writes to begin with can be run and drilled as it is."""
    operator = Operator(stranger)
    operator.types("init", "--action", f"acme/usersync@{'7' * 40}")
    check = (workdir / "runbooks/checks/our-first-runbook.sql").read_text()
    if stranger.file in ("own_id", "realtime"):
        told = (workdir / "runbooks/our-first-runbook.yaml").read_text()
        assert "No profile table of usersync.yaml copies a text of the user" in told
        assert "from public.user_profiles as p\n" in check
        return
    assert re.search(rf'from "?{stranger.schema}"?\."?{stranger.table}"? as p\n', check)
    column = re.findall(r"nullif\(p\.(\S+), ''\)", check)[0]
    operator.types("runbook.run", "our-first-runbook")
    stranger.app.rows(f"update {stranger.name} set {column} = 'kept' where {column} = ''")
    operator.types("runbook.drill", "our-first-runbook")


def test_their_trigger_is_judged_kept_and_paused(configured: Stranger) -> None:
    """Verify proposes no second writer, apply and pause leave their trigger as it is."""
    stranger, app = configured, configured.app
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


def disabled(stranger: Stranger, database: Database) -> None:
    """Their trigger switched off, as only its owner can."""
    (name,) = triggers(stranger.app)
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(f'alter table auth.users disable trigger "{name}"')


def paused(stranger: Stranger, _: Database) -> None:
    """Their function paused."""
    run = stranger.app.run("migration.pause", task="migration.pause", function=None)
    assert run.exit_code == 0, run.error


def renamed(stranger: Stranger, _: Database) -> None:
    """A column of their table has another name."""
    column = stranger.app.one(
        "select attname from pg_attribute where attrelid = %(table)s::regclass and attnum > 0"
        " and attname not in (%(key)s, 'id') and attname not like '%%\\_at'"
        " order by attnum limit 1",
        table=stranger.name,
        key=stranger.key,
    )
    stranger.app.rows(f'alter table {stranger.name} rename "{column}" to other_name')


STATES = {"as it is": None, "disabled": disabled, "paused": paused, "renamed": renamed}


@pytest.mark.parametrize("broken", STATES.values(), ids=STATES)
def test_no_advice_would_make_a_second_writer(
    configured: Stranger,
    database: Database,
    broken: Callable[[Stranger, Database], None] | None,
) -> None:
    """Whatever is wrong with their trigger, no line proposes ours beside it, or what is refused."""
    app = configured.app
    if broken:
        broken(configured, database)
    runs = [
        app.run("doctor", task="doctor"),
        app.run("migration.verify", task="migration.verify"),
        app.run("migration.test", task="migration.test", allow=()),
    ]
    advice = [
        text
        for run in runs
        for text in (
            *run.next_steps,
            *(step.next_step for step in run.steps),
            *(check.remedy for check in run.checks if check.count),
        )
    ]
    assert [text for text in advice if "migration.apply" in text] == []
    tested = {step.next_step for step in runs[-1].steps if step.status == "finding"}
    assert (broken is paused) == any("migration.resume" in text for text in tested)
    if broken is paused:
        assert not any("security definer" in text for text in advice)


def definitions(app: App) -> list[Any]:
    """The functions behind sign-ups."""
    return app.rows(
        "select pg_get_functiondef(tgfoid) as text from pg_trigger"
        " where tgrelid = 'auth.users'::regclass and not tgisinternal"
    )
