"""Where connection strings lead, and what it means when a connection cannot be opened."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from usersync.backends.postgres.address import Address
from usersync.backends.postgres.connection import connect, run_script
from usersync.backends.postgres.remedies import explain
from usersync.errors import ConnectionFailed
from usersync.local import cluster, programs

REF = "abcdefghijklmnopqrst"
PASSWORD = "correct-horse-7"  # also the wrong one is looked for in every message
WRONG = "wrong-battery-9"


@dataclass(frozen=True)
class TcpServer:
    """A Postgres that asks for passwords, on a port of 127.0.0.1."""

    port: int
    directory: Path

    def url(
        self,
        user: str = "keeper",
        password: str = PASSWORD,
        database: str = "postgres",
        more: str = "",
    ) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}{more}"


@pytest.fixture(scope="module")
def tcp(binaries: Path) -> Iterator[TcpServer]:
    """The server; `cluster` starts its own on a socket only, without passwords."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        cluster.create(directory, binaries)
        data = directory / "data"
        port = free_port()
        (data / "postgresql.auto.conf").write_text(
            f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{name}'\n"
            "fsync = off\n"
        )
        (data / "pg_hba.conf").write_text(
            "local all supabase_admin trust\n"
            "host all stranger 127.0.0.1/32 reject\n"
            "host all all 127.0.0.1/32 scram-sha-256\n"
        )
        account = pwd.getpwnam(programs.ACCOUNT_FOR_ROOT) if os.geteuid() == 0 else None
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data],
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stderr=subprocess.DEVNULL,
        )
        try:
            run_script(
                wait_for(f"postgresql://supabase_admin@/postgres?host={name}&port={port}"),
                f"create role keeper login password '{PASSWORD}';"
                f"create role crowded login password '{PASSWORD}' connection limit 0;"
                f"create role nologin_role password '{PASSWORD}';"
                f"create role cli_login_postgres login password '{PASSWORD}';"
                "create role postgres; grant postgres to cli_login_postgres;"
                f"create role cli_login_stray login password '{PASSWORD}';",
            )
            yield TcpServer(port, directory)
        finally:
            process.terminate()
            process.wait(10)


def wait_for(url: str) -> str:
    """Wait until a server that was just started takes connections."""
    for _ in range(200):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            break
        time.sleep(0.05)
    return url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def stub(*answers: bytes) -> Iterator[int]:
    """A port whose server says these things to one client after the other, then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            for answer in answers:
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    with client:
                        client.settimeout(5)
                        client.recv(4096)
                        client.sendall(answer)
                        if not answer:
                            continue
                        # Closing with unread bytes would reset the connection under the answer.
                        client.recv(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def fatal(sqlstate: str, text: str) -> bytes:
    """What a Postgres or a pooler sends to a client that it does not let in."""
    fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0".encode()
    return b"E" + (len(fields) + 4).to_bytes(4, "big") + fields


def failure(url: str, **options: float) -> ConnectionFailed:
    """The failure to open a connection, after a look for secrets in all it says."""
    with pytest.raises(ConnectionFailed) as caught:
        connect(url, connect_timeout_s=2, retry_s=options.get("retry_s", 0))
    error = caught.value
    said = f"{error.message} {error.next_step} {error!r}"
    assert PASSWORD not in said
    assert WRONG not in said
    assert "://" not in error.message
    assert error.__suppress_context__ or error.__context__ is None
    return error


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conninfo", "kind", "label", "door"),
    [
        (
            f"postgresql://postgres:pw@db.{REF}.supabase.co:5432/postgres",
            "direct",
            REF,
            "direct as postgres",
        ),
        (
            f"postgresql://postgres.{REF}:pw@aws-1-eu-west-3.pooler.supabase.com:5432/postgres",
            "session pooler",
            REF,
            "direct as postgres via session pooler",
        ),
        (
            f"postgresql://postgres.{REF}:pw@aws-1-eu-west-3.pooler.supabase.com:6543/postgres",
            "transaction pooler",
            REF,
            "direct as postgres via transaction pooler",
        ),
        (
            f"postgresql://postgres:pw@db.{REF}.supabase.co:6543/postgres",
            "transaction pooler",
            REF,
            "direct as postgres via transaction pooler",
        ),
        (
            f"host=aws-0-eu-west-3.pooler.supabase.com user=cli_login_postgres.{REF} port=5432",
            "session pooler",
            REF,
            "direct as postgres via session pooler",
        ),
        (
            "postgresql:///postgres?host=/tmp/somewhere",
            "local",
            "local socket",
            "direct as postgres",
        ),
        ("host=127.0.0.1 dbname=app", "local", "127.0.0.1", "direct as postgres"),
        ("postgresql://localhost/app", "local", "localhost", "direct as postgres"),
        ("postgresql://[::1]/app", "local", "::1", "direct as postgres"),
        ("postgresql://10.0.0.7/app", "other", "10.0.0.7", "direct as postgres"),
        ("postgresql://localhost,db.example.com/app", "other", "localhost,db.example.com", None),
        ("host=localhost hostaddr=10.0.0.7", "other", "localhost", "direct as postgres"),
        ("postgresql:///app", "other", "unreadable host", "direct as postgres"),
        ("postgresql://u:p@ss@host/app", "other", "unreadable host", "direct as postgres"),
    ],
)
def test_an_address_names_its_door(conninfo: str, kind: str, label: str, door: str | None) -> None:
    """The target line says the project if it is known, and through which door we came."""
    address = Address.parse(conninfo)
    assert (address.kind, address.label) == (kind, label)
    assert door is None or address.door("postgres") == door
    assert address.is_loopback == (kind == "local")
    assert "pw" not in repr(address)


def test_identity_is_the_same_through_every_door() -> None:
    """A plan that was made through the pooler can be approved through the direct host."""
    direct = Address.parse(f"postgresql://postgres:pw@db.{REF}.supabase.co:5432/postgres")
    pooler = Address.parse(
        f"postgresql://postgres.{REF}:pw@aws-1-eu-west-3.pooler.supabase.com:6543/postgres"
    )
    assert direct.identity == pooler.identity == REF
    assert direct.database == pooler.database == "postgres"
    assert Address.parse("postgresql://u@db.example.com/app").identity == "db.example.com:5432"


# -- connections that open -----------------------------------------------------------------------


def test_a_connection_has_our_name_and_utc(tcp: TcpServer) -> None:
    """Everybody can see in pg_stat_activity who we are, and times are UTC."""
    with connect(tcp.url()) as connection:
        assert connection.autocommit
        settings = connection.execute(
            "select current_setting('application_name'), current_setting('timezone'),"
            " current_setting('client_encoding')"
        ).fetchone()
        assert settings == ("usersync", "UTC", "UTF8")
        assert connection.prepare_threshold is None


def test_a_connection_over_the_socket_opens(database: Database) -> None:
    """The embedded database, which listens on a socket only, is reached by its own URL."""
    address = Address.parse(database.url)
    assert (address.kind, address.label, address.project_ref) == ("local", "local socket", "")
    connect(database.url).close()


def test_a_login_role_becomes_postgres(tcp: TcpServer) -> None:
    """What a short-lived role of the CLI makes belongs to postgres, as everything else does."""
    with connect(tcp.url("cli_login_postgres")) as connection:
        users = connection.execute("select session_user::text, current_user::text").fetchone()
        assert users == ("cli_login_postgres", "postgres")


def test_run_script_keeps_all_or_nothing_of_a_script(tcp: TcpServer) -> None:
    """A script that fails half-way leaves nothing behind."""
    url = f"postgresql://supabase_admin@/postgres?host={tcp.directory}&port={tcp.port}"
    with pytest.raises(psycopg.errors.DivisionByZero):
        run_script(url, "create table half (id int); select 1 / 0")
    with connect(url) as connection:
        assert connection.execute("select to_regclass('half')").fetchone() == (None,)


# -- connections that do not open ----------------------------------------------------------------


def test_a_wrong_password_is_never_tried_again(tcp: TcpServer) -> None:
    """The platform bans addresses that keep trying, so one refusal is the end."""
    started = time.monotonic()
    error = failure(tcp.url(password=WRONG), retry_s=30)
    assert time.monotonic() - started < 2
    assert not error.retryable
    assert error.message == refused("keeper")


def refused(user: str) -> str:
    """What is said about a refused password."""
    bans = "the platform bans addresses that keep trying"
    return f"127.0.0.1 refused the password of the user {user}; it is not tried again, since {bans}"


UNREADABLE = "the connection string cannot be read"

#: Per case: where to, what is said, and whether trying again may help.
REAL = {
    "no role of that name": ("nobody_here:{pw}@{server}/postgres", refused("nobody_here"), False),
    "may not log in": ("nologin_role:{pw}@{server}/postgres", refused("nologin_role"), False),
    "no password": (
        "keeper@{server}/postgres?passfile=/dev/null",
        "127.0.0.1 asks for a password, and the connection string has none",
        False,
    ),
    "no database": (
        "keeper:{pw}@{server}/nowhere",
        "there is no database nowhere at 127.0.0.1",
        False,
    ),
    "rejected by pg_hba.conf": (
        "stranger:{pw}@{server}/postgres",
        "127.0.0.1 does not let the user stranger in this way",
        False,
    ),
    "too many connections": (
        "crowded:{pw}@{server}/postgres",
        "all connections of 127.0.0.1 are taken",
        True,
    ),
    "a login role that is not postgres": (
        "cli_login_stray:{pw}@{server}/postgres",
        "the login role cli_login_stray may not become postgres",
        False,
    ),
    "no encryption": (
        "keeper:{pw}@{server}/postgres?sslmode=require",
        "127.0.0.1 offers no encryption, and the connection string asks for it",
        False,
    ),
    "nothing listens": (
        "keeper:{pw}@127.0.0.1:{free}/postgres",
        "nothing listens at 127.0.0.1, port {free}",
        True,
    ),
    "no socket": ("/postgres?host=/nowhere", "no server listens on the local socket", True),
    "no such host": (
        "keeper:{pw}@usersync.invalid/postgres",
        "there is no host usersync.invalid",
        False,
    ),
    "a parameter that is none": ("keeper:{pw}@{server}/postgres?{wrong}=1", UNREADABLE, False),
    "a slash in the password": ("keeper:{wrong}/x@127.0.0.1/postgres", UNREADABLE, False),
    "an at sign in the password": ("keeper:x@{wrong}@127.0.0.1/postgres", UNREADABLE, False),
    "a bad escape": ("keeper:{wrong}%zz@127.0.0.1/postgres", UNREADABLE, False),
    "a bad sslmode": ("keeper:{pw}@{server}/postgres?sslmode={wrong}", UNREADABLE, False),
}


@pytest.mark.parametrize("case", REAL)
def test_a_real_refusal_is_explained(tcp: TcpServer, case: str) -> None:
    """Each way in which a real server or network refuses has a sentence and a next step."""
    template, message, retryable = REAL[case]
    free, server = free_port(), f"127.0.0.1:{tcp.port}"
    places = {"free": free, "server": server, "pw": PASSWORD, "wrong": WRONG}
    error = failure("postgresql://" + template.format(**places))
    assert error.message == message.format(**places)
    assert error.retryable is retryable
    assert error.next_step.endswith(".")


POOLER = {
    ("XX000", "Tenant or user not found"): (
        "the pooler at 127.0.0.1 knows no project for the user postgres.x",
        False,
    ),
    ("XX000", "(ENOTFOUND) tenant/user postgres.x not found"): (
        "the pooler at 127.0.0.1 knows no project for the user postgres.x",
        False,
    ),
    ("XX000", "(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname)"): (
        "the pooler at 127.0.0.1 knows no project for the user postgres.x",
        False,
    ),
    ("XX000", "(ECIRCUITBREAKER) too many authentication failures"): (
        "the pooler lets nobody into 127.0.0.1 for now, after too many refused passwords",
        False,
    ),
    ("XX000", "(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}"): (
        "127.0.0.1 does not take connections from this address",
        False,
    ),
    ("XX000", "(ESSLREQUIRED) SSL connection is required for user: postgres"): (
        "127.0.0.1 wants an encrypted connection",
        False,
    ),
    ("XX000", "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited"): (
        "all connections of 127.0.0.1 are taken",
        True,
    ),
    ("XX000", "Max client connections reached"): ("all connections of 127.0.0.1 are taken", True),
    ("57P03", "the database system is starting up"): ("127.0.0.1 is starting or stopping", True),
    ("57P03", "the database system is in recovery mode"): (
        "127.0.0.1 is starting or stopping",
        True,
    ),
    ("28P01", 'password authentication failed for user "postgres"'): (refused("postgres.x"), False),
    ("XX000", "something new \x1b[31m"): ("127.0.0.1 let nobody in: something new [31m", False),
}


@pytest.mark.parametrize("said", POOLER)
def test_what_a_pooler_says_is_explained(said: tuple[str, str]) -> None:
    """The words of the platform's pooler, which come without an SQLSTATE, are understood."""
    message, retryable = POOLER[said]
    with stub(fatal(*said)) as port:
        error = failure(f"postgresql://postgres.x:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable")
    assert (error.message, error.retryable) == (message, retryable)


def test_a_server_that_breaks_off_is_told() -> None:
    """A proxy that closes the connection without a word is a failure that may pass."""
    with stub(b"") as port:
        error = failure(f"postgresql://keeper:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable")
    assert error.message == "127.0.0.1 broke the connection off while it was being opened"
    assert error.retryable


def test_a_missing_certificate_is_told() -> None:
    """A certificate that cannot be verified is named, with where to get the right one."""
    more = "sslmode=verify-full&sslrootcert=/nowhere.crt"
    with stub(b"S") as port:
        error = failure(f"postgresql://keeper:{PASSWORD}@127.0.0.1:{port}/x?{more}")
    assert error.message == "the certificate of 127.0.0.1 cannot be verified"
    assert "sslrootcert=FILE" in error.next_step


def test_a_server_that_never_answers_is_told() -> None:
    """A port that swallows everything ends at the time-out, with the firewall as a hint."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = failure(f"postgresql://keeper:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable")
    assert error.message == f"127.0.0.1, port {port}, did not answer in time"
    assert error.retryable


def test_a_server_that_starts_is_waited_for() -> None:
    """A failure that may pass is tried again within the budget, until the server answers."""
    starting = fatal("57P03", "the database system is starting up")
    wrong = fatal("28P01", "password authentication failed")
    with stub(starting, starting, wrong) as port:
        error = failure(
            f"postgresql://keeper:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable", retry_s=10
        )
    assert "refused the password" in error.message


def test_without_a_budget_nothing_is_tried_again() -> None:
    """A single attempt is all there is unless the caller gives time."""
    starting = fatal("57P03", "the database system is starting up")
    with stub(starting) as port:
        error = failure(f"postgresql://keeper:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable")
    assert error.retryable


DIRECT = Address.parse(f"postgresql://postgres:{PASSWORD}@db.{REF}.supabase.co:5432/postgres")
ELSEWHERE = Address.parse(f"postgresql://postgres:{PASSWORD}@db.example.com:5432/postgres")


@pytest.mark.parametrize(
    "text",
    [
        'connection to server at "db.x.supabase.co" (2a05::1) failed: Network is unreachable',
        "failed to resolve host 'db.x.supabase.co': [Errno -5] No address associated with hostname",
    ],
)
def test_a_direct_host_without_ipv6_leads_to_the_session_pooler(text: str) -> None:
    """A network without IPv6, such as GitHub's, is named with the exact way around it."""
    error = explain(psycopg.OperationalError(text), DIRECT)
    assert f"user `postgres.{REF}`" in error.next_step
    assert "port 5432" in error.next_step
    assert not error.retryable
    assert "pooler" not in explain(psycopg.OperationalError(text), ELSEWHERE).next_step


def test_a_paused_project_is_thought_of() -> None:
    """The host of a paused project does not resolve, which nobody would guess from the words."""
    text = f"failed to resolve host 'db.{REF}.supabase.co': [Errno -2] Name or service not known"
    error = explain(psycopg.OperationalError(text), DIRECT)
    assert error.message == f"there is no host db.{REF}.supabase.co"
    assert "A paused project has none" in error.next_step


def test_an_sqlstate_is_enough() -> None:
    """A server that speaks another language is understood by its SQLSTATE."""
    refused = psycopg.errors.InvalidPassword("Passwort-Authentifizierung fehlgeschlagen")
    assert "refused the password" in explain(refused, ELSEWHERE).message


def test_a_login_role_needs_a_session() -> None:
    """Port 6543 keeps no session in which a login role could become postgres: said beforehand."""
    host = "aws-1-eu-west-3.pooler.supabase.com"
    error = failure(f"postgresql://cli_login_postgres.{REF}:{PASSWORD}@{host}:6543/postgres")
    assert error.message.startswith(f"the login role cli_login_postgres.{REF} becomes postgres")


@pytest.mark.parametrize("host", ["localhost", f"db.{REF}.supabase.co"])
def test_pghostaddr_leads_nowhere_else(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment cannot lead a connection, and its password, to another server."""
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    error = failure(f"postgresql://postgres:{PASSWORD}@{host}/postgres")
    assert error.message.startswith("PGHOSTADDR is set and would lead to another server than ")
    assert not error.retryable


def test_a_string_without_address_on_purpose_ignores_pghostaddr(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded database's own URL says `hostaddr=` and is reached whatever the environment."""
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    connect(database.url).close()


def test_a_banned_address_is_thought_of() -> None:
    """Supabase refuses connections from an address it has banned; trying on would not help."""
    refused = psycopg.OperationalError("connection failed: Connection refused")
    error = explain(refused, DIRECT)
    assert "Network bans" in error.next_step
    assert not error.retryable
    assert explain(refused, ELSEWHERE).retryable


def test_a_password_goes_to_supabase_encrypted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hosted project is never offered a password in the clear, and a stricter wish stands."""
    asked: list[object] = []

    def connection(_url: str, **options: object) -> psycopg.Connection:
        asked.append(options["sslmode"])
        raise psycopg.OperationalError("Connection refused")

    monkeypatch.setattr(psycopg, "connect", connection)
    hosted = f"postgresql://postgres:{PASSWORD}@db.{REF}.supabase.co:5432/postgres"
    failure(hosted)
    failure(f"{hosted}?sslmode=verify-full")
    failure(f"postgresql://postgres:{PASSWORD}@db.example.com/postgres")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    failure(hosted)
    assert asked == ["require", "verify-full", "prefer", "verify-full"]
