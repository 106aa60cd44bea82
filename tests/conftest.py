"""A real Postgres for the tests: one server per session, one fresh database per test.

``USERSYNC_TEST_POSTGRES`` chooses it: ``18`` (default) or ``16`` of the embedded Postgres, ``15``
of Debian's package, or any ``bin`` directory.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.app import App
from usersync import local
from usersync.local import cluster, programs

if TYPE_CHECKING:
    from tests.api_server import Lite

#: Read at import, since the tests themselves see none of these variables.
POSTGRES = os.environ.get("USERSYNC_TEST_POSTGRES", "18")

FOREIGN_PREFIXES = ("SUPABASE_", "USERSYNC_", "PG", "GITHUB_", "INVOKE_")

DATABASE_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """A database that looks like a hosted Supabase project and is one test's own."""

    server: local.LocalServer
    name: str

    @property
    def url(self) -> str:
        """Connects as postgres, who is not a superuser."""
        return self.url_of("postgres")

    @property
    def admin_url(self) -> str:
        """Connects as the platform's superuser."""
        return self.url_of(cluster.SUPERUSER)

    def url_of(self, role: str) -> str:
        """Connects as any role that may log in."""
        return self.server.url_of(role, self.name)


def pytest_configure() -> None:
    """A terminated session ends like an interrupted one: with its servers stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """For another version of Postgres only the tests that meet it are of interest."""
    parser.addoption("--only-database", action="store_true", help="only tests with a database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what never meets the Postgres under test, or is marked as the same on any."""
    if config.getoption("--only-database"):
        items[:] = [
            item
            for item in items
            if "database" in getattr(item, "fixturenames", ())
            and not item.get_closest_marker("any_postgres")
        ]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings, keys or local stack of whoever runs it."""
    for name in os.environ:
        if name.startswith(FOREIGN_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def few_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans name fewer users than usual, so that no test needs 20,000 to see a sweep."""
    monkeypatch.setattr("usersync.sync.plan.PAGE_ROWS", 2_000)


@pytest.fixture
def workdir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty current directory."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def grants() -> local.Grants:
    """The grants regime of ``database``; ``@pytest.mark.parametrize("grants", …)`` chooses."""
    return "explicit"


@pytest.fixture(scope="session")
def binaries() -> Path:
    """The programs of the Postgres under test."""
    if "/" in POSTGRES:
        return Path(POSTGRES)
    bundled = programs.bundled_binaries()
    return {
        "18": bundled,
        "16": bundled.parents[1] / "pginstall" / "bin",
        "15": Path("/usr/lib/postgresql/15/bin"),
    }[POSTGRES]


@pytest.fixture(scope="session")
def server(binaries: Path) -> Iterator[local.LocalServer]:
    """The session's server (with pytest-xdist: one for each worker)."""
    with local.temporary(binaries=binaries) as server:
        # A test that sees to it that nothing is written must be the only one at work.
        _administer(server, "alter system set autovacuum = off")
        _administer(server, "select pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def template(server: local.LocalServer) -> Callable[[local.Grants], str]:
    """Names the database to copy for a grants regime, after building it once."""
    built: set[str] = set()

    def name_of(grants: local.Grants) -> str:
        name = f"template_{grants}"
        if name not in built:
            _administer(server, f"create database {name} owner postgres")
            local.build(server, grants=grants, database=name)
            built.add(name)
        return name

    return name_of


@pytest.fixture
def database(
    server: local.LocalServer,
    template: Callable[[local.Grants], str],
    grants: local.Grants,
) -> Iterator[Database]:
    """A fresh database, gone after the test."""
    with fresh(server, template(grants)) as made:
        yield made


@pytest.fixture
def second_database(
    server: local.LocalServer,
    template: Callable[[local.Grants], str],
    grants: local.Grants,
) -> Iterator[Database]:
    """Another fresh database, for tests that need two."""
    with fresh(server, template(grants)) as made:
        yield made


@pytest.fixture(scope="session")
def lite() -> Iterator[Lite]:
    """The session's API server, for the fixture ``api`` (with pytest-xdist: one a worker)."""
    from tests.api_server import Lite

    with Lite() as lite:
        yield lite


@contextmanager
def fresh(server: local.LocalServer, template: str) -> Iterator[Database]:
    """A copy of a template, gone when the block ends."""
    name = f"test_{next(DATABASE_NUMBERS)}"
    _administer(server, f"create database {name} owner postgres template {template}")
    yield Database(server, name)
    _administer(server, f"drop database {name} with (force)")


def _administer(server: local.LocalServer, statement: str) -> None:
    """Run one statement as superuser."""
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture
def app(database: Database, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app whose database the product is pointed at by SUPABASE_DB_URL."""
    monkeypatch.setenv("SUPABASE_DB_URL", database.url)
    return App(database.url, workdir)
