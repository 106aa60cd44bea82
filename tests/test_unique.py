"""``unique: suffix``: a value that is taken gets a number, the same in the plan and in the run."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest

from tests.api_server import api
from tests.app import App, summary_of
from tests.migrated import applied, states
from tests.migrated import plan as plan_migration
from tests.test_conformance import Doors, doors
from tests.unprepared import before, over
from usersync import sync as sync_module
from usersync.backends import Selection
from usersync.backends.postgres import names as table_names
from usersync.backends.postgres.door import PostgresDoor
from usersync.config import load
from usersync.model import Run
from usersync.report import as_json, terminal
from usersync.sql import profiles
from usersync.sync import SyncOptions
from usersync.sync.numbers import numbers

__all__ = ["api", "before", "doors", "over"]

START = datetime(2026, 1, 1, tzinfo=UTC)

COLUMN = "username text unique"
BY_LOWER = "create unique index on public.people (lower(username))"
SOURCE = "{from: user_metadata.username, unique: suffix}"


def people(
    app: App,
    column: str = COLUMN,
    source: str = SOURCE,
    *,
    more: str = "",
    rest: str = "",
    top: str = "",
) -> None:
    """An app whose profiles have a name that must be unique."""
    app.rows(
        "create table public.people (uid uuid primary key references auth.users (id)"
        f" on delete cascade, {column}); {more}"
    )
    app.configure(
        f"{top}profiles:\n  - table: people\n    key: uid\n{rest}"
        f"    columns:\n      username: {source}\n"
    )


def sign_up(app: App, *names: str | None) -> list[str]:
    """Users who want these names, in this order of sign-up."""
    return [
        app.user(
            raw_user_meta_data={} if name is None else {"username": name},
            created_at=START + timedelta(minutes=number),
        )
        for number, name in enumerate(names)
    ]


def names(app: App, ids: list[str]) -> list[str | None]:
    """What these users are called by now."""
    rows = app.rows("select uid::text, username from public.people")
    found = {row["uid"]: row["username"] for row in rows}
    return [found.get(one, "no profile") for one in ids]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (["anna", "anna", "anna"], ["anna", "anna_2", "anna_3"]),
        (["anna", "anna", "anna_2"], ["anna", "anna_2", "anna_2_2"]),
        (["anna_2", "anna", "anna", "anna"], ["anna_2", "anna", "anna_3", "anna_4"]),
        (["", "", None, None], ["", "_2", None, None]),
        (["a b ", "a b ", "a b"], ["a b ", "a b _2", "a b"]),
        (
            ["it's {x} 100% \\ \"", "it's {x} 100% \\ \""],
            ["it's {x} 100% \\ \"", "it's {x} 100% \\ \"_2"],
        ),
        (["ä✓", "ä✓"], ["ä✓", "ä✓_2"]),
        (["Anna", "anna"], ["Anna", "anna"]),
    ],
)
def test_a_taken_value_gets_a_number(
    app: App, wanted: list[str | None], given: list[str | None]
) -> None:
    """The first to sign up gets the value, the next ones the smallest number that is free."""
    people(app)
    ids = sign_up(app, *wanted)
    run = app.sync()
    assert run.exit_code == 0, (run.error, run.tables and summary_of(run).failures)
    assert names(app, ids) == given


def model(taken: list[str], wanted: list[str | None], length: int, *, lower: bool) -> list[Any]:
    """The rule in ten lines; `"failed"` where no number fits any more."""
    same = {one.lower() if lower else one for one in taken}
    given: list[Any] = []
    for one in wanted:
        tries = [one] if one is None or len(one) > length else [one, *behind(one, length)]
        free = [t for t in tries if t is None or (t.lower() if lower else t) not in same]
        got = free[0] if free and (one is None or len(one) <= length) else "failed"
        given.append(got)
        if got is not None and got != "failed":
            same.add(got.lower() if lower else got)
    return given


def behind(text: str, length: int) -> list[str]:
    """A text with every number that fits."""
    ends = [f"_{number}" for number in range(2, 200) if len(f"_{number}") <= length]
    return [text[: length - len(end)] + end for end in ends]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_given_is_what_the_rule_says(app: App, seed: int) -> None:
    """For random names and profiles the plan, a rehearsal and the run give what ten lines of Python
    give, whatever the batch size and the number of workers.
    """
    random = Random(seed)
    length = random.choice([3, 3, 4, 50])
    lower = seed % 2 == 1
    index = "create unique index on public.people (lower(username))" if lower else ""
    column = f"username varchar({length})" + ("" if lower else " unique")
    people(app, column, more=index)
    letters = ["a", "A", "b", "_2", "_3", "_", "ä"]

    def name() -> str | None:
        text = "".join(random.choices(letters, k=random.randint(0, 3)))
        return None if random.random() < 0.1 else text[: length + random.randint(0, 1)]

    taken = ["a", "b_2", "aa_2", "_2"]
    app.rows("alter table public.people drop constraint people_uid_fkey")
    app.rows(
        "insert into public.people select gen_random_uuid(), unnest(%(taken)s::text[])",
        taken=[one[:length] for one in taken],
    )
    wanted = [name() for _ in range(60)]
    expected = model([one[:length] for one in taken], wanted, length, lower=lower)
    ids = sign_up(app, *wanted)
    _, plan = app.plan()
    numbered = {one.user_id: one.value for group in plan.numbered for one in group.values}
    assert numbered == {
        user: got
        for user, got, one in zip(ids, expected, wanted, strict=True)
        if got not in (one, "failed")
    }
    failed = expected.count("failed")
    rehearsed = app.rehearsed()
    options: dict[str, Any] = random.choice(
        [{}, {"batch_size": 7}, {"workers": 3, "batch_size": 5}]
    )
    summary = app.synced(**options)
    assert (rehearsed.created, rehearsed.failed) == (60 - failed, failed)
    assert (summary.created, summary.failed) == (60 - failed, failed)
    assert names(app, ids) == ["no profile" if one == "failed" else one for one in expected]


INSENSITIVE = (
    "create collation public.insensitive"
    " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
)


@pytest.mark.parametrize(
    ("before", "column", "more"),
    [
        ("", "username text", "create unique index on public.people (lower(username))"),
        ("create extension citext with schema extensions", "username extensions.citext unique", ""),
        (INSENSITIVE, "username text collate public.insensitive unique", ""),
        (
            INSENSITIVE,
            "username text",
            "create unique index on public.people (username collate public.insensitive)",
        ),
        (
            "",
            "username text unique",
            "create unique index on public.people (lower(username))",
        ),
    ],
)
def test_the_same_is_what_the_index_says(app: App, before: str, column: str, more: str) -> None:
    """Capitals make no difference where they make none to the index."""
    try:
        app.rows(before or "select 1")
    except psycopg.errors.FeatureNotSupported as error:
        pytest.skip(f"this Postgres lacks it: {error.diag.message_primary}")
    people(app, column, more=more)
    ids = sign_up(app, "Änna", "änna", "ÄNNA_2", "ÄNNA")
    run = app.sync()
    assert run.exit_code == 0, (run.error, run.tables and summary_of(run).failures)
    assert names(app, ids) == ["Änna", "änna_2", "ÄNNA_2_2", "ÄNNA_3"]


def test_an_expression_of_the_app(app: App) -> None:
    """The expression of an index is the index's own, functions of the app included."""
    app.rows(
        "create function public.slug(text) returns text immutable language sql"
        " as $$ select lower(replace($1, '_', '')) $$"
    )
    people(
        app, "username text", more="create unique index on public.people (public.slug(username))"
    )
    ids = sign_up(app, "anna2", "Anna", "an_na", "anna_2")
    assert app.sync().exit_code == 0
    assert names(app, ids) == ["anna2", "Anna", "an_na_3", "anna_2_2"]


def test_text_of_fixed_length(app: App) -> None:
    """Blanks at the end of a char(n) count for nothing, as Postgres has it."""
    people(app, "username char(6) unique")
    ids = sign_up(app, "anna", "anna ", "anna          ")
    assert app.sync().exit_code == 0
    assert [one and one.rstrip() for one in names(app, ids)] == ["anna", "anna_2", "anna_3"]


def test_any_source(app: App) -> None:
    """The source may be a list or SQL, with another column beside it."""
    people(
        app,
        "username text unique, nick text unique",
        "{from: [user_metadata.username, {literal: user}], unique: suffix}",
    )
    app.configure(
        (app.folder / "usersync.yaml").read_text()
        + "      nick: {from: {sql: \"split_part(email, '@', 1) -- local part\"}, unique: suffix}\n"
    )
    for number, email in enumerate(["x@a.com", "x@b.com", "y@a.com"]):
        app.user(email=email, created_at=START + timedelta(minutes=number))
    _, plan = app.plan()
    assert {one.column: one.count for one in plan.numbered} == {"username": 2, "nick": 1}
    assert app.sync().exit_code == 0
    rows = app.rows(
        "select p.username, p.nick from public.people p join auth.users u on u.id = p.uid"
        " order by u.created_at"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("user", "x"),
        ("user_2", "x_2"),
        ("user_3", "y"),
    ]


def test_a_source_that_fails_for_one_user(app: App) -> None:
    """Nobody's value can be told then: the column is named, and what to do."""
    source = "(raw_user_meta_data ->> $k$number$k$)::integer::text"
    people(app, source=f'{{from: {{sql: "{source}"}}, unique: suffix}}')
    app.user(raw_user_meta_data={"number": "1"})
    app.user(raw_user_meta_data={"number": "secret"})
    for task in ("sync.plan", "sync.rehearse", "sync"):
        run = app.run(task, options=SyncOptions())
        assert run.exit_code == 1
        assert run.error.startswith("public.people(uid): who wants which username: ")
        assert "22P02" in run.error
        assert "secret" not in run.error
        assert "answer null" in run.next_steps[0]
    mapping = (app.folder / "usersync.yaml").read_text()
    app.configure(mapping.replace("{from: {", "{").replace("}, unique: suffix}", "}"))
    summary = summary_of(app.sync())
    assert (summary.created, summary.failed) == (1, 1)


@pytest.mark.parametrize("more_users", [0, 3_000])
def test_many_of_one_value(app: App, more_users: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands who want one value get one number each, in the order of sign-up, also where the
    plan is too large to name them all.
    """
    if more_users:
        monkeypatch.setattr("usersync.sync.plan.PAGE_ROWS", 500)
    people(app)
    app.rows(
        "insert into auth.users (id, instance_id, aud, email, created_at, raw_user_meta_data)"
        " select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated',"
        " n || '@example.com', timestamptz '2026-01-01' + make_interval(secs => n),"
        """ jsonb_build_object('username', case when n <= 10000 then 'anna' else 'u' || n end)"""
        f" from generate_series(1, {10_000 + more_users}) as n"
    )
    summary = app.synced(first_fill=True)
    assert (summary.created, summary.failed) == (10_000 + more_users, 0)
    wrong = app.one(
        "select count(*) from auth.users u join public.people p on p.uid = u.id"
        " where u.raw_user_meta_data ->> 'username' = 'anna' and p.username is distinct from"
        " case split_part(u.email, '@', 1) when '1' then 'anna'"
        " else 'anna_' || split_part(u.email, '@', 1) end"
    )
    assert wrong == 0


def test_in_parts(app: App) -> None:
    """Limited, by shares, and beside profiles that came meanwhile: in the end everybody has what
    one run would have given.
    """
    people(app)
    ids = sign_up(app, *["anna", "bob", "anna_2", "anna"] * 6)
    everybody = [one.user_id for group in app.plan()[1].numbered for one in group.values]
    assert everybody
    expected = model([], ["anna", "bob", "anna_2", "anna"] * 6, 99, lower=False)
    assert app.synced(share=(2, 3)).failed == 0
    assert app.synced(limit=5).failed == 0
    assert app.synced(share=(1, 3)).failed == 0
    assert app.sync().exit_code == 0
    assert names(app, ids) == expected


# -- the plan -------------------------------------------------------------------------------------


def test_the_plan_says_how_many(app: App) -> None:
    """A plan says of each column how many values get a number, and shows them where whole ids are
    shown, masked elsewhere.
    """
    people(app)
    ids = sign_up(app, "anna", "anna", "bob", "anna")
    run, _ = app.plan()
    short, whole = terminal(run), terminal(run, show_ids=True)
    assert "2 of username are taken: they get a number:" in short
    assert "a***_2" in short
    assert "anna_2" not in short
    assert f"{ids[1]}  anna_2" in whole
    assert "anna_2" not in as_json(run)
    assert "a***_2" in as_json(run)
    assert "anna_2" in as_json(run, show_ids=True)


def test_an_approved_plan_is_carried_out(app: App) -> None:
    """A digest approves the numbers, and a run by it gives exactly these."""
    people(app)
    ids = sign_up(app, "anna", "anna")
    digest = app.plan()[1].digest
    assert app.sync(approve=digest).exit_code == 0
    assert names(app, ids) == ["anna", "anna_2"]


def test_a_planned_value_is_taken_meanwhile(app: App) -> None:
    """Who takes a planned value makes the plan stale: nobody gets another one by an old digest."""
    people(app)
    sign_up(app, "anna", "anna")
    digest = app.plan()[1].digest
    app.rows("alter table public.people drop constraint people_uid_fkey")
    app.rows("insert into public.people values (gen_random_uuid(), 'anna_2')")
    run = app.sync(approve=digest)
    assert run.exit_code == 4
    assert "values of these users" in run.error
    assert app.one("select count(*) from public.people") == 1
    assert app.plan()[1].numbered[0].values[0].value == "anna_3"


def test_a_value_that_is_taken_during_the_run(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes a planned value after the plan was made costs one creation, which the next run
    makes good.
    """
    people(app)
    ids = sign_up(app, "anna", "anna", "anna")
    app.rows("alter table public.people drop constraint people_uid_fkey")
    execute = sync_module.execute

    def late(*given: Any, **named: Any) -> Any:
        app.rows("insert into public.people values (gen_random_uuid(), 'anna_2')")
        return execute(*given, **named)

    monkeypatch.setattr(sync_module, "execute", late)
    summary = app.synced()
    assert (summary.created, summary.failed) == (2, 1)
    assert summary.failures[0].sqlstate == "23505"
    monkeypatch.setattr(sync_module, "execute", execute)
    assert app.sync().exit_code == 0
    assert names(app, ids) == ["anna", "anna_4", "anna_3"]


# -- one by one -----------------------------------------------------------------------------------


def test_one_profile_by_hand(app: App) -> None:
    """``create-profile`` gives the first value that no profile has, and its rehearsal passes."""
    people(app)
    ids = sign_up(app, "anna", "anna", "anna")
    assert app.sync(limit=1).exit_code == 0
    tried = app.run("doctor.user", task="doctor", reference=ids[2])
    assert "the insert passes" in [step.detail for step in tried.steps]
    assert app.run("create-profile", reference=ids[2]).exit_code == 0
    assert names(app, ids) == ["anna", "no profile", "anna_2"]
    assert app.sync().exit_code == 0
    assert names(app, ids)[1] == "anna_3"


def test_a_sign_up_gets_a_value_that_nobody_has(app: App) -> None:
    """The trigger gives a new user the first value that is free, cut where it is too long."""
    people(app, "username varchar(5) not null", more=BY_LOWER)
    migration = applied(app)
    assert migration.exit_code == 0
    ids = sign_up(app, "Anna", "anna", "anna_", "ANNA")
    assert names(app, ids) == ["Anna", "ann_2", "anna_", "ANN_3"]
    assert app.rows("select * from usersync.failures") == []


def test_a_table_that_usersync_makes(app: App) -> None:
    """A table that usersync makes has the constraint, and nothing is pending afterwards."""
    app.configure(f"profiles: [{{table: people, key: uid, columns: {{username: {SOURCE}}}}}]")
    applied(app, create_table=True)
    assert set(states(plan_migration(app)).values()) == {"applied"}
    ids = sign_up(app, "anna", "anna")
    assert names(app, ids) == ["anna", "anna_2"]


def test_two_sign_ups_at_once(app: App) -> None:
    """Who wants the value that somebody else is about to have gets the next one, and waits for
    nothing but the other's end.
    """
    people(app)
    applied(app)
    add = (
        "insert into auth.users (id, instance_id, aud, role, email, raw_user_meta_data)"
        " values (%s, '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated',"
        """ %s, '{"username": "anna"}')"""
    )
    ids = [str(uuid.uuid4()) for _ in range(2)]
    with (
        psycopg.connect(app.url) as first,
        psycopg.connect(app.url) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        first.execute(add, [ids[0], "a@example.com"])
        waiting = pool.submit(second.execute, add, [ids[1], "b@example.com"])
        while not app.one("select count(*) from pg_locks where not granted"):
            assert not waiting.done()
        first.commit()
        waiting.result()
        second.commit()
    assert names(app, ids) == ["anna", "anna_2"]
    assert app.rows("select * from usersync.failures") == []


def test_somebody_else_is_always_faster(app: App) -> None:
    """A clash that no other number ends is recorded after a few tries, and the sign-up passes."""
    people(app)
    applied(app)
    app.rows("create sequence public.tries")
    app.rows(
        "create function public.faster() returns trigger language plpgsql as $$ begin"
        " perform nextval('public.tries'); raise unique_violation using constraint = 'never';"
        " end $$;"
        " create trigger faster before insert on public.people for each row"
        " execute function public.faster()"
    )
    ids = sign_up(app, "anna")
    assert names(app, ids) == ["no profile"]
    (failure,) = app.rows("select sqlstate, constraint_name from usersync.failures")
    assert failure == {"sqlstate": "23505", "constraint_name": "never"}
    assert app.one("select last_value from public.tries") == 10


def test_who_becomes_permanent(app: App) -> None:
    """An anonymous user who becomes permanent gets a value that nobody has, and so does one whose
    name comes a moment later; a value that was given stays.
    """
    people(app, source="{from: [user_metadata.username, email], unique: suffix}")
    applied(app)
    sign_up(app, "anna")
    ids = [app.user(is_anonymous=True, email=None, raw_user_meta_data={}) for _ in range(3)]
    app.rows(
        "update auth.users set is_anonymous = false,"
        f""" raw_user_meta_data = '{{"username": "anna"}}' where id = '{ids[0]}'"""
    )
    for later in (
        "email = 'c@example.com', raw_user_meta_data = '{\"username\": \"anna\"}'",
        "email = 'd@example.com'",
    ):
        user = ids[1] if "anna" in later else ids[2]
        with psycopg.connect(app.url) as connection:
            connection.execute(
                f"update auth.users set is_anonymous = false where id = '{user}'".encode()
            )
            connection.execute(f"update auth.users set {later} where id = '{user}'".encode())
            connection.execute(
                f"update auth.users set phone = '1{user[:6]}' where id = '{user}'".encode()
            )
    assert names(app, ids) == ["anna_2", "anna_3", "d@example.com"]
    assert app.rows("select * from usersync.failures") == []


def test_sign_ups_while_a_sync_runs(app: App) -> None:
    """Sign-ups and a sync that want the same values lose nobody: what fails is made by the next."""
    people(app)
    ids = sign_up(app, *["anna"] * 300)
    applied(app)
    with psycopg.connect(app.url, autocommit=True) as connection, ThreadPoolExecutor(1) as pool:
        run = pool.submit(app.synced, first_fill=True, batch_size=10)
        while not run.done():
            connection.execute(
                "insert into auth.users (id, instance_id, aud, email, raw_user_meta_data) values"
                " (gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated',"
                """ gen_random_uuid() || '@example.com', '{"username": "anna"}')"""
            )
    assert app.sync().exit_code == 0
    assert "no profile" not in names(app, ids)
    assert app.status().missing == 0


def test_the_clash_is_over_after_an_overwrite(app: App) -> None:
    """``--no-preserve`` leaves a value with a number what it is."""
    people(app)
    applied(app)
    ids = sign_up(app, "anna", "anna")
    app.rows("""update auth.users set raw_user_meta_data = '{"username": "other"}'""")
    run = app.run("sync.overwrite", task="sync", options=SyncOptions())
    assert run.exit_code == 0, run.error
    assert names(app, ids) == ["anna", "anna_2"]


# -- over the API ---------------------------------------------------------------------------------


def digestless(run: Run) -> Any:
    """What a plan says, but for the moment and what tells the doors apart."""
    plan = run.tables[0].plan
    assert plan is not None
    return plan.rows, plan.columns, plan.numbered, plan.digest.rpartition("-")[2]


def test_over_the_api(doors: Doors) -> None:
    """Plan, rehearsal, approved run and a profile by hand over the API give the numbers that a
    connection gives.
    """
    app = doors.connection()
    people(app, "username varchar(6)", more=BY_LOWER, top="trigger: none\n")
    applied(app)
    wanted = ["anna", "Anna", "ANNA_2", "abcdef", "abcdef", None, "abcd", "abcdef"]
    ids = sign_up(app, *wanted)
    direct, over = doors.both("sync.plan", options=SyncOptions())
    assert over.exit_code == 2, over.error
    assert digestless(direct) == digestless(over)
    assert app.rehearsed().created == len(ids)
    assert over.tables[0].plan is not None
    run = app.sync(approve=over.tables[0].plan.digest)
    assert (run.exit_code, summary_of(run).created) == (0, len(ids))
    expected = model([], wanted, 6, lower=True)
    assert names(app, ids) == expected
    late = app.user(raw_user_meta_data={"username": "ANNA"})
    assert app.run("create-profile", reference=late).exit_code == 0
    assert names(app, [late]) == ["ANNA_4"]


def test_over_the_api_with_an_index_that_is_gone(doors: Doors) -> None:
    """The functions ask what they were made for; without the index the table is refused."""
    app = doors.connection()
    people(app, "username text", more=BY_LOWER, top="trigger: none\n")
    applied(app)
    app.rows("drop index public.people_lower_idx")
    run = doors.over_api().sync()
    assert run.exit_code == 3
    assert "nothing asks for unique values" in run.error


def test_before_the_migration(over: App) -> None:
    """Over an API without functions nobody can tell what is taken: refused, and said which ways
    can.
    """
    people(over, more="grant select, insert on public.people to service_role")
    sign_up(over, "anna")
    run = over.sync()
    assert run.exit_code == 3
    assert "which values are taken only the database can work out" in run.error
    assert run.next_steps


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "rest", "said"),
    [
        ("{from: {literal: x}, unique: suffix}", "", "fixed value"),
        ("{from: email, unique: yes}", "", "{from: SOURCE, unique: suffix}"),
        ("{from: email}", "", "{from: SOURCE, unique: suffix}"),
        ("[{from: email, unique: suffix}, email]", "", "goes around the list"),
        (SOURCE, "    follow: [username]\n", "is followed equals its source"),
        (SOURCE, "    create: own_function\n", "is for `create: columns`"),
    ],
)
def test_a_setting_that_means_nothing(app: App, source: str, rest: str, said: str) -> None:
    """Where a number can have no meaning the configuration is refused."""
    people(app, source=source, rest=rest)
    run = app.sync()
    assert run.exit_code == 3
    assert said in run.error


@pytest.mark.parametrize(
    ("column", "more", "said"),
    [
        ("username text", "", "nothing asks for unique values of public.people.username"),
        (
            "username text, team int",
            "create unique index on public.people (username, team)",
            "nothing asks for unique values",
        ),
        (
            "username text, gone boolean",
            "create unique index on public.people (username) where not gone",
            "nothing asks for unique values",
        ),
        (
            "username text, team text",
            "create unique index on public.people (lower(username || team))",
            "nothing asks for unique values",
        ),
        (
            "username text unique, team text",
            "create unique index by_team on public.people (lower(username), team)",
            "by_team",
        ),
        (
            "username text unique",
            "create unique index once on public.people (lower(username)) where username <> ''",
            "once",
        ),
        ("username int unique", "", "is of type integer"),
        ("username jsonb unique", "", "is of type jsonb"),
    ],
)
def test_a_table_that_has_no_use_for_it(app: App, column: str, more: str, said: str) -> None:
    """Without a unique index that a number can satisfy, or with a type that takes none, sync is
    refused; status is not.
    """
    people(app, column, more=more)
    sign_up(app, "anna", "anna")
    run = app.sync()
    assert run.exit_code == 3
    assert said in run.error
    assert app.status().missing == 2


def test_made_by_the_apps_own_function(app: App) -> None:
    """Where the app's function makes the profiles, the setting is refused, and by which."""
    people(app)
    app.rows(
        "create function public.handle_new_user() returns trigger language plpgsql"
        " security definer set search_path = '' as $$ begin"
        " insert into public.people (uid) values (new.id); return new; end $$;"
    )
    app.rows(
        "create trigger on_auth_user_created after insert on auth.users for each row"
        " execute function public.handle_new_user()"
    )
    run = app.sync()
    assert run.exit_code == 3
    assert "public.handle_new_user() makes the profiles" in run.error


def test_a_table_without_it_pays_nothing(app: App) -> None:
    """Nobody looks for indexes or wishes where no column asks for them."""
    app.user()
    target = load(environ={"SUPABASE_DB_URL": app.url})
    door = PostgresDoor(target)
    try:
        table = door.table(target.profiles[0], writing=True)
        assert table.suffixed == ()
        named = table_names.of_table(table, target.settings.users)
        plain = profiles.value_list(table.settings, table.column_types)
        assert named["values"].as_string() == plain.as_string()
        assert numbers(door, table, Selection(), 100) == (None, ())
    finally:
        door.close()
