"""Databases that are made, copied and thrown away: on an embedded Postgres, or on a given one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from usersync import config, local
from usersync.backends.postgres import connection
from usersync.errors import CouldNotTell, Refused
from usersync.local import cluster, platform
from usersync.sql.names import quoted

#: A role that every Supabase server has and no other.
_MARK = "supabase_auth_admin"


class Workshop:
    """Makes databases that look like a new project, and copies of them.

    Args:
        url: the superuser's way to the server.
        is_ours: whether the server is an embedded one, where extensions may be there in shape only,
            and nothing lends rights.
    """

    def __init__(self, url: str, *, is_ours: bool) -> None:
        self._url = url
        self.is_ours = is_ours
        self._prefix = f"usersync_{secrets.token_hex(4)}"
        self._numbers = count(1)
        self._made: list[str] = []
        self._roles = self.roles()
        self.in_shape: set[str] = set()
        """What had to stand in for an extension that the server has not got."""

    def new(self) -> str:
        """Make a database as a new project has it; answers its name."""
        name = self._create("template0")
        platform.build(self.admin_url(name))
        return name

    def copy(self, template: str) -> str:
        """Copy a database that nobody is connected to; answers the name of the copy."""
        return self._create(template)

    def admin_url(self, name: str) -> str:
        """The superuser's way to a database."""
        return config.of_database(self._url, name)

    def developer_url(self, name: str) -> str:
        """The way of ``postgres``, as the Supabase CLI goes."""
        return config.of_database(self._url, name, "postgres")

    def stand_in(self, name: str, extension: str) -> bool:
        """Put what is there of an extension in shape into a database; whether there is something.

        Args:
            name: of the database.
            extension: that the server cannot create in it.
        """
        if extension not in platform.stubs():
            return False
        self.in_shape.add(extension)
        return platform.stand_in(self.admin_url(name), extension)

    def roles(self) -> frozenset[str]:
        """The roles of the server, which all of its databases share."""
        rows = connection.fetch(self._url, "select rolname from pg_catalog.pg_roles")
        return frozenset(name for (name,) in rows)

    @contextmanager
    def lending(self) -> Iterator[None]:
        """Lend ``postgres`` the rights on the tables of ``auth`` that hosted projects lend it."""
        self._lend(inherits=True)
        try:
            yield
        finally:
            self._lend(inherits=False)

    def clear(self) -> None:
        """Drop what was made, and the roles that migrations made."""
        while self._made:
            connection.refusal(
                self._url, f"drop database if exists {self._made.pop()} with (force)"
            )
        for role in sorted(self.roles() - self._roles):
            connection.refusal(self._url, f"drop role {quoted(role)}")

    def _create(self, template: str) -> str:
        name = f"{self._prefix}_{next(self._numbers)}"
        self._made.append(name)
        refused = connection.refusal(
            self._url, f"create database {name} owner postgres template {template}"
        )
        if refused:
            raise CouldNotTell(f"a database could not be made: {refused}")
        return name

    def _lend(self, *, inherits: bool) -> None:
        connection.run_script(
            self._url, f"grant {_MARK} to postgres with inherit {str(inherits).lower()}, set true"
        )


@contextmanager
def opened(server_url: str | None) -> Iterator[Workshop]:
    """A place for databases, of which nothing remains when the block ends.

    Args:
        server_url: the superuser's way to a running server of this machine; an embedded Postgres is
            started when not given.

    Raises:
        Refused: the given server is no Supabase one, or the role there is no superuser.
    """
    if server_url is None:
        with local.temporary() as server:
            platform.furnish(server)
            yield Workshop(server.admin_url, is_ours=True)
        return
    _refuse(server_url)
    workshop = Workshop(server_url, is_ours=False)
    try:
        yield workshop
    finally:
        workshop.clear()


def _refuse(url: str) -> None:
    [(is_superuser,)] = connection.fetch(
        url, "select rolsuper from pg_catalog.pg_roles where rolname = current_user"
    )
    if not Workshop(url, is_ours=False).roles() >= {_MARK, "postgres"}:
        raise Refused(
            "the server has no role supabase_auth_admin: it is no `supabase start`",
            "leave --server-url-env out, and an embedded Postgres is used",
        )
    if not is_superuser:
        raise Refused(
            "the role may not make what a project is made of",
            f"connect as {cluster.SUPERUSER}, who has the password of postgres there:"
            f" postgresql://{cluster.SUPERUSER}:postgres@127.0.0.1:54322/postgres",
        )
