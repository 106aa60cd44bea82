"""Several syncs at once, and people who sign up, change and leave in the middle of one."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.app import PROFILES, App, counts, summary_of
from tests.faults import (
    batch_is_running,
    batch_waits,
    journal,
    missing,
    orphans,
    profiles,
    slow_rows,
    trigger,
    until,
)
from tests.test_sync import NAMES
from usersync import model
from usersync.backends import Batch, BatchResult, Blocks
from usersync.backends.postgres import PostgresDoor
from usersync.sync import Pages


def at_once(*things: Callable[[], model.Run]) -> list[model.Run]:
    """Do several things in threads of their own."""
    with ThreadPoolExecutor(len(things)) as pool:
        return [future.result() for future in [pool.submit(thing) for thing in things]]


def before_batches(
    monkeypatch: pytest.MonkeyPatch, do: Callable[[PostgresDoor, Batch], None]
) -> None:
    """Do something before each batch, in the thread that is about to run it."""
    create = PostgresDoor.create

    def patched(door: PostgresDoor, table: Any, selection: Any, batch: Batch, **rest: Any) -> Any:
        do(door, batch)
        return create(door, table, selection, batch, **rest)

    monkeypatch.setattr(PostgresDoor, "create", patched)


def after_batches(
    monkeypatch: pytest.MonkeyPatch, do: Callable[[Batch, BatchResult], None]
) -> None:
    """Do something after each batch."""
    create = PostgresDoor.create

    def patched(door: PostgresDoor, table: Any, selection: Any, batch: Batch, **rest: Any) -> Any:
        result = create(door, table, selection, batch, **rest)
        do(batch, result)
        return result

    monkeypatch.setattr(PostgresDoor, "create", patched)


def begin_together(monkeypatch: pytest.MonkeyPatch, doors: int) -> None:
    """Let so many doors wait for each other before the first batch of each."""
    barrier = threading.Barrier(doors, timeout=20)
    seen: set[PostgresDoor] = set()

    def meet(door: PostgresDoor, _batch: Batch) -> None:
        if door not in seen:
            seen.add(door)
            barrier.wait()

    before_batches(monkeypatch, meet)


def plan_rows(run: model.Run) -> int:
    plan = run.tables[0].plan
    assert plan is not None
    return plan.rows


def accounted(run: model.Run) -> int:
    return sum(counts(summary_of(run)).values())


@contextmanager
def session(app: App) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else's connection, in a transaction that its user ends."""
    with psycopg.connect(app.url) as connection:
        yield connection


# -- several syncs -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2_500, 800])
def test_two_syncs_at_once(app: App, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """By blocks or by name: every profile once, and what one did not create was there for it."""
    app.many_users(count)
    begin_together(monkeypatch, 2)
    both = at_once(*[partial(app.sync, batch_size=50, first_fill=True)] * 2)
    assert [run.error for run in both] == ["", ""]
    assert sum(summary_of(run).created for run in both) == profiles(app) == count
    assert [accounted(run) for run in both] == [count, count]
    assert [summary_of(run).failed for run in both] == [0, 0]


def test_shards_beside_a_full_run(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three shards and a run over all of it, at once: every profile once, the numbers add up."""
    app.many_users(2_400)
    begin_together(monkeypatch, 4)
    shares: list[tuple[int, int] | None] = [(1, 3), (2, 3), (3, 3), None]
    runs = at_once(
        *[partial(app.sync, share=share, batch_size=50, first_fill=True) for share in shares]
    )
    assert [run.error for run in runs] == [""] * 4
    assert sum(summary_of(run).created for run in runs) == profiles(app) == 2_400
    assert [accounted(run) for run in runs] == [plan_rows(run) for run in runs]
    assert sum(plan_rows(run) for run in runs[:3]) == plan_rows(runs[3]) == 2_400


def test_workers_share_the_reading_of_pages(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that reads the next page does not disturb the batch of another."""
    monkeypatch.setattr("usersync.sync.engine.Pages", partial(Pages, page_rows=60))
    monkeypatch.setattr("usersync.sync.plan.PAGE_ROWS", 0)
    app.many_users(1_200)
    run = app.sync(workers=3, batch_size=20, first_fill=True, limit=1_200)
    assert run.error == ""
    assert counts(summary_of(run)) == {"created": 1_200, "failed": 0, "already_there": 0, "gone": 0}


def test_deadlocked_workers_try_again(
    app: App, monkeypatch: pytest.MonkeyPatch, database: Any
) -> None:
    """Workers whose batches want each other's unique names: retried, one of each name is made."""
    app.rows(PROFILES)
    app.configure(NAMES)
    setting = f"alter role postgres in database {database.name} set deadlock_timeout = 50"
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(setting.encode())
    # The second row of a batch waits (at most 5 s) until the first row of every batch is in.
    app.rows("create sequence public.firsts")
    trigger(
        app,
        """
        if new.id::text like '%0' then
            perform nextval('public.firsts');
        else
            began := clock_timestamp();
            while (select last_value from public.firsts) < 4
                and clock_timestamp() < began + interval '5 s'
            loop
                perform pg_sleep(0.01);
            end loop;
        end if;
        """,
        table="profiles",
    )
    now = datetime.now(UTC) - timedelta(hours=1)
    names = ["xenia", "yorick", "yorick", "xenia", "zelda", "wanda", "wanda", "zelda"]
    for number, name in enumerate(names):
        app.user(
            # Each batch holds two users, who are inserted in the order of their ids.
            id=f"00000000-0000-0000-000{number // 2}-00000000000{number % 2}",
            email=f"{number}@example.com",
            created_at=now + timedelta(seconds=number),
            raw_user_meta_data={"username": name},
        )
    run = app.sync(workers=4, batch_size=2)
    assert app.one("select deadlocks from pg_stat_database where datname = current_database()"), (
        "the test did not provoke what it is about"
    )
    assert (run.exit_code, run.error) == (2, "")
    summary = summary_of(run)
    assert counts(summary) == {"created": 4, "failed": 4, "already_there": 0, "gone": 0}
    assert [failure.subject for failure in summary.failures] == ["profiles_username_key"]
    made = [row["username"] for row in app.rows("select username from profiles order by 1")]
    assert made == ["wanda", "xenia", "yorick", "zelda"]


# -- one thing that happens in the middle ----------------------------------------------------------


@contextmanager
def sync_in_background(app: App, **options: Any) -> Iterator[Callable[[], model.Run]]:
    """A sync in a thread of its own; call what it gives for the result."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(lambda: app.sync(**options))
        yield lambda: future.result(timeout=30)


@pytest.mark.parametrize("foreign_key", [True, False])
def test_a_delete_that_is_under_way(app: App, foreign_key: bool) -> None:
    """Who is being deleted when the batch comes gets no profile, with or without a foreign key."""
    if not foreign_key:
        app.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    ids = app.users(20)
    with session(app) as other:
        other.execute("delete from auth.users where id = any (%s::uuid[])", [ids[5:7]])
        with sync_in_background(app) as result:
            until(lambda: batch_waits(app), "the batch to meet the delete")
            other.commit()
            run = result()
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": 18, "failed": 0, "already_there": 0, "gone": 2}
    assert (profiles(app), orphans(app)) == (18, 0)


def test_a_delete_that_is_taken_back(app: App) -> None:
    """Who was to be deleted, and was not, gets a profile."""
    ids = app.users(20)
    with session(app) as other:
        other.execute("delete from auth.users where id = any (%s::uuid[])", [ids[5:7]])
        with sync_in_background(app) as result:
            until(lambda: batch_waits(app), "the batch to meet the delete")
            other.rollback()
            assert counts(summary_of(result())) == {
                "created": 20,
                "failed": 0,
                "already_there": 0,
                "gone": 0,
            }


@pytest.mark.parametrize("foreign_key", [True, False])
def test_a_delete_waits_for_the_batch(app: App, foreign_key: bool) -> None:
    """Who is deleted while the batch holds the user is deleted after it, the profile by cascade."""
    if not foreign_key:
        app.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    ids = app.users(10)
    slow_rows(app, 0.05)
    with sync_in_background(app) as result, session(app) as other:
        until(lambda: batch_is_running(app), "the batch")
        other.execute("delete from auth.users where id = any (%s::uuid[])", [ids])
        other.commit()
        run = result()
    assert counts(summary_of(run)) == {"created": 10, "failed": 0, "already_there": 0, "gone": 0}
    assert (profiles(app), orphans(app)) == ((0, 0) if foreign_key else (10, 10))


@pytest.mark.parametrize("kept", [True, False])
def test_a_profile_that_the_app_is_making(app: App, kept: bool) -> None:
    """A profile that the app is inserting is waited for: then it is there, or is created."""
    ids = app.users(20)
    with session(app) as other:
        other.execute("insert into user_profiles (user_id, email) values (%s, 'own')", [ids[3]])
        with sync_in_background(app) as result:
            until(lambda: batch_waits(app), "the batch to meet the app's own insert")
            other.commit() if kept else other.rollback()
            run = result()
    created = 19 if kept else 20
    assert counts(summary_of(run)) == {
        "created": created,
        "failed": 0,
        "already_there": 20 - created,
        "gone": 0,
    }
    assert app.one("select count(*) from user_profiles where email = 'own'") == kept
    assert profiles(app) == 20


def test_a_profile_that_the_app_is_making_beside_a_row_that_fails(app: App) -> None:
    """While the rows of a batch are isolated too, a profile that is being made is waited for."""
    app.rows("alter table user_profiles add check (email <> 'bad@example.com')")
    ids = [f"{number}0000000-0000-0000-0000-000000000000" for number in range(4)]
    for number, user_id in enumerate(ids):
        app.user(id=user_id, email="bad@example.com" if number == 0 else f"{number}@example.com")
    with session(app) as other:
        other.execute("insert into user_profiles (user_id, email) values (%s, 'own')", [ids[2]])
        with sync_in_background(app) as result:
            until(lambda: batch_waits(app), "the batch to meet the app's own insert")
            other.commit()
            run = result()
    assert (run.exit_code, run.error) == (2, "")
    assert counts(summary_of(run)) == {"created": 2, "failed": 1, "already_there": 1, "gone": 0}
    assert summary_of(run).failures[0].user_ids == (ids[0],)


@pytest.mark.parametrize(
    ("change", "created"),
    [
        ("deleted_at = now()", 19),
        ("is_anonymous = true", 19),
        ("email = 'new@example.com'", 20),
        ("last_sign_in_at = now()", 20),
    ],
)
def test_a_user_who_changes_before_the_batch(
    app: App, monkeypatch: pytest.MonkeyPatch, change: str, created: int
) -> None:
    """Who needs no profile any more gets none; of others the profile has the newest values."""
    ids = app.users(20)

    def change_one(_door: PostgresDoor, _batch: Batch) -> None:
        app.rows(f"update auth.users set {change} where id = %(id)s", id=ids[7])

    before_batches(monkeypatch, change_one)
    run = app.sync()
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {
        "created": created,
        "failed": 0,
        "already_there": 0,
        "gone": 20 - created,
    }
    if "email" in change:
        assert app.one("select email from user_profiles where user_id = %(i)s", i=ids[7]) == (
            "new@example.com"
        )


def test_rows_that_move_during_a_sweep_are_met(
    app: App, monkeypatch: pytest.MonkeyPatch, database: Any
) -> None:
    """Users whose rows an update moves behind the sweep get their profile in the same run."""
    app.many_users(3_000)
    app.rows("delete from auth.users where ctid < '(10,0)'::tid")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("vacuum auth.users")
    total = app.one("select count(*) from auth.users")
    moved: list[int] = []

    def sign_in(batch: Batch, _result: BatchResult) -> None:
        if not moved and isinstance(batch, Blocks) and batch.end > 10:
            app.rows(
                "update auth.users set last_sign_in_at = now() where id in"
                " (select id from auth.users order by ctid desc limit 100)"
            )
            moved.append(
                app.one(
                    "select count(*) from auth.users where ctid < '(10,0)' and not exists"
                    " (select from user_profiles p where p.user_id = users.id)"
                )
            )

    after_batches(monkeypatch, sign_in)
    run = app.sync(batch_size=500, first_fill=True)
    assert moved[0] > 50, "the test did not provoke what it is about"
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": total, "failed": 0, "already_there": 0, "gone": 0}
    assert missing(app) == 0


def test_who_needs_a_profile_since_the_plan_is_not_in_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who registers, comes back or loses a profile in the middle of a run is not in its plan."""
    planned = app.users(6)
    paired, registers, comes_back = app.user(), app.user(is_anonymous=True), app.user()
    app.rows("insert into user_profiles (user_id) values (%(id)s)", id=paired)
    app.rows("update auth.users set deleted_at = now() where id = %(id)s", id=comes_back)
    happened: list[bool] = []

    def need_one(_door: PostgresDoor, _batch: Batch) -> None:
        if not happened:
            happened.append(True)
            app.rows("update auth.users set is_anonymous = false where id = %(id)s", id=registers)
            app.rows("update auth.users set deleted_at = null where id = %(id)s", id=comes_back)
            app.rows("delete from user_profiles where user_id = %(id)s", id=paired)

    before_batches(monkeypatch, need_one)
    run = app.sync(batch_size=2)
    assert (run.exit_code, run.error) == (0, "")
    summary = summary_of(run)
    assert counts(summary) == {"created": 6, "failed": 0, "already_there": 0, "gone": 0}
    assert summary.newer == 3
    made = {str(row["user_id"]) for row in app.rows("select user_id from user_profiles")}
    assert made == set(planned)


def test_a_profile_that_is_taken_away_again_is_told(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planned user whose new profile somebody deletes at once has none at the end: exit 1."""
    ids = app.users(4)

    def take_away(_batch: Batch, _result: BatchResult) -> None:
        app.rows("delete from user_profiles where user_id = %(id)s", id=ids[0])

    after_batches(monkeypatch, take_away)
    run = app.sync()
    assert run.exit_code == 1
    assert "1 planned users have no profile still" in run.error
    assert summary_of(run).newer == 0


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("kept", [0, 300])
def test_already_there_and_gone_are_told_apart(
    app: App, monkeypatch: pytest.MonkeyPatch, named: bool, kept: int
) -> None:
    """By name and by blocks: who got a profile meanwhile, and who left, are counted each."""
    monkeypatch.setattr("usersync.sync.plan.PAGE_ROWS", 10_000 if named else 0)
    app.many_users(600)
    app.rows(
        "insert into user_profiles (user_id)"
        f" select id from auth.users order by created_at desc limit {kept}"
    )
    oldest = "(select id from auth.users order by created_at limit 20 offset %(skip)s)"
    happened: list[bool] = []

    def happen(_door: PostgresDoor, _batch: Batch) -> None:
        if not happened:
            happened.append(True)
            app.rows(f"insert into user_profiles (user_id) select * from {oldest} as id", skip=0)
            app.rows(f"delete from auth.users where id in {oldest}", skip=20)
            app.rows(f"update auth.users set deleted_at = now() where id in {oldest}", skip=20)

    before_batches(monkeypatch, happen)
    run = app.sync(batch_size=50, first_fill=True)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {
        "created": 540 - kept,
        "failed": 0,
        "already_there": 20,
        "gone": 40,
    }
    assert journal(app)[-1]["counts"] == counts(summary_of(run))


def test_who_moves_is_met_although_somebody_joined(
    app: App, monkeypatch: pytest.MonkeyPatch, database: Any
) -> None:
    """Created beside the plan (an anonymous user who registers) never stands for one who moved."""
    app.many_users(3_000)
    # The last page has room for the new row of one who registers; that of the other moves away.
    joins, *_, moves = (
        row["id"] for row in app.rows("select id from auth.users order by ctid desc limit 100")
    )
    app.rows("update auth.users set is_anonymous = true where id = %(id)s", id=joins)
    app.rows("delete from auth.users where ctid < '(10,0)'::tid")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("vacuum auth.users")
    happened: list[bool] = []

    def register_and_sign_in(batch: Batch, _result: BatchResult) -> None:
        if not happened and isinstance(batch, Blocks) and batch.end > 10:
            app.rows("update auth.users set is_anonymous = false where id = %(id)s", id=joins)
            app.rows("update auth.users set last_sign_in_at = now() where id = %(id)s", id=moves)
            happened.extend(
                app.one("select ctid < '(10,0)'::tid from auth.users where id = %(id)s", id=user_id)
                for user_id in (joins, moves)
            )

    after_batches(monkeypatch, register_and_sign_in)
    run = app.sync(batch_size=500, first_fill=True)
    assert happened == [False, True], "the test did not provoke what it is about"
    assert missing(app) == 0
    assert (run.exit_code, run.error) == (0, "")


def test_a_failure_that_moves_is_counted_once(
    app: App, monkeypatch: pytest.MonkeyPatch, database: Any
) -> None:
    """A user who failed, and whose row then moves ahead of the sweep, is one failed creation."""
    app.rows("alter table user_profiles add check (email <> 'bad@example.com')")
    app.user(email="bad@example.com")
    app.many_users(3_000)
    app.rows("delete from auth.users where ctid >= '(30,0)'::tid and ctid < '(40,0)'::tid")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("vacuum auth.users")
    happened: list[bool] = []

    def sign_in(_batch: Batch, _result: BatchResult) -> None:
        if not happened:
            app.rows(
                "update auth.users set last_sign_in_at = now() where email = 'bad@example.com'"
            )
            happened.append(
                app.one(
                    "select ctid >= '(30,0)'::tid from auth.users where email = 'bad@example.com'"
                )
            )

    after_batches(monkeypatch, sign_in)
    run = app.sync(batch_size=500, first_fill=True)
    assert happened == [True], "the test did not provoke what it is about"
    assert (run.exit_code, run.error) == (2, "")
    assert summary_of(run).failed == 1
    assert accounted(run) == plan_rows(run) == profiles(app) + 1


def test_who_signs_up_into_a_sweep_is_not_in_it(
    app: App, monkeypatch: pytest.MonkeyPatch, database: Any
) -> None:
    """New users whose rows land in blocks that are still to be swept are newer than the plan."""
    app.many_users(3_000)
    app.rows("delete from auth.users where ctid >= '(30,0)'::tid and ctid < '(40,0)'::tid")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("vacuum auth.users")
    landed: list[int] = []

    def sign_up(_door: PostgresDoor, _batch: Batch) -> None:
        if not landed:
            for _ in range(20):
                app.rows(SIGN_UP % "")
            landed.append(
                app.one(
                    "select count(*) from auth.users where email like '%@new.example'"
                    " and ctid >= '(30,0)'::tid and ctid < '(40,0)'::tid"
                )
            )

    before_batches(monkeypatch, sign_up)
    run = app.sync(batch_size=500, first_fill=True)
    assert landed[0] > 10, "the test did not provoke what it is about"
    assert (run.exit_code, run.error) == (0, "")
    assert accounted(run) == plan_rows(run) == summary_of(run).created
    assert missing(app) == 20


# -- life --------------------------------------------------------------------------------------


class Life:
    """People who sign up, change and leave, each kind in a thread with a connection of its own."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stop = threading.Event()
        self.longest_wait_s = 0.0
        self.done: dict[str, int] = {}
        self.faults: list[str] = []

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Until the block ends."""
        threads = [
            threading.Thread(target=self._repeat, args=(kind, statement))
            for kind, statement in KINDS.items()
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(timeout=20)

    def _repeat(self, kind: str, statement: str) -> None:
        with psycopg.connect(self._app.url, autocommit=True) as connection:
            while not self._stop.wait(0.03):
                began = time.monotonic()
                try:
                    self.done[kind] = (
                        self.done.get(kind, 0) + connection.execute(statement.encode()).rowcount
                    )
                except psycopg.Error as error:
                    self.faults.append(f"{kind}: {error}")
                self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)


SIGN_UP = (
    "insert into auth.users (id, instance_id, aud, email, created_at, raw_user_meta_data)"
    " values (gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated',"
    " gen_random_uuid() || '@new.example', clock_timestamp(), '{%s}')"
)
SOMEBODY = "(select id from auth.users order by random() limit 2)"
KINDS = {
    "sign-up": SIGN_UP % "",
    "sign-up with a profile": SIGN_UP % '"app": "makes it"',
    "delete": f"delete from auth.users where id in {SOMEBODY}",
    "soft delete": f"update auth.users set deleted_at = now() where id in {SOMEBODY}",
    "e-mail": "update auth.users set email = gen_random_uuid() || '@b.example'"
    f" where id in {SOMEBODY}",
    "sign-in": f"update auth.users set last_sign_in_at = now() where id in {SOMEBODY}",
    "profile of the app": "insert into user_profiles (user_id, email)"
    f" select u.id, u.email from auth.users as u where u.id in {SOMEBODY} for key share"
    " on conflict do nothing",
}


def test_a_deadlock_is_never_the_apps(app: App) -> None:
    """A transaction of the app that has one profile and wants the other passes; the batch waits."""
    first, second = sorted(app.users(2))
    of_a_batch = "current_setting('application_name') = 'usersync'"
    slow_rows(app, 0.3, only=f"{of_a_batch} and new.user_id = '{second}'")
    insert = "insert into user_profiles (user_id, email) values (%s, gen_random_uuid())"
    with session(app) as other:
        other.execute(insert, [second])
        with sync_in_background(app) as result:
            until(lambda: sleeps(app), "the batch to be between its two rows")
            other.execute(insert, [first])
            other.commit()
            run = result()
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": 0, "failed": 0, "already_there": 2, "gone": 0}


def sleeps(app: App) -> bool:
    """Whether a batch is in its slow row."""
    return bool(
        app.rows(
            "select pid from pg_stat_activity where application_name = 'usersync'"
            " and datname = current_database() and wait_event = 'PgSleep'"
        )
    )


@pytest.mark.parametrize("foreign_key", [True, False])
def test_life_goes_on(app: App, monkeypatch: pytest.MonkeyPatch, foreign_key: bool) -> None:
    """Sign-ups, deletions, changes during a sync: none lost, none blocked longer than a batch."""
    if not foreign_key:
        app.rows("alter table public.user_profiles drop constraint user_profiles_user_id_fkey")
    app.rows(
        "create function public.on_sign_up() returns trigger language plpgsql security definer as"
        " $$ begin insert into public.user_profiles (user_id, email) values (new.id, new.email);"
        " return new; end $$"
    )
    app.rows(
        "create trigger on_sign_up after insert on auth.users for each row"
        " when (new.raw_user_meta_data ? 'app') execute function public.on_sign_up()"
    )
    app.rows("create table public.gone (id uuid, at timestamptz)")
    app.rows(
        "create function public.on_delete() returns trigger language plpgsql as"
        " $$ begin insert into public.gone values (old.id, clock_timestamp()); return old; end $$"
    )
    app.rows(
        "create trigger on_delete after delete on auth.users for each row"
        " execute function public.on_delete()"
    )
    # The app's own function would make no profile of somebody whom its condition leaves out.
    app.configure(
        "profiles:\n  - table: user_profiles\n    key: user_id\n    create: columns\n"
        "    columns:\n      email: email\n"
    )
    app.many_users(2_500)
    slow_rows(app, 0.001, only="new.email like 'many%'")
    life = Life(app)
    after_planning = threading.Event()
    before_batches(monkeypatch, lambda *_: after_planning.set())
    with sync_in_background(app, workers=2, batch_size=100, first_fill=True) as result:
        assert after_planning.wait(20)
        with life.going_on():
            run = result()
    assert life.faults == []
    assert set(life.done) == set(KINDS)
    assert min(life.done.values()) > 0
    assert (run.exit_code, run.error) == (0, "")
    assert accounted(run) == plan_rows(run) == 2_500
    assert summary_of(run).failed == 0
    # Without a foreign key, only somebody deleted after the profile was committed leaves one.
    assert (
        app.one(
            "select count(*) from user_profiles as p join gone as g on g.id = p.user_id"
            " where p.created_at > g.at"
        )
        == 0
    )
    assert orphans(app) == 0 or not foreign_key
    assert life.longest_wait_s < 5
    assert app.status().missing == app.one(
        "select count(*) from auth.users as u where u.deleted_at is null and not exists"
        " (select from user_profiles as p where p.user_id = u.id)"
    )
    assert app.sync().exit_code == 0
    assert app.status().missing == 0


# -- approval ----------------------------------------------------------------------------------


@contextmanager
def signing_up(app: App, *takes_s: float) -> Iterator[None]:
    """People sign up again and again, each in a transaction that is open for a while of its own."""
    stop = threading.Event()

    def sign_up(takes_s: float) -> None:
        with psycopg.connect(app.url) as connection:
            while not stop.is_set():
                connection.execute((SIGN_UP % "").encode())
                time.sleep(takes_s)
                connection.commit()

    threads = [threading.Thread(target=sign_up, args=(seconds,)) for seconds in takes_s]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=20)


def test_approve_after_sign_ups(app: App) -> None:
    """Sign-ups before, across and after the plan: --approve does the plan, and counts the newer."""
    app.users(5)
    with signing_up(app, 0.05, 0.15, 0.4, 0.7):
        time.sleep(0.5)
        _, plan = app.plan()
        time.sleep(1.5)
        while_they_come = app.sync(approve=plan.digest)
    assert (while_they_come.exit_code, while_they_come.error) == (0, "")
    summary = summary_of(while_they_come)
    assert summary.created == plan.rows >= 5
    assert summary.newer > 0
    _, plan = app.plan()
    assert plan.rows == missing(app)
    assert app.synced(approve=plan.digest).created == plan.rows
    assert missing(app) == 0


# -- memory ------------------------------------------------------------------------------------


def peak_of(sync: Callable[[], model.Summary]) -> tuple[model.Summary, int]:
    """What a sync did, and the most memory that Python held for it."""
    tracemalloc.start()
    try:
        return sync(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_users(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the users take the same memory, page by page or by blocks."""
    monkeypatch.setattr("usersync.sync.engine.Pages", partial(Pages, page_rows=1_000))
    app.many_users(30_000)
    app.plan()  # loads what is loaded once
    few, peak = peak_of(lambda: app.synced(limit=4_000, first_fill=True))
    many, peak_of_many = peak_of(lambda: app.synced(limit=16_000))
    rest, peak_of_sweep = peak_of(app.synced)
    assert [summary.created for summary in (few, many, rest)] == [4_000, 16_000, 10_000]
    assert peak < 5_000_000
    assert max(peak_of_many, peak_of_sweep) < 1.2 * peak
