"""The app's sign-up function at its worst: as at a sign-up, or refused, or failed and named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.app import App, counts, summary_of
from tests.conftest import Database
from usersync.model import Run
from usersync.sync import SyncOptions

#: Who lacks a profile at first, and signs up afterwards.
USERS = tuple(f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 6))

INSERT = "insert into public.user_profiles (user_id, email) values (new.id, new.email);"
AFTER = "after insert on auth.users for each row"
BEFORE = "before insert on auth.users for each row"

#: Every table that a function may write.
TABLES = """
select format('%I.%I', n.nspname, c.relname) as name
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname = 'public'
    or c.oid in ('auth.users'::regclass, 'auth.identities'::regclass)
order by 1
"""


def function(body: str, trigger: str = AFTER, name: str = "handle", rights: str = "definer") -> str:
    """A function of an app, and its trigger."""
    return f"""
        create function public.{name}() returns trigger language plpgsql security {rights}
        as $body$ {body} $body$;
        create trigger {name} {trigger} execute function public.{name}();
    """


def made(body: str, trigger: str = AFTER, name: str = "handle", rights: str = "definer") -> str:
    """The same of a few statements that lead to the end."""
    return function(f"begin {body} return new; end", trigger, name, rights)


def told(value: str) -> str:
    """A function that writes down what it hears."""
    return made(
        "insert into public.user_profiles (user_id, email)"
        f" values (new.id, coalesce({value}, '-'));"
    )


#: What comes to the same rows, long after a sign-up as at one.
SAME = {
    "it returns null": function(f"begin {INSERT} return null; end"),
    "it overwrites its own": made(
        f"{INSERT[:-1]} on conflict (user_id) do update set email = excluded.email;"
    ),
    "it asks auth.uid()": told("auth.uid()::text || auth.role() || auth.jwt()::text"),
    "it reads the claims": told("current_setting('request.jwt.claims', true)"),
    "it needs auth.uid()": made("insert into public.user_profiles (user_id) values (auth.uid());"),
    "it asks for its owner": told("current_user::text"),
    "it knows where it is": told(
        "pg_trigger_depth() || tg_name || tg_op || tg_when || tg_level || tg_nargs"
    ),
    "times of another zone": """
        do $$ begin
            execute format('alter database %I set timezone to ''Asia/Tokyo''', current_database());
            execute format('alter role postgres in database %I set timezone to ''Asia/Kabul''',
                current_database());
        end $$;
    """
    + told("current_setting('timezone') || new.created_at::text"),
    "constraints that wait": """
        create table public.workspaces (
            id uuid primary key,
            owner_id uuid references public.user_profiles deferrable initially deferred
        );
    """
    + made(
        "insert into public.workspaces values (new.id, new.id);"
        f" if new.email = 'n2@example.com' then raise exception 'no'; end if; {INSERT}"
    ),
    "two triggers that both write": made(
        "insert into public.user_profiles (user_id) values (new.id);", name="first_one"
    )
    + made(
        "update public.user_profiles set email = new.email where user_id = new.id;", name="second"
    ),
    "a constraint trigger that waits": made(
        INSERT, "after insert on auth.users deferrable initially deferred for each row"
    ).replace("create trigger", "create constraint trigger"),
    "a condition": made(INSERT, f"{AFTER} when (new.email <> 'n2@example.com')"),
    "a trigger for each statement": function(
        "begin insert into public.user_profiles (user_id, email) select id, email from fresh;"
        " return null; end",
        "after insert on auth.users referencing new table as fresh for each statement",
    ),
    "it is behind another trigger too": "create table public.imports (id uuid, email text);"
    + made(INSERT)
    + """
        create trigger imported after insert on public.imports
            for each row execute function public.handle();
        create trigger moved after update of phone on auth.users
            for each row execute function public.handle();
    """,
    "it writes auth.users": made(
        f'{INSERT} update auth.users set raw_app_meta_data = \'{{"plan": "free"}}\''
        " where id = new.id;"
    ),
    "it writes auth.identities": made(
        f"{INSERT} insert into auth.identities (id, provider_id, user_id, identity_data, provider)"
        " values (new.id, new.id::text, new.id, '{}', 'own');"
    ),
    "it catches and goes on": made(
        "begin insert into public.user_profiles (user_id, email) values (new.id, null::int / 0);"
        " exception when others then"
        " insert into public.user_profiles (user_id) values (new.id); end;"
    ),
    "it raises for some": made(
        f"if new.email > 'n2' then raise exception using errcode = 'insufficient_privilege';"
        f" end if; {INSERT}"
    ),
}

#: What would not come to the same, with a word of why.
REFUSED = {
    "session_user": (told("session_user::text"), "asks who is connected (session_user)"),
    "user, in what it calls": (
        "create function public.me() returns text language sql as 'select user::text';"
        + made(
            "insert into public.user_profiles (user_id, email) values (new.id, public.me());",
            rights="invoker",
        ),
        "public.me() asks who is connected (user)",
    ),
    "current_user of who calls": (
        made(f"if current_user <> 'x' then {INSERT} end if;", rights="invoker"),
        "asks who is connected (current_user)",
    ),
    "the table": (
        made(f"if tg_relid = 'auth.users'::regclass then {INSERT} end if;"),
        "asks on which table it stands",
    ),
}

#: What may reach further than the new profile, with a word of why.
STOPPED = {
    "pg_net": (
        f"{INSERT} perform net.http_post('http://x', jsonb_build_object('a', new.id));",
        "pg_net",
    ),
    "dblink": (f"{INSERT} perform dblink_exec('dbname=x', 'select 1');", "dblink"),
    "pg_notify": (f"{INSERT} perform pg_notify('mail', new.email);", "pg_notify"),
    "a program": (f"{INSERT} copy (select 1) to program 'mail';", "a file of the server"),
    "auth.users": (f"{INSERT} update auth.users set phone = '1' where id = new.id;", "auth.users"),
    "delete": (
        f"delete from public.user_profiles where email = new.email; {INSERT}",
        "changes rows of public.user_profiles that may be there already",
    ),
    "truncate": (
        f"truncate public.user_profiles; {INSERT}",
        "changes rows of public.user_profiles that may be there already",
    ),
    "update": (
        f"update public.user_profiles set role = 'user'; {INSERT}",
        "changes rows of public.user_profiles that may be there already",
    ),
    "another's row": (
        f"{INSERT[:-1]} on conflict (email) do update set user_id = excluded.user_id;",
        "overwrites the row that has the same email",
    ),
    "merge": (
        (
            "merge into public.user_profiles as p using (select new.id) as n (id)"
            " on p.role = 'user' when matched then update set email = new.email"
            " when not matched then insert (user_id) values (n.id);"
        ),
        "changes rows of public.user_profiles that may be there already",
    ),
}


def sign_up(app: App, count: int = len(USERS)) -> None:
    """Users as they were on the first of January; who cannot sign up has none."""
    for number, user_id in enumerate(USERS[:count]):
        at = datetime(2026, 1, 1, 22, number, tzinfo=UTC)
        try:
            app.user(id=user_id, email=f"n{number}@example.com", created_at=at, updated_at=at)
        except psycopg.Error as error:
            if error.sqlstate not in ("23502", "42501", "P0001"):
                raise


def rows(app: App) -> dict[str, list[Any]]:
    """All rows of people who have a profile, apart from the times of now."""
    return {
        row["name"]: [
            one["line"]
            for one in app.rows(
                "select to_jsonb(t) - '{created_at,updated_at,last_sign_in_at}'::text[] as line"
                f" from {row['name']} as t where coalesce(to_jsonb(t) ->> 'user_id',"
                " to_jsonb(t) ->> 'owner_id', to_jsonb(t) ->> 'id') in"
                " (select user_id::text from public.user_profiles) order by to_jsonb(t)::text"
            )
        ]
        for row in app.rows(TABLES)
    }


def everything(app: App) -> dict[str, list[Any]]:
    """All rows that are there."""
    return {
        row["name"]: [
            one["line"]
            for one in app.rows(f"select t::text as line from {row['name']} as t order by 1")
        ]
        for row in app.rows(TABLES)
    }


def planned(app: App, **options: Any) -> Run:
    """``sync --dry-run``, whatever comes of it."""
    return app.run("sync.plan", options=SyncOptions(**options))


@pytest.fixture
def lacking(app: App) -> App:
    """Users who signed up before there was a trigger."""
    sign_up(app)
    return app


@pytest.mark.parametrize("script", SAME.values(), ids=SAME)
def test_a_repaired_profile_comes_with_the_rows_of_a_sign_up(
    lacking: App, database: Database, script: str
) -> None:
    """Whoever signs up the same afterwards, as the Auth server does it, has the same rows."""
    lacking.rows(script)
    fire = {"fire_triggers": ("handle", "first_one", "second")}
    before = everything(lacking)
    rehearsed = lacking.rehearsed(**fire)
    assert everything(lacking) == before
    summary = lacking.synced(**fire)
    assert counts(summary) == counts(rehearsed)
    repaired = rows(lacking)
    lacking.rows("truncate public.user_profiles cascade")
    lacking.rows("delete from auth.users")
    sign_up(App(database.url_of("supabase_auth_admin"), lacking.folder))
    assert rows(lacking) == repaired
    assert lacking.one("select count(*) from public.user_profiles") == summary.created
    assert summary.created + summary.failed == len(USERS)


@pytest.mark.parametrize(("script", "why"), REFUSED.values(), ids=REFUSED)
def test_what_would_hear_another_answer_is_refused(lacking: App, script: str, why: str) -> None:
    """Already the plan says so, exit 3, and nothing is written."""
    lacking.rows(script)
    for run in (planned(lacking), lacking.sync()):
        assert run.exit_code == 3
        assert why in run.error
        assert "create: columns" in " ".join(run.next_steps)
    assert lacking.status().missing == len(USERS)


def test_a_column_called_user_asks_nothing(lacking: App) -> None:
    """A name is no question."""
    lacking.rows(
        made(
            "perform n.user from (select 1 as user) as n; -- session_user\n"
            f"perform 'session_user'; {INSERT}",
            rights="invoker",
        )
    )
    assert lacking.synced().created == len(USERS)


@pytest.mark.parametrize(("body", "why"), STOPPED.values(), ids=STOPPED)
def test_what_reaches_further_stops_the_run(lacking: App, body: str, why: str) -> None:
    """The plan names the trigger and why; until it is named, nothing runs, also no rehearsal."""
    lacking.rows("alter table public.user_profiles add unique (email)")
    lacking.rows(
        "insert into public.user_profiles (user_id, email) select id, 'mine'"
        " from auth.users order by created_at desc limit 1"
    )
    lacking.rows(made(body))
    before = everything(lacking)
    plan = lacking.plan()[1]
    (guard,) = (one for one in plan.guards if one.name == "trigger")
    assert "handle" in guard.message
    assert why in guard.message
    assert guard.next_step.count("--fire-trigger") == 1
    rehearsed = lacking.run("sync.rehearse", options=SyncOptions())
    assert (rehearsed.exit_code, lacking.sync().exit_code) == (4, 4)
    assert everything(lacking) == before


def test_the_triggers_of_what_it_changes_are_named(lacking: App) -> None:
    """Those of an update where it updates, and no others."""
    lacking.rows(
        """
        create table public.counts (number integer);
        create function public.shout() returns trigger language plpgsql as
            'begin notify told; return new; end';
        create trigger changed after update on public.counts
            for each row execute function public.shout();
        create trigger added after insert on public.counts
            for each row execute function public.shout();
        """
        + made(f"{INSERT} update public.counts set number = number + 1;")
    )
    assert {one.name for one in lacking.plan()[1].triggers} == {"handle", "changed"}


def test_what_a_sign_up_runs_beside_is_told(lacking: App) -> None:
    """Another trigger of the app is not run for who is repaired, and the plan says which."""
    lacking.rows(
        "create table public.log (id uuid);"
        + made(INSERT)
        + made("insert into public.log values (new.id);", name="logs")
    )
    assert lacking.plan()[1].columns[1:] == ("not run: public.logs()",)
    assert lacking.synced().created == len(USERS)
    assert lacking.one("select count(*) from public.log") == 0


def test_one_that_changes_the_new_user_fails_where_it_would(lacking: App) -> None:
    """A repair keeps the user as it is: whoever would be changed is a failed creation."""
    lacking.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    lacking.rows("update auth.users set invited_at = '2026-01-01' where email >= 'n3'")
    lacking.rows(made(f"new.invited_at := '2026-01-01'; {INSERT}", BEFORE))
    before = everything(lacking)["auth.users"]
    summary = lacking.synced()
    assert counts(summary) == {"created": 2, "failed": 3, "already_there": 0, "gone": 0}
    assert [group.subject for group in summary.failures] == ["public.handle() changes the user"]
    assert everything(lacking)["auth.users"] == before


def test_one_that_empties_the_table_meets_the_server(lacking: App) -> None:
    """Even when it is allowed: Postgres does not truncate what is being read."""
    lacking.rows("insert into public.user_profiles (user_id) select id from auth.users limit 1")
    lacking.rows(made(f"truncate public.user_profiles; {INSERT}"))
    run = lacking.sync(fire_triggers=("handle",))
    assert run.exit_code == 1
    assert "55006" in run.error
    assert lacking.status().existing == 1


def test_one_that_is_slow_ends_with_what_is_committed(lacking: App) -> None:
    """Batches shrink until one user alone takes too long: exit 1, and the others stand."""
    lacking.configure(
        "profiles: [{table: user_profiles, key: user_id}]\nstatement_timeout_s: 0.5\n"
    )
    lacking.rows(
        made(f"perform pg_sleep(case when new.email < 'n3' then 0.2 else 2 end); {INSERT}")
    )
    run = lacking.sync()
    assert run.exit_code == 1
    assert "statement_timeout_s" in run.error
    summary = summary_of(run)
    assert summary.created == lacking.status().existing == 3


def test_one_that_cannot_be_read_is_not_guessed(lacking: App, database: Database) -> None:
    """Whether it makes profiles is for a person to say; then it is run when that is allowed."""
    App(database.admin_url, lacking.folder).rows(
        "create function public.handle() returns trigger language internal as"
        " 'suppress_redundant_updates_trigger'; create trigger handle after insert on auth.users"
        " for each row execute function public.handle()"
    )
    lacking.configure("profiles: [{table: user_profiles, key: user_id}]\n")
    assert lacking.status().missing == len(USERS)
    run = planned(lacking)
    assert run.exit_code == 3
    assert "public.handle() is written in internal" in run.error
    lacking.configure("profiles: [{table: user_profiles, key: user_id, create: own_function}]\n")
    (guard,) = lacking.plan()[1].guards
    assert "which may do anything" in guard.message
    lacking.configure("profiles: [{table: user_profiles, key: user_id, create: columns}]\n")
    assert lacking.synced().created == len(USERS)


def test_one_that_we_may_not_run_is_refused(lacking: App, database: Database) -> None:
    """The dry run says it, and not only the sync."""
    lacking.rows(made(INSERT))
    App(database.admin_url, lacking.folder).rows(
        "alter function public.handle() owner to supabase_admin;"
        " revoke all on function public.handle() from public, postgres"
    )
    run = planned(lacking)
    assert run.exit_code == 3
    assert "may not execute public.handle()" in run.error


def test_one_that_works_once_a_transaction_has_batches_of_one(lacking: App) -> None:
    """A temporary table of its own is in the way of the next user; --batch-size 1 helps."""
    lacking.rows(made(f"create temporary table mine (id uuid) on commit drop; {INSERT}"))
    run = lacking.sync(fire_triggers=("handle",))
    assert run.exit_code == 1
    assert "42P07" in run.error
    assert lacking.synced(fire_triggers=("handle",), batch_size=1).created == len(USERS)


def test_constraints_that_wait_do_so_for_columns_too(lacking: App) -> None:
    """Rows of a trigger of the profile table may come before what they refer to, batch by batch."""
    lacking.configure(
        "profiles: [{table: user_profiles, key: user_id, create: columns, columns: {email: email}}]"
    )
    lacking.rows(
        """
        create table public.teams (id uuid primary key);
        create table public.members (
            id uuid references public.teams deferrable initially deferred
        );
        create function public.joined() returns trigger language plpgsql as $$ begin
            insert into public.members values (new.user_id);
            if new.email = 'n2@example.com' then raise exception 'no'; end if;
            insert into public.teams values (new.user_id);
            return new;
        end $$;
        create trigger joined before insert on public.user_profiles
            for each row execute function public.joined();
        """
    )
    fire: dict[str, Any] = {"fire_triggers": ("joined",), "batch_size": 2}
    rehearsed = lacking.rehearsed(**fire)
    summary = lacking.synced(**fire)
    assert counts(summary) == counts(rehearsed)
    assert (summary.created, summary.failed) == (4, 1)
