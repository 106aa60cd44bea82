"""The second door in bad weather: keys, addresses, networks, other versions, runs side by side."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.api_server import (
    LOST,
    PUBLISHABLE_KEY,
    RESET,
    SECRET_KEY,
    SERVICE_KEY,
    Answer,
    Api,
    api,
    token,
)
from tests.app import App, counts, summary_of
from tests.faults import trigger, until
from tests.migrated import applied
from usersync import config
from usersync.backends import Ids, Selection
from usersync.backends.api import ApiDoor
from usersync.backends.postgres import PostgresDoor
from usersync.errors import Interrupted, Refused
from usersync.migration import ApplyOptions
from usersync.model import Run
from usersync.sync import SyncOptions

pytestmark = pytest.mark.any_postgres

__all__ = ["api"]

#: Everybody, and one of them.
EVERYBODY = Selection()
ONE = Ids(("00000000-0000-4000-8000-000000000001",))

#: Time enough for a few tries, and no more.
IMPATIENT = "retry_s: 3\n"


@pytest.fixture
def over(app: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app with the migration installed, reached over its API from now on."""
    app.configure(IMPATIENT)
    applied(app)
    monkeypatch.delenv("SUPABASE_DB_URL")
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    api.requests.clear()
    return app


@pytest.fixture
def lacking(over: App) -> App:
    """The same with 3 users, none of whom has a profile."""
    over.users(3)
    over.rows("delete from public.user_profiles")
    return over


def told(run: Run) -> str:
    """Everything that a run says to a person about what went wrong."""
    return "\n".join((run.error, *run.next_steps))


# -- keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY"])
@pytest.mark.parametrize("key", [SERVICE_KEY, SECRET_KEY])
def test_both_kinds_of_key_open_it(
    over: App, monkeypatch: pytest.MonkeyPatch, variable: str, key: str
) -> None:
    """A legacy service_role key and a secret key do, under either name."""
    monkeypatch.delenv("SUPABASE_SERVICE_ROLE_KEY")
    monkeypatch.setenv(variable, f"{key}\n")
    run = over.run("status")
    assert run.exit_code == 0, run.error
    assert run.target is not None
    assert ("legacy" in run.target.door) == (key == SERVICE_KEY)


KEYS = {
    PUBLISHABLE_KEY: "a publishable key",
    token(role="anon", ref="a" * 20): "the anon key",
    token(role="authenticated"): "the token of a signed-in user",
    token(role="service_role", exp=1_600_000_000): "a key that expired on 2020-09-13",
    token(role="service_role", exp=4_000_000_000)[:-40]: "no API key of Supabase",
    "sbp_" + "0" * 40: "a personal access token",
    "postgresql://postgres:secret@localhost/postgres": "a connection string",
    f'"{SECRET_KEY}"': "a quote",
    "hunter2": "no API key of Supabase",
}


@pytest.mark.parametrize("key", KEYS, ids=list(KEYS.values()))
def test_another_key_is_refused(
    over: App, api: Api, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Exit 3 with what it is and where the right one is; the key never leaves, nor is shown."""
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", key)
    run = over.run("status")
    assert run.exit_code == 3
    assert KEYS[key] in run.error
    assert "Settings, API Keys" in told(run)
    assert api.requests == []
    assert key not in told(run)
    assert key[5:17] not in told(run)


def test_the_key_of_another_project_is_refused(over: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A legacy key says whose it is."""
    monkeypatch.setenv("SUPABASE_URL", f"https://{'a' * 20}.supabase.co")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", token(role="service_role", ref="b" * 20))
    run = over.run("status")
    assert run.exit_code == 3
    assert f"the key of another project than {'a' * 20}" in run.error


def test_a_key_that_the_server_does_not_know_is_refused(
    over: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A well-formed key that was revoked: exit 3 and where the right one is, asked once."""
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "sb_secret_of_yesterday_0123456789")
    run = over.run("status")
    assert (run.exit_code, "does not accept this key" in run.error) == (3, True)
    assert "Settings, API Keys" in told(run)


# -- addresses ---------------------------------------------------------------------------------

PROJECT = f"{'a' * 20}.supabase.co"

URLS = {
    "": None,
    PROJECT: f"did you mean https://{PROJECT}?",
    f"https://{PROJECT}/rest/v1": f"export SUPABASE_URL=https://{PROJECT}",
    f"https://{PROJECT}/?x=1": f"export SUPABASE_URL=https://{PROJECT}",
    f"http://{PROJECT}": f"export SUPABASE_URL=https://{PROJECT}",
    "postgresql://postgres@localhost/postgres": "holds a connection string",
    f"https://supabase.com/dashboard/project/{'a' * 20}": f"export SUPABASE_URL=https://{PROJECT}",
    "https://user:secret@example.com": "a host and nothing else",
    "https://": "a host and nothing else",
    "https://[::1": "is no URL",
}


@pytest.mark.parametrize("url", URLS)
def test_an_address_that_is_none(over: App, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Exit 3, one clear line and the remedy; nothing of a password in it."""
    monkeypatch.setenv("SUPABASE_URL", url)
    run = over.run("status")
    assert run.exit_code == 3
    assert (URLS[url] or "SUPABASE_URL is not: the API needs both") in told(run)
    assert "secret" not in told(run)


def test_a_slash_at_the_end_is_no_mistake(
    over: App, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dashboard shows it so."""
    monkeypatch.setenv("SUPABASE_URL", f" {api.url}/ ")
    assert over.run("status").exit_code == 0


def test_half_an_api(over: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set the address or the key alone is told which half is missing."""
    monkeypatch.delenv("SUPABASE_URL")
    run = over.run("status")
    assert run.exit_code == 3
    assert "SUPABASE_SERVICE_ROLE_KEY is set, and SUPABASE_URL is not" in run.error
    monkeypatch.setenv("SUPABASE_URL", f"https://{PROJECT}")
    monkeypatch.delenv("SUPABASE_SERVICE_ROLE_KEY")
    run = over.run("status")
    assert "SUPABASE_URL is set, and SUPABASE_SERVICE_ROLE_KEY is not" in run.error


# -- networks ----------------------------------------------------------------------------------


def first(number: int, answer: Answer) -> Callable[[str, str, int], Answer | None]:
    """The first requests are answered so."""
    return lambda _method, _path, count: answer if count <= number else None


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status) for status in (429, 502, 503, 504, 520, 521, 522, 523, 524)),
        Answer(429, headers=(("Retry-After", "1"),)),
        Answer(200, b'{"version": "', claimed_length=5_000),
        RESET,
    ],
)
def test_a_read_is_tried_again(over: App, api: Api, answer: Answer) -> None:
    """What passes by itself does not end a read."""
    api.fault = first(2, answer)
    run = over.run("status", quick=True)
    assert run.exit_code == 0, run.error
    assert len(api.requests) == 5


def test_retry_after_is_kept(over: App, api: Api) -> None:
    """A server that says when to come back is not asked sooner."""
    api.fault = first(1, Answer(429, headers=(("Retry-After", "2"),)))
    run = over.run("status", quick=True)
    assert run.exit_code == 0
    assert (run.ended_at - run.started_at).total_seconds() >= 2


OUTAGES = {
    "503": (Answer(503), 1, "it answered 503"),
    "429": (Answer(429), 1, "too many requests"),
    "reset": (RESET, 1, "the connection broke"),
    "cut": (Answer(200, b"{", claimed_length=9), 1, "the connection broke"),
    "HTML": (Answer(200, b"<html>parked</html>", "text/html"), 1, "something that is not JSON"),
    "a type": (Answer(200, b"true", "text/plain"), 1, "something that is not JSON"),
    "a login page": (Answer(302, b"", headers=(("Location", "/login"),)), 1, "it answered 302"),
    "another API": (Answer(200, b'{"hello": "world"}'), 1, "not from usersync"),
    "paused": (Answer(540, b"{}"), 1, "the project is paused"),
    "no database": (Answer(503, b'{"code": "PGRST001"}'), 1, "does not reach its database"),
    "hidden schema": (Answer(406, b'{"code": "PGRST106"}'), 3, "does not expose the schema public"),
    "a clock": (Answer(401, b'{"code": "PGRST303"}'), 3, "a clock is wrong"),
    "safeupdate": (Answer(400, b'{"code": "21000"}'), 1, "21000 (cardinality_violation)"),
    "rights": (Answer(403, b'{"code": "42501"}'), 3, "the key may not do that"),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_is_one_clear_line(over: App, api: Api, outage: str) -> None:
    """Each has its line and its exit code; no traceback, no key, and it ends in time."""
    answer, exit_code, words = OUTAGES[outage]
    over.configure("retry_s: 0.5\n")
    api.fault = lambda *_: answer
    run = over.run("status")
    assert run.exit_code == exit_code
    assert words in run.error
    assert "bug" not in run.error
    assert "\n" not in run.error
    assert (run.ended_at - run.started_at).total_seconds() < 8


def test_nobody_is_there(over: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that nobody listens on: exit 1, and no word of Python."""
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:9")
    over.configure("retry_s: 0\n")
    run = over.run("status")
    assert (run.exit_code, "it refuses connections" in run.error) == (1, True)


def test_a_host_that_does_not_exist(over: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1 with the two causes: a typing error, or a paused project."""
    monkeypatch.setenv("SUPABASE_URL", "https://usersync.invalid")
    over.configure("retry_s: 0\n")
    run = over.run("status")
    assert run.exit_code == 1
    assert "there is no such host" in run.error
    assert "paused" in told(run)


def test_a_proxy_is_honoured(over: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """``http_proxy`` carries every call, unless ``no_proxy`` names the host."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    over.configure("retry_s: 0\n")
    assert over.run("status").exit_code == 1
    assert api.requests == []
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert over.run("status").exit_code == 0


# -- writing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [RESET, LOST, Answer(503), Answer(504), Answer(429)])
@pytest.mark.parametrize("all_missing", [True, False])
def test_a_lost_answer_is_not_lost_count(
    lacking: App, api: Api, answer: Answer, all_missing: bool
) -> None:
    """A batch whose answer was lost, done or not, is created once and counted once."""
    if not all_missing:
        lacking.user()
    broken: list[str] = []

    def fault(_method: str, path: str, _count: int) -> Answer | None:
        if "/usersync_create" in path and len(broken) < 2:
            broken.append(path)
            return answer
        return None

    api.fault = fault
    summary = lacking.synced()
    assert len(broken) == 2
    assert counts(summary) == {"created": 3, "failed": 0, "already_there": 0, "gone": 0}
    assert lacking.status().missing == 0


def test_an_outage_during_a_sync_keeps_what_was_done(lacking: App, api: Api) -> None:
    """Exit 1, what was created stays and is told, and the next run does the rest."""

    def fault(_method: str, path: str, _count: int) -> Answer | None:
        return Answer(503) if api.calls("usersync_create") > 1 and "create" in path else None

    api.fault = fault
    run = lacking.sync(batch_size=1)
    assert run.exit_code == 1
    assert summary_of(run).created == 1
    api.fault = lambda *_: None
    assert counts(lacking.synced()) == {"created": 2, "failed": 0, "already_there": 0, "gone": 0}


def test_a_deadlock_is_never_the_apps(lacking: App) -> None:
    """A transaction of the app that has one profile and wants another passes; so does the batch."""
    first, second, _ = sorted(str(row["id"]) for row in lacking.rows("select id from auth.users"))
    trigger(
        lacking,
        f"if new.user_id = '{second}' and current_setting('application_name') <> 'the app' then"
        " perform pg_advisory_xact_lock(5417); perform pg_sleep(0.3); end if;",
    )
    between = "select pid from pg_locks where locktype = 'advisory' and objid = 5417"
    insert = "insert into user_profiles (user_id, email) values (%s, gen_random_uuid())"
    with (
        psycopg.connect(lacking.url, application_name="the app") as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute(insert, [second])
        future = pool.submit(lacking.sync)
        until(lambda: lacking.rows(between), "the batch to be between its two rows")
        other.execute(insert, [first])
        other.commit()
        run = future.result(timeout=30)
    assert (run.exit_code, run.error) == (0, "")
    assert counts(summary_of(run)) == {"created": 1, "failed": 0, "already_there": 2, "gone": 0}


def test_ctrl_c_ends_a_call_that_is_not_answered(lacking: App, api: Api) -> None:
    """A silent network does not keep a run that is to end."""
    target = config.load()
    door = ApiDoor(target)
    table = door.table(target.profiles[0], writing=True)
    asked = threading.Event()

    def fault(_method: str, path: str, _count: int) -> Answer:
        asked.set()
        time.sleep(5)
        return Answer(503)

    api.fault = fault
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(lambda: door.create(table, EVERYBODY, ONE, max_failures=1))
        assert asked.wait(5)
        began = time.monotonic()
        door.cancel()
        with pytest.raises(Interrupted):
            call.result(timeout=3)
        assert time.monotonic() - began < 3
    door.close()


def test_a_read_cannot_write(lacking: App, api: Api) -> None:
    """A door for reading stops a write before it leaves: a bug of ours writes nothing."""
    target = config.load()
    door = ApiDoor(target, read_only=True)
    table = door.table(target.profiles[0], writing=False)
    before = len(api.requests)
    for write in (
        lambda: door.create(table, EVERYBODY, ONE, max_failures=1),
        lambda: door.catalog.canary(target.profiles, ()),
    ):
        with pytest.raises(Refused, match="a write was stopped before it left"):
            write()
    asked = {path.rpartition("/")[2] for _, path in api.requests[before:]}
    assert not any(name.startswith(("usersync_create", "usersync_lease")) for name in asked)
    assert "usersync_canary" not in asked
    door.close()


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [
        ("status", {}),
        ("sync.plan", {"options": SyncOptions()}),
        ("migration.verify", {}),
        ("doctor", {}),
        ("connect.check", {}),
    ],
)
def test_a_read_calls_only_what_cannot_write(
    lacking: App, api: Api, operation: str, inputs: dict[str, Any]
) -> None:
    """GET, HEAD and POST to functions that are STABLE; the database itself says which are."""
    lacking.run(operation, **inputs)
    stable = lacking.one(
        "select array_agg(proname::text) from pg_proc where provolatile = 's'"
        " and proname like 'usersync%%'"
    )
    called = {path.rpartition("/")[2] for _, path in api.requests}
    assert called
    assert called <= set(stable)


def test_no_statement_over_the_api_forgets_its_where(app: App) -> None:
    """safeupdate, loaded for the API's role, refuses UPDATE and DELETE without WHERE."""
    code = re.sub(r"--[^\n]*", "", app.change("0008_api").apply)
    statements = re.findall(r"(?:^|\n)\s*(update|delete from) ([^;]*);", code)
    assert len(statements) >= 8
    for verb, rest in statements:
        assert " where " in f" {' '.join(rest.split())} ", f"{verb} {rest}"


# -- what is installed -------------------------------------------------------------------------


def test_functions_of_another_version(over: App) -> None:
    """Exit 3, both versions, and what to do."""
    over.rows(
        "create or replace function public.usersync_access(input jsonb default '{}')"
        " returns jsonb language sql stable as"
        """ $$select '{"version": "0.0.1", "configuration": "", "rows": []}'::jsonb$$"""
    )
    run = over.run("status")
    assert run.exit_code == 3
    assert "of usersync 0.0.1" in run.error
    assert run.next_steps[0].endswith("over a database connection: migration.apply")
    over.configure("install: nothing\n")
    assert (
        over.run("status")
        .next_steps[0]
        .endswith(
            "over a database connection: say install: full in usersync.yaml, which says install:"
            " nothing; then migration.apply"
        )
    )


def test_functions_of_another_configuration(over: App) -> None:
    """Exit 3: the functions count other users than usersync.yaml says."""
    over.configure("users: {anonymous: true}\n")
    run = over.run("status")
    assert run.exit_code == 3
    assert "another configuration" in run.error
    assert "migration.apply" in told(run)


@pytest.mark.parametrize(
    "rows", ["", '"rows": null', '"rows": {}', '"rows": [1]', '"rows": [{"odd": 1}]']
)
def test_an_answer_with_other_fields(over: App, rows: str) -> None:
    """An answer that is not of the form we know is exit 1 and no traceback."""
    version = over.run("status").tool_version
    configuration = over.one("select public.usersync_access() ->> 'configuration'")
    extra = f", {rows}" if rows else ""
    over.rows(
        "create or replace function public.usersync_status_quick(input jsonb default '{}')"
        " returns jsonb language sql stable as"
        f""" $$select '{{"version": "{version}", "configuration": "{configuration}"{extra}}}'"""
        "::jsonb$$"
    )
    run = over.run("status", quick=True)
    assert run.exit_code == 1
    assert "usersync_status_quick" in run.error
    assert "bug" not in run.error


# -- runs side by side -------------------------------------------------------------------------


@pytest.fixture
def other(over: App, app: App) -> Iterator[PostgresDoor]:
    """Another run, over a connection to the same target."""
    assert over
    door = PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    yield door
    door.close()


def test_a_run_over_the_api_waits_for_one_over_a_connection(
    lacking: App, other: PostgresDoor
) -> None:
    """Exit 7 says who and since when; with ``--wait`` it takes its turn."""
    _, plan = lacking.plan()
    with ThreadPoolExecutor(1) as pool:
        with other.exclusively("migration.apply", 0):
            run = lacking.sync(approve=plan.digest)
            assert run.exit_code == 7
            assert "usersync migration.apply (process " in run.error
            assert ", since 2" in run.error
            later = pool.submit(lambda: lacking.sync(approve=plan.digest, wait_s=20.0))
            with pytest.raises(TimeoutError):
                later.result(timeout=0.7)
        assert later.result(timeout=20).exit_code == 0


def test_a_run_over_a_connection_waits_for_one_over_the_api(
    lacking: App, api: Api, other: PostgresDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an approved run over the API is at work, apply over a connection is exit 7."""
    _, plan = lacking.plan()
    seen: list[Run] = []

    def fault(_method: str, path: str, _count: int) -> None:
        if path.endswith("/usersync_create") and not seen:
            with monkeypatch.context() as patch:
                patch.setenv("SUPABASE_DB_URL", lacking.url)
                seen.append(
                    lacking.run(
                        "migration.apply",
                        task="migration.apply",
                        options=ApplyOptions(yes=True, repair=True),
                    )
                )

    lacking.rows("revoke execute on function public.usersync_status(jsonb) from service_role")
    api.fault = fault
    assert lacking.sync(approve=plan.digest).exit_code == 0
    (run,) = seen
    assert run.exit_code == 7, run.error
    assert "usersync sync --approve (over the API), since 2" in run.error


def test_two_runs_over_the_api_take_turns(lacking: App) -> None:
    """Of several approved runs of one digest one works; the others find the digest used."""
    _, plan = lacking.plan()
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: lacking.sync(approve=plan.digest, wait_s=20.0), range(3)))
    assert sorted(run.exit_code for run in runs) == [0, 4, 4]
    assert lacking.rows("select * from usersync.lease") == []


def lease(app: App, until: datetime) -> None:
    """The lease of a run that was killed."""
    app.rows(
        "insert into usersync.lease (holder, task, since, until) values"
        " (gen_random_uuid(), 'usersync sync --approve', now(), %(until)s)",
        until=until,
    )


def test_a_killed_run_is_in_nobodys_way_for_long(lacking: App, other: PostgresDoor) -> None:
    """Its lease ends by itself: both doors wait for it until then, and not after."""
    _, plan = lacking.plan()
    lease(lacking, datetime.now(UTC) + timedelta(seconds=60))
    assert lacking.sync(approve=plan.digest).exit_code == 7
    lacking.rows("update usersync.lease set until = now() - interval '1 second'")
    with other.exclusively("migration.apply", 0):
        pass
    assert lacking.sync(approve=plan.digest).exit_code == 0


def test_who_lost_the_turn_writes_nothing_more(lacking: App, api: Api) -> None:
    """A run that was not heard of for too long, a sleeping laptop, meets its end, not another."""
    _, plan = lacking.plan()

    def fault(_method: str, path: str, _count: int) -> None:
        if path.endswith("/usersync_create"):
            lacking.rows("update usersync.lease set until = now() - interval '1 second'")

    api.fault = fault
    run = lacking.sync(approve=plan.digest)
    assert run.exit_code == 1
    assert "has lost its turn" in run.error
    assert lacking.status().missing == 3
