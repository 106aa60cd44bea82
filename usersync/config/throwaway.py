"""Databases that are made to be thrown away: always on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from usersync.config import database_url
from usersync.config.environment import process_environment
from usersync.config.target import Target
from usersync.errors import ConfigError

if TYPE_CHECKING:
    from usersync.config.settings import ProfileTable, Settings


def throwaway(
    name: str, settings: Settings, profiles: tuple[ProfileTable, ...], url: str
) -> Target:
    """A database of this machine as a target.

    Args:
        name: how it is called.
        settings: what holds there.
        profiles: its profile tables.
        url: its connection string.

    Raises:
        ConfigError: it leads elsewhere.
    """
    if not database_url.is_this_machine(url):
        raise ConfigError(["what is made to be thrown away is never on another machine"])
    return Target(name, "local", SecretStr(url), "", profiles, settings)


def server_url(variable: str) -> str:
    """The connection string of a server of this machine.

    Args:
        variable: the NAME of the environment variable that holds it.

    Raises:
        ConfigError: it is not set, is wrong, or leads to another machine.
    """
    url = process_environment().get(variable, "").strip()
    if not url:
        raise ConfigError(
            [f"--server-url-env: the environment variable {variable} is not set"],
            f"export {variable}=postgresql://supabase_admin:postgres@127.0.0.1:54322/postgres",
        )
    fault = database_url.fault(url)
    if fault:
        raise ConfigError([f"{variable} {fault}"])
    if not database_url.is_this_machine(url):
        raise ConfigError(
            [f"{variable} leads to another machine; databases are made on this one only"],
            "give it the address of a running `supabase start`",
        )
    return url
