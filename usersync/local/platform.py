"""What migrations find on a hosted project besides ``auth``: roles, schemas, extensions in shape.

Postgres itself creates the extensions, from files of ours (``extension_control_path``), so that a
migration may do with them what it does elsewhere, in DO blocks too. Those that the embedded
Postgres really has are the real ones, and ``postgres`` may create them as on hosted projects.
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from usersync.backends.postgres import connection
from usersync.local import programs

if TYPE_CHECKING:
    from usersync.local import LocalServer

#: The schema that the platform gives to what every project has, and to what has one of its own.
INSTALLED = {
    "uuid-ossp": "extensions",
    "pgcrypto": "extensions",
    "pg_stat_statements": "extensions",
    "supabase_vault": "vault",
}
_OWN_SCHEMA = {"supabase_vault": "vault", "pgsodium": "pgsodium", "pg_graphql": "graphql"}

_VERSION = "0"


def stubs() -> frozenset[str]:
    """The extensions that are there in shape only."""
    folder = files("usersync") / "sql" / "local" / "stubs"
    return frozenset(entry.name.removesuffix(".sql") for entry in folder.iterdir())


def furnish(server: LocalServer) -> None:
    """Give a server the roles and the extensions of the platform, for all of its databases.

    Args:
        server: the local stack; that of nobody else.
    """
    share = server.directory / "share"
    _write(share)
    path = f"{share}:$system".replace("'", "''")
    settings = "; ".join(
        f"alter role {role} set extension_control_path = '{path}'"
        for role in ("postgres", "supabase_admin")
    )
    connection.run_script(server.admin_url, _sql("platform_roles"), settings)
    # Whoever throws everything away has nothing to keep through a crash.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        connection.refusal(server.admin_url, f"alter system set {setting} = off")
    connection.refusal(server.admin_url, "select pg_reload_conf()")


def build(admin_url: str) -> None:
    """Give an empty database the schemas of the platform.

    Args:
        admin_url: the superuser's way to the database, whose server has the roles.
    """
    connection.run_script(admin_url, _sql("auth"), _sql("platform"))
    for name, schema in INSTALLED.items():
        own = "" if schema == "extensions" else f"create schema if not exists {schema}; "
        statement = f'{own}create extension if not exists "{name}" with schema {schema}'
        if connection.refusal(admin_url, statement):
            stand_in(admin_url, name)


def stand_in(admin_url: str, extension: str) -> bool:
    """Make what an extension has in shape without the extension; whether it could be made.

    Args:
        admin_url: the superuser's way to the database.
        extension: one of `stubs`.
    """
    schema = _OWN_SCHEMA.get(extension, "extensions")
    return not connection.refusal(
        admin_url,
        f"create schema if not exists {schema}; set search_path = {schema}, pg_catalog;"
        f" {_sql(f'stubs/{extension}')}",
    )


def _write(share: Path) -> None:
    """Write the files that ``create extension`` looks for, where the server may read them."""
    folder = share / "extension"
    folder.mkdir(parents=True)
    for name in stubs():
        control = [f"default_version = '{_VERSION}'", "relocatable = false", "trusted = true"]
        if name in _OWN_SCHEMA:
            control.append(f"schema = '{_OWN_SCHEMA[name]}'")
        (folder / f"{name}.control").write_text("\n".join(control) + "\n")
        (folder / f"{name}--{_VERSION}.sql").write_text(_sql(f"stubs/{name}"))
    for path in (programs.bundled_binaries().parent / "share/postgresql/extension").iterdir():
        if not path.name.startswith("plpgsql"):
            # Hosted, supautils lets postgres create them.
            trust = "\ntrusted = true\n" if path.suffix == ".control" else ""
            (folder / path.name).write_text(path.read_text(encoding="utf-8") + trust)
    account = programs.account()
    if account is not None:
        for path in (share, folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)


def _sql(name: str) -> str:
    return (files("usersync") / "sql" / "local" / f"{name}.sql").read_text(encoding="utf-8")
