"""``sync``: the plan and its digest, the batches, the guards, and what is counted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.app import PROFILES, App, counts, summary_of
from usersync.sync import SyncOptions

NAMES = """
profiles:
  - table: profiles
    key: id
    columns:
      username: [user_metadata.username, {sql: "split_part(u.email, '@', 1)"}]
      full_name: [user_metadata.full_name, user_metadata.name]
      avatar_url: user_metadata.avatar_url
"""


@pytest.fixture
def names(app: App) -> App:
    """An app with Supabase's quick-start table, whose username is unique and checked."""
    app.rows(PROFILES)
    app.configure(NAMES)
    return app


def profiles(app: App) -> int:
    return int(app.one("select count(*) from public.user_profiles"))


# -- what it creates ---------------------------------------------------------------------------


def test_creates_the_missing_profiles_and_no_others(app: App) -> None:
    """Afterwards every user that needs a profile has one, and existing ones are untouched."""
    kept = app.user(email="new@example.com")
    app.rows(
        "insert into public.user_profiles (user_id, email, role) values (%(id)s, 'old@x', 'admin')",
        id=kept,
    )
    missing = app.user(email="anna@example.com")
    app.user(is_anonymous=True, email=None)
    app.user(deleted_at=datetime.now(UTC))
    run = app.sync()
    assert (run.exit_code, run.error) == (0, "")
    summary = summary_of(run)
    assert (summary.total, summary.existing, summary.created, summary.failed) == (2, 1, 1, 0)
    rows = app.rows("select user_id::text, email, role from public.user_profiles order by email")
    assert rows == [
        {"user_id": missing, "email": "anna@example.com", "role": "user"},
        {"user_id": kept, "email": "old@x", "role": "admin"},
    ]


def test_nothing_missing_is_a_summary_of_nothing(app: App) -> None:
    """With nothing to do a sync exits 0 with 100 % of nothing, and writes no journal."""
    summary = app.synced()
    assert (summary.created, summary.success_rate) == (0, "100%")
    assert not (app.folder.parent / "state").exists()


@pytest.mark.parametrize("count", [3_000, 1_500])
def test_many_users_by_blocks_and_by_name(app: App, count: int) -> None:
    """Most users missing (a sweep) or fewer than its threshold (pages): every profile once."""
    app.many_users(count)
    summary = app.synced(first_fill=True)
    assert counts(summary) == {"created": count, "failed": 0, "already_there": 0, "gone": 0}
    assert profiles(app) == count
    assert app.sync().exit_code == 0


def test_a_few_missing_among_many(app: App) -> None:
    """A handful of missing users among many is found and created by name."""
    app.many_users(3_000)
    app.synced(first_fill=True)
    app.rows(
        "delete from public.user_profiles where user_id in"
        " (select id from auth.users order by id limit 7)"
    )
    assert app.synced().created == 7


@pytest.mark.parametrize("batch_size", [1, 7, 5_000])
def test_any_batch_size_creates_the_same(app: App, batch_size: int) -> None:
    """--batch-size changes the number of transactions, never the outcome."""
    app.many_users(60)
    assert app.synced(batch_size=batch_size).created == 60


def test_workers_share_the_work(app: App) -> None:
    """Several workers create every profile once, and count exactly."""
    app.many_users(4_000)
    summary = app.synced(workers=3, batch_size=200, first_fill=True)
    assert counts(summary) == {"created": 4_000, "failed": 0, "already_there": 0, "gone": 0}


def test_shards_are_disjoint_and_complete(app: App) -> None:
    """Shares I/N in any order create every profile once, and the numbers add up."""
    app.many_users(300)
    created = [app.synced(share=(number, 3), first_fill=True).created for number in (3, 1, 2)]
    assert sum(created) == 300
    assert all(50 < one < 150 for one in created)
    assert app.status().missing == 0


def test_limit_takes_the_oldest_users(app: App) -> None:
    """--limit N creates exactly N profiles, those of the oldest users."""
    now = datetime.now(UTC)
    ids = [app.user(created_at=now - timedelta(days=days)) for days in (1, 3, 2)]
    assert app.synced(limit=2).created == 2
    (left,) = app.rows(
        "select id::text from auth.users u where not exists"
        " (select from public.user_profiles p where p.user_id = u.id)"
    )
    assert left["id"] == ids[0]


def test_limit_takes_users_without_a_date_first(app: App) -> None:
    """Users made by plain SQL, without a sign-up time, come first in a limited run."""
    app.user()
    dateless = app.user(created_at=None)
    assert app.synced(limit=1).created == 1
    assert str(app.one("select user_id from public.user_profiles")) == dateless


def test_rate_holds(app: App) -> None:
    """--rate R never creates more than R rows a second."""
    app.many_users(60)
    summary = app.synced(rate=40.0, batch_size=10)
    assert summary.created == 60
    assert summary.execution_time_s >= 1.0


# -- rows that cannot be made ------------------------------------------------------------------


def test_a_bad_row_does_not_stop_the_rest(names: App) -> None:
    """Rows that break a constraint fail by themselves, grouped by reason with the constraint."""
    for name in ("anna", "bert", "x", "anna", "charlotte"):
        names.user(raw_user_meta_data={"username": name})
    run = names.sync()
    summary = summary_of(run)
    assert (summary.created, summary.failed, run.exit_code) == (3, 2, 2)
    assert {(f.sqlstate, f.condition, f.subject, f.count) for f in summary.failures} == {
        ("23505", "unique_violation", "profiles_username_key", 1),
        ("23514", "check_violation", "profiles_username_check", 1),
    }
    assert summary.success_rate == "60.00%"


def test_the_oldest_of_two_equal_names_gets_it(names: App) -> None:
    """Of two users who want one name, the one who signed up first has it, whatever the batch."""
    now = datetime.now(UTC)
    first = names.user(created_at=now - timedelta(days=9), raw_user_meta_data={"username": "anna"})
    names.user(created_at=now - timedelta(days=1), raw_user_meta_data={"username": "anna"})
    for batch_size in (1, 2, 1000):
        names.rows("delete from public.profiles")
        names.synced(batch_size=batch_size)
        assert str(names.one("select id from public.profiles")) == first


def test_failed_rows_among_many(names: App) -> None:
    """In a sweep of thousands the bad rows are isolated and everybody else is created."""
    names.many_users(3_000)
    names.rows(
        'update auth.users set raw_user_meta_data = \'{"username": "no"}\''
        " where id in (select id from auth.users order by id limit 40)"
    )
    summary = names.synced(first_fill=True, workers=2)
    assert (summary.created, summary.failed) == (2_960, 40)


@pytest.mark.parametrize(
    ("definition", "metadata", "sqlstate", "subject"),
    [
        ("age int", {"value": "twelve"}, "22P02", ""),
        ("age smallint", {"value": "99999"}, "22003", ""),
        ("age varchar(3)", {"value": "four"}, "22001", ""),
        ("age text not null", {}, "23502", "age"),
        ("age text references public.other (name)", {"value": "x"}, "23503", "table_age_fkey"),
    ],
)
def test_reasons_name_what_refused_the_row(
    app: App, definition: str, metadata: dict[str, Any], sqlstate: str, subject: str
) -> None:
    """Bad text, numbers out of range, text too long, missing values, missing references."""
    app.rows("create table public.other (name text primary key)")
    app.rows(f'create table public."table" (user_id uuid primary key, {definition})')
    app.configure("profiles: [{table: table, key: user_id, columns: {age: user_metadata.value}}]")
    app.user(raw_user_meta_data=metadata)
    app.user(raw_user_meta_data={"value": "1"}) if "references" not in definition else None
    (failure,) = app.synced().failures
    assert (failure.sqlstate, failure.count) == (sqlstate, 1)
    assert failure.subject == subject


@pytest.mark.parametrize("raised", ["", "using errcode = '42501'", "using errcode = 'PT403'"])
def test_what_a_trigger_raises_belongs_to_the_row(app: App, raised: str) -> None:
    """An exception that a trigger raises on purpose fails its row alone, whatever its SQLSTATE."""
    app.rows(
        "create function public.guard() returns trigger language plpgsql as $$ begin"
        f" if new.email like 'bad%' then raise exception 'no %%: %%', new.email, 1 {raised};"
        " end if; return new; end $$".replace("%%", "%")
    )
    app.rows(
        "create trigger guard before insert on public.user_profiles"
        " for each row execute function public.guard()"
    )
    app.user(email="bad@example.com")
    app.user(email="good@example.com")
    summary = app.synced()
    assert (summary.created, summary.failed) == (1, 1)
    assert "guard()" in summary.failures[0].subject


def test_deferred_constraints_are_met_in_the_batch(app: App) -> None:
    """A deferred constraint fails its row, not the commit of a whole batch."""
    app.rows("create table public.plans (name text primary key)")
    app.rows(
        "alter table public.user_profiles add plan text references public.plans (name)"
        " deferrable initially deferred"
    )
    app.rows("insert into public.plans values ('free')")
    app.configure(
        "profiles: [{table: user_profiles, key: user_id, columns: {plan: user_metadata.plan}}]"
    )
    app.user(raw_user_meta_data={"plan": "free"})
    app.user(raw_user_meta_data={"plan": "gold"})
    summary = app.synced()
    assert (summary.created, summary.failed) == (1, 1)
    assert summary.failures[0].subject == "user_profiles_plan_fkey"


def test_an_error_that_is_no_row_stops_the_run(app: App) -> None:
    """A broken function behind a trigger is exit 1, and no row is blamed for it."""
    app.rows(
        "create function public.broken() returns trigger language plpgsql as"
        " $$ begin new.nothing := 1; return new; end $$"
    )
    app.rows(
        "create trigger broken before insert on public.user_profiles"
        " for each row execute function public.broken()"
    )
    app.users(3)
    run = app.sync()
    assert run.exit_code == 1
    assert "42703" in run.error
    assert summary_of(run).failed == 0


def test_max_failures_stops_the_run(names: App) -> None:
    """More failed creations than max_failures stop the run, exit 4, and say so."""
    names.configure(NAMES + "max_failures: 5\n")
    for _ in range(3):
        names.user()
    names.rows(
        "insert into auth.users (id, instance_id, aud, email, created_at, raw_user_meta_data)"
        " select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated',"
        " 'm' || n || '@example.com', now(), '{\"username\": \"x\"}' from generate_series(1, 50) n"
    )
    run = names.sync(batch_size=10)
    summary = summary_of(run)
    assert run.exit_code == 4
    assert "max_failures = 5" in run.error
    assert summary.created == 3
    assert 6 <= summary.failed <= 7


def test_a_first_batch_that_fails_whole_stops_the_run(names: App) -> None:
    """When every row of the first batch fails, the cause is not in the rows: exit 4."""
    names.rows("alter table public.profiles add constraint never check (username is null)")
    names.users(30)
    run = names.sync(batch_size=10)
    assert (run.exit_code, summary_of(run).failed) == (4, 10)
    assert "all 10 creations of the first batch failed" in run.error


def test_the_server_log_holds_no_value_of_a_user(names: App, database: Any) -> None:
    """Failed rows leave nothing of the user in Postgres's own log."""
    names.user(email="secret-person@example.com", raw_user_meta_data={"username": "ab"})
    names.user(email="secret-twin@example.com", raw_user_meta_data={"username": "twin-name"})
    names.user(email="secret-other@example.com", raw_user_meta_data={"username": "twin-name"})
    assert names.synced().failed == 2
    log = "".join(
        path.read_text(errors="replace")
        for path in database.server.directory.rglob("log*")
        if path.is_file()
    )
    assert "starting PostgreSQL" in log
    assert "secret" not in log
    assert "twin-name" not in log


# -- the plan ----------------------------------------------------------------------------------


def test_a_dry_run_tells_what_the_run_does(app: App) -> None:
    """The plan's numbers and users are those of the run that follows; it writes nothing."""
    ids = app.users(5)
    before = app.next_transaction()
    run, plan = app.plan()
    assert app.next_transaction() == before
    assert (run.exit_code, plan.rows, plan.total, plan.existing) == (2, 5, 5, 0)
    assert {user.id for user in plan.users} == set(ids)
    assert plan.columns == ("user_id <- id", "email <- email", "role <- {literal: user}")
    assert plan.digest in run.next_steps[0]
    assert app.synced().created == plan.rows


def test_an_empty_plan_is_exit_0(app: App) -> None:
    """A dry run with nothing to do exits 0 and proposes nothing."""
    run, plan = app.plan()
    assert (run.exit_code, plan.rows, run.next_steps) == (0, 0, ())


def test_the_same_plan_has_the_same_digest(app: App) -> None:
    """As long as nothing moves, the digest stays; a sign-in moves nothing."""
    first = app.user()
    digest = app.plan()[1].digest
    app.rows("update auth.users set last_sign_in_at = now() where id = %(id)s", id=first)
    assert app.plan()[1].digest == digest
    assert re.fullmatch(r"1-\d{8}T\d{12}-[0-9a-f]{16}-[0-9a-f]{72}", digest)


def test_approve_does_exactly_the_plan(app: App) -> None:
    """--approve creates the planned profiles; users who came later neither join nor stale it."""
    app.users(5)
    digest = app.plan()[1].digest
    app.users(3, created_at=datetime.now(UTC))
    run = app.sync(approve=digest)
    summary = summary_of(run)
    assert (run.exit_code, summary.created, summary.newer) == (0, 5, 3)
    assert profiles(app) == 5


def test_a_user_dated_in_the_future_is_in_the_plan(app: App) -> None:
    """A user with a sign-up time of tomorrow is planned and created, and hides nobody."""
    app.user(created_at=datetime.now(UTC) + timedelta(days=1))
    app.user()
    digest = app.plan()[1].digest
    app.user(created_at=datetime.now(UTC))
    summary = summary_of(app.sync(approve=digest))
    assert (summary.created, summary.newer) == (2, 1)


def test_a_digest_approves_once(app: App) -> None:
    """The same digest a second time is exit 4, even when the same users are missing again."""
    app.users(2)
    digest = app.plan()[1].digest
    assert app.sync(approve=digest).exit_code == 0
    app.rows("delete from public.user_profiles")
    run = app.sync(approve=digest)
    assert run.exit_code == 4
    assert "carried out already" in run.error
    assert profiles(app) == 0


MOVES = {
    "the users": "delete from auth.users where email = 'anna@example.com'",
    "values of these users": "update auth.users set email = 'b@x.org' where email like 'anna%'",
    "the profile table": "alter table public.user_profiles add note text",
}


@pytest.mark.parametrize("moved", MOVES)
def test_whatever_moved_makes_the_plan_stale_and_is_named(app: App, moved: str) -> None:
    """A user gone, an address changed or a column added since the plan: exit 4, named."""
    app.user(email="anna@example.com")
    app.user()
    digest = app.plan()[1].digest
    app.rows(MOVES[moved])
    run = app.sync(approve=digest)
    assert run.exit_code == 4
    assert moved in run.error
    assert profiles(app) == 0


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("users: {anonymous: true}", {}),
        ("profiles: [{table: user_profiles, key: user_id}]", {}),
        ("", {"limit": 1}),
        ("", {"share": (1, 2)}),
    ],
)
def test_another_configuration_makes_the_plan_stale(
    app: App, text: str, options: dict[str, Any]
) -> None:
    """The digest holds for its configuration, --limit and --shard alone."""
    app.users(2)
    digest = app.plan()[1].digest
    app.configure(text)
    run = app.sync(approve=digest, **options)
    assert run.exit_code == 4
    assert "the configuration" in run.error


def test_a_trigger_added_since_the_plan_makes_it_stale(app: App) -> None:
    """A trigger, or another body of its function, moves the schema part of the digest."""
    app.user()
    body = (
        "create or replace function public.f() returns trigger language plpgsql as"
        " $$ begin %s return new; end $$"
    )
    app.rows(body % "")
    app.rows(
        "create trigger f before insert on public.user_profiles"
        " for each row execute function public.f()"
    )
    digest = app.plan()[1].digest
    app.rows(body % "new.email := 'x';")
    run = app.sync(approve=digest)
    assert run.exit_code == 4
    assert "the profile table" in run.error


def test_a_plan_of_another_table_is_stale(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest made for one environment approves nothing in another."""
    app.user()
    digest = app.plan()[1].digest
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "staging")
    run = app.sync(approve=digest)
    assert run.exit_code == 4
    assert "the target" in run.error


@pytest.mark.parametrize("token", ["", "yes", "5-20261122T000000000000-zz", "1" * 300])
def test_what_is_no_digest_is_refused(app: App, token: str) -> None:
    """Anything but a digest after --approve is exit 3 (an empty one means it was not given)."""
    run = app.sync(approve=token)
    assert run.exit_code == (3 if token else 0)


def test_limited_plans_are_approved_as_limited(app: App) -> None:
    """A plan with --limit is approved with the same limit and does exactly that."""
    app.users(5)
    run, plan = app.plan(limit=3, workers=2)
    assert plan.rows == 3
    approval = f"--approve {plan.digest} --workers 2 --limit 3"
    assert run.next_steps[0].endswith(approval)
    summary = summary_of(app.sync(limit=3, approve=plan.digest))
    assert summary.created == 3


# -- rehearsal ---------------------------------------------------------------------------------


def test_a_rehearsal_counts_as_the_run_that_follows(names: App) -> None:
    """--rehearse gives the run's exact counts and failures, and keeps nothing."""
    for name in ("anna", "anna", "bo", "charlotte", "dora", "anna"):
        names.user(raw_user_meta_data={"username": name})
    rehearsed = names.rehearsed()
    assert names.one("select count(*) from public.profiles") == 0
    real = names.synced()
    assert counts(rehearsed) == counts(real)
    assert rehearsed.failures == real.failures
    assert rehearsed.rehearsed
    assert rehearsed.dead_rows >= rehearsed.created


def test_a_rehearsal_of_a_sweep(names: App) -> None:
    """A rehearsal of thousands, with clashes, counts as the sweep that follows."""
    names.many_users(2_500)
    names.rows(
        'update auth.users set raw_user_meta_data = \'{"username": "same"}\''
        " where id in (select id from auth.users order by id limit 30)"
    )
    rehearsed = names.rehearsed(first_fill=True)
    real = names.synced(first_fill=True)
    assert (
        counts(rehearsed)
        == counts(real)
        == {"created": 2_471, "failed": 29, "already_there": 0, "gone": 0}
    )


def test_a_rehearsal_names_the_triggers_that_ran(app: App) -> None:
    """The rehearsal says which triggers it ran and exits 2 while changes are pending."""
    app.rows(
        "create function public.touch() returns trigger language plpgsql as"
        " $$ begin new.updated_at := now(); return new; end $$"
    )
    app.rows(
        "create trigger touch before insert on public.user_profiles"
        " for each row execute function public.touch()"
    )
    app.user()
    run = app.run("sync.rehearse", options=SyncOptions())
    assert run.exit_code == 2
    assert summary_of(run).fired_triggers == ("touch",)


def test_a_rehearsal_writes_no_journal(app: App) -> None:
    """What is rolled back is not journalled."""
    app.user()
    app.rehearsed()
    assert not (app.folder.parent / "state").exists()


def test_a_rehearsal_gives_up_in_time(app: App) -> None:
    """After rehearse_timeout_s it is rolled back, exits 1 and names the ways out."""
    app.rows(
        "create function public.slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(0.2); return new; end $$"
    )
    app.rows(
        "create trigger slow before insert on public.user_profiles"
        " for each row execute function public.slow()"
    )
    app.many_users(20)
    app.configure("rehearse_timeout_s: 0.5")
    run = app.run("sync.rehearse", options=SyncOptions())
    assert run.exit_code == 1
    assert "took longer than 0.5 s" in run.error
    assert any("--limit" in step for step in run.next_steps)
    assert profiles(app) == 0


# -- guards ------------------------------------------------------------------------------------


@pytest.fixture
def production(app: App, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app that says it is production."""
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "production")
    return app


def test_max_rows_stops_before_the_first_write(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than max_rows is exit 4 with the number and the command that allows it."""
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "staging")
    app.many_users(20)
    app.configure("max_rows: 10")
    run = app.sync()
    assert run.exit_code == 4
    assert "20 profiles would be created, more than the 10 allowed" in run.error
    assert "--max-rows 20" in run.next_steps[0]
    assert profiles(app) == 0
    assert app.synced(max_rows=20).created == 20


def test_the_default_max_rows_is_1000_or_one_percent(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside a local target more than 1,000 rows (or 1 % of users) need --max-rows."""
    app.many_users(1_001)
    assert app.plan(first_fill=True)[1].guards == ()
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "staging")
    (guard,) = app.plan(first_fill=True)[1].guards
    assert guard.name == "max_rows"


def test_yes_never_lifts_max_rows(app: App) -> None:
    """--yes agrees to the question, not to the number."""
    app.many_users(3)
    app.configure("max_rows: 2")
    assert app.sync(yes=True).exit_code == 4


def test_an_empty_profile_table_needs_first_fill(app: App) -> None:
    """No profile at all beside more than 100 users may be the wrong table: --first-fill."""
    app.many_users(101)
    run = app.sync()
    assert run.exit_code == 4
    assert "--first-fill" in run.next_steps[0]
    assert app.synced(first_fill=True).created == 101


def test_production_asks_on_a_terminal(production: App) -> None:
    """In production a person is asked with target and count; anything but yes is exit 4."""
    production.users(2)
    production.answer = False
    assert production.sync().exit_code == 4
    assert profiles(production) == 0
    production.answer = True
    assert production.sync().exit_code == 0
    assert "Create 2 profiles in public.user_profiles(user_id)?" in production.asked[0]
    assert "Profiles To Create:   2" in production.asked[0]
    assert production.asked[0].startswith("Target: default (production)")


def test_production_without_a_terminal_refuses(production: App) -> None:
    """Without a terminal production needs --approve, --yes or unattended: exit 3, untouched."""
    production.users(2)
    run = production.sync()
    assert run.exit_code == 3
    digest = production.plan()[1].digest
    assert digest in run.next_steps[0]
    assert production.sync(approve=digest).exit_code == 0
    production.user()
    assert production.sync(yes=True).exit_code == 0


def test_unattended_syncs_up_to_its_own_limit(production: App) -> None:
    """``unattended`` lets the named tasks pass up to its max_rows."""
    production.configure("unattended: {tasks: [sync], max_rows: 2}")
    production.users(2)
    assert production.sync().exit_code == 0
    production.users(3)
    assert production.sync().exit_code == 4


def test_a_question_is_not_asked_for_nothing(production: App) -> None:
    """With nothing to do nobody is asked."""
    production.answer = False
    assert production.sync().exit_code == 0


MAILER = """
create schema net;
create table net.http_request_queue (url text);
create function net.http_post(url text) returns bigint language sql as
    $$ insert into net.http_request_queue values (url) returning 1 $$;
create function public.send_welcome() returns trigger language plpgsql security definer as
    $$ begin perform net.http_post('https://mail.example/' || new.user_id); return new; end $$;
create trigger send_welcome after insert on public.user_profiles
    for each row execute function public.send_welcome();
"""


def test_mail_is_not_sent_by_accident(app: App) -> None:
    """200 missing and a trigger that queues mail: nothing queued without the flag, 200 with it."""
    app.rows(MAILER)
    app.many_users(200)
    app.rows("insert into public.user_profiles (user_id) values (%(id)s)", id=app.user())
    app.rows("delete from net.http_request_queue")
    for attempt in (
        app.sync(),
        app.run("sync.rehearse", options=SyncOptions()),
        app.sync(yes=True),
    ):
        assert attempt.exit_code == 4
        assert "send_welcome" in attempt.error
    assert app.one("select count(*) from net.http_request_queue") == 0
    assert profiles(app) == 1
    assert app.synced(fire_triggers=("send_welcome",)).created == 200
    assert app.one("select count(*) from net.http_request_queue") == 200


def test_allow_triggers_stands_for_the_flag(app: App) -> None:
    """``allow_triggers:`` names a trigger once and for all."""
    app.rows(MAILER)
    app.user()
    app.configure("allow_triggers: [send_welcome]")
    assert app.sync().exit_code == 0


def test_a_trigger_that_only_computes_does_not_stop_a_sync(app: App) -> None:
    """A trigger that stays inside its row needs no flag."""
    app.rows(
        "create function public.touch() returns trigger language plpgsql as"
        " $$ begin new.updated_at := now(); return new; end $$"
    )
    app.rows(
        "create trigger touch before insert on public.user_profiles"
        " for each row execute function public.touch()"
    )
    app.user()
    assert app.sync().exit_code == 0


def test_dry_run_shows_the_guards_that_would_stop_it(app: App) -> None:
    """The plan names every guard with the command that lifts it."""
    app.rows(MAILER)
    app.many_users(101)
    guards = {guard.name: guard.next_step for guard in app.plan()[1].guards}
    assert "--first-fill" in guards["first_fill"]
    assert "--fire-trigger send_welcome" in guards["trigger"]


#: All within the last minute, in no order.
SIGN_UPS = """
    insert into auth.users (id, instance_id, aud, email, created_at, raw_app_meta_data)
    select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated',
        gen_random_uuid() || '@example.com', now() - random() * interval '60 s', '{}'
    from generate_series(1, %(count)s)
    returning id::text
"""


def sign_ups(app: App, count: int) -> list[str]:
    """People who sign up within one minute; the last of them is the newest of all."""
    ids = [row["id"] for row in app.rows(SIGN_UPS, count=count)]
    app.rows("update auth.users set created_at = now() where id = %(id)s", id=ids[0])
    return ids


def test_sign_ups_under_way_during_the_plan_come_later(app: App) -> None:
    """Users who signed up before the newest planned one, and became visible after the plan, are
    newer: they neither join the approved run nor make it stale."""
    now = datetime.now(UTC)
    planned = app.users(5, created_at=now)
    digest = app.plan()[1].digest
    for ms in (5, 10, 20):
        app.user(created_at=now - timedelta(milliseconds=ms))
    summary = summary_of(app.sync(approve=digest))
    assert (summary.created, summary.newer) == (5, 3)
    made = {str(row["user_id"]) for row in app.rows("select user_id from public.user_profiles")}
    assert made == set(planned)


@pytest.mark.parametrize(("late", "changed", "fits"), [(100, 60, True), (150, 60, False)])
def test_a_hundred_sign_ups_under_way_during_the_plan_come_later(
    app: App, late: int, changed: int, fits: bool
) -> None:
    """Among hundreds of planned users the late ones are told apart, also when others changed; more
    than 200 late and changed ones are too many, and then the plan is stale."""
    planned = sign_ups(app, 400)
    with psycopg.connect(app.url) as under_way:
        under_way.execute(SIGN_UPS.encode(), {"count": late})
        digest = app.plan()[1].digest
    app.rows(
        "update auth.users set last_sign_in_at = now() where id = any (%(ids)s::uuid[])",
        ids=planned[::7][:changed],
    )
    run = app.sync(approve=digest, first_fill=True)
    made = {str(row["user_id"]) for row in app.rows("select user_id from public.user_profiles")}
    if fits:
        assert (run.exit_code, run.error) == (0, "")
        assert summary_of(run).newer == late
        assert made == set(planned)
    else:
        assert run.exit_code == 4
        assert "the users (the plan held 400; 550 of that time" in run.error
        assert not made


def test_only_those_who_came_later_are_let_pass(app: App) -> None:
    """Somebody who needs a profile since the plan, instead of another one, makes it stale."""
    now = datetime.now(UTC)
    planned = app.users(5, created_at=now)
    anonymous = app.users(2, created_at=now - timedelta(days=1), is_anonymous=True)
    digest = app.plan()[1].digest
    app.rows("delete from auth.users where id = %(id)s", id=planned[0])
    app.rows(
        "update auth.users set is_anonymous = false where id = any (%(ids)s::uuid[])", ids=anonymous
    )
    run = app.sync(approve=digest)
    assert run.exit_code == 4
    assert "the users" in run.error
    assert profiles(app) == 0


def test_sign_ups_under_way_beside_a_user_who_is_gone_are_stale(app: App) -> None:
    """Latecomers beside a user who is gone: the plan is stale all the same."""
    now = datetime.now(UTC)
    planned = app.users(5, created_at=now)
    digest = app.plan()[1].digest
    app.users(2, created_at=now - timedelta(milliseconds=5))
    app.rows("delete from auth.users where id = %(id)s", id=planned[0])
    run = app.sync(approve=digest)
    assert run.exit_code == 4
    assert "the users" in run.error
