"""One target: its database, what that is for, and everything that is configured for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from usersync.config import database_url
from usersync.config.document import shown
from usersync.config.environment import process_environment, with_env_file, without_empty
from usersync.config.load import ConfigFile, read_file
from usersync.config.problems import did_you_mean
from usersync.config.selection import choose
from usersync.config.settings import (
    DEFAULT,
    DEFAULT_DB_URL_ENV,
    ENVIRONMENTS,
    LOCAL,
    Environment,
    ProfileTable,
    Settings,
)
from usersync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Target:
    """One database, what it is for, and its profile tables."""

    name: str
    environment: Environment
    db_url: SecretStr | None
    db_url_env: str
    """The variable that the connection string came from; empty for the embedded database."""
    profiles: tuple[ProfileTable, ...]
    settings: Settings

    @property
    def is_production(self) -> bool:
        """Whether real users live there; true unless somebody said otherwise."""
        return self.environment == "production"

    @property
    def is_local(self) -> bool:
        """Whether it is a database of this machine only."""
        return self.environment == "local"


def load(
    config_path: str | None = None,
    target_name: str | None = None,
    env_file: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Target:
    """Find out which target is meant and everything that is configured for it.

    Args:
        config_path: the value of ``--config``.
        target_name: the value of ``--target``.
        env_file: the value of ``--env-file``.
        environ: the environment variables; those of the process when not given.

    Returns:
        The target; that of ``--target local`` has no connection string yet, see :func:`with_url`.

    Raises:
        ConfigError: there is no target, more than one, or something is configured wrongly.
    """
    variables = process_environment() if environ is None else without_empty(environ)
    if target_name == LOCAL:
        return _local(config_path, env_file, variables)
    if env_file:
        variables = with_env_file(variables, env_file)
    file = read_file(config_path, variables)
    name = choose(file, target_name, variables)
    _refuse_two_projects(variables)
    return _from_environment(file, variables) if name == DEFAULT else _of(file, name, variables)


def with_url(target: Target, url: str) -> Target:
    """The embedded database's target, now that the database runs.

    Args:
        target: what :func:`load` gave for ``--target local``.
        url: its connection string; it leads to this machine.

    Raises:
        ConfigError: the target is another, or the string leads elsewhere.
    """
    if target.name != LOCAL or not _is_this_machine(url):
        raise ConfigError(["the local target is never pointed at another machine"])
    return replace(target, db_url=SecretStr(url))


def copied(target: Target, url: str) -> Target:
    """The scratch copy of a target: everything is configured as there.

    Args:
        target: the original.
        url: the copy's connection string; it leads to this machine.
    """
    if not _is_this_machine(url):
        raise ConfigError(["a scratch copy is never on another machine"])
    return replace(target, environment="local", db_url=SecretStr(url))


def _local(config_path: str | None, env_file: str | None, variables: Mapping[str, str]) -> Target:
    if env_file:
        raise ConfigError(["`--target local` reads no `.env` file"], "Leave `--env-file` out.")
    settings = read_file(config_path, variables, without_targets=True).settings
    return Target(LOCAL, "local", None, "", settings.profiles, settings)


def _from_environment(file: ConfigFile, variables: Mapping[str, str]) -> Target:
    """The target that SUPABASE_DB_URL makes without any file."""
    if DEFAULT_DB_URL_ENV not in variables:
        raise ConfigError(
            [f"there is no target: {DEFAULT_DB_URL_ENV} is not set, and no file names another"],
            f"Set {DEFAULT_DB_URL_ENV} to the connection string of the database, or describe "
            "targets in usersync.yaml. To try usersync first: `--target local`, or `invoke demo`.",
        )
    url = _url(variables, DEFAULT_DB_URL_ENV)
    said = variables.get("USERSYNC_ENVIRONMENT")
    environment = next((name for name in ENVIRONMENTS if name == said), None)
    if said and not environment:
        parts = [f"found `{shown(said)}`", f"allowed are {', '.join(ENVIRONMENTS)}"]
        parts += filter(None, [did_you_mean(said, ENVIRONMENTS)])
        raise ConfigError([f"USERSYNC_ENVIRONMENT: {'; '.join(parts)}"])
    environment = _environment(environment, url, "USERSYNC_ENVIRONMENT")
    settings = file.settings
    return Target(
        DEFAULT, environment, SecretStr(url), DEFAULT_DB_URL_ENV, settings.profiles, settings
    )


def _of(file: ConfigFile, name: str, variables: Mapping[str, str]) -> Target:
    """A target of the file."""
    settings = file.settings
    target = settings.targets[name]
    variable = target.db_url_env or DEFAULT_DB_URL_ENV
    if variable not in variables:
        raise ConfigError(
            [f"{file.where('targets', name)}: the environment variable {variable} is not set"],
            f"Set it to the connection string, `export {variable}='postgresql://...'`, or give "
            "`--env-file .env`; in GitHub Actions, pass the secret under `env:`.",
        )
    url = _url(variables, variable)
    environment = _environment(target.environment, url, file.where("targets", name, "environment"))
    profiles = target.profiles or settings.profiles
    return Target(name, environment, SecretStr(url), variable, profiles, settings)


def _url(variables: Mapping[str, str], variable: str) -> str:
    url = variables[variable].strip()
    fault = database_url.fault(url)
    if fault:
        raise ConfigError([f"{variable} {fault}"])
    return url


def _environment(said: Environment | None, url: str, where: str) -> Environment:
    is_here = _is_this_machine(url)
    if said == "local" and not is_here:
        raise ConfigError([f"{where}: `local` is only for a database on this machine"])
    return said or ("local" if is_here else "production")


def _is_this_machine(url: str) -> bool:
    """Whether a database lives here; the near end of a tunnel to a project does not count."""
    if database_url.fault(url):
        return False
    endpoint = database_url.endpoint(url)
    return endpoint.is_loopback and not endpoint.project_ref


def _refuse_two_projects(variables: Mapping[str, str]) -> None:
    """Refuse to work when the two doors of one target lead into different houses."""
    api, url = variables.get("SUPABASE_URL", ""), variables.get(DEFAULT_DB_URL_ENV, "").strip()
    if not api or not url or database_url.fault(url):
        return
    api_at = database_url.project_ref_of_api(api)
    db_at = database_url.endpoint(url).project_ref
    api_at = api_at or ("this machine" if database_url.is_loopback_api(api) else "")
    db_at = db_at or ("this machine" if _is_this_machine(url) else "")
    if api_at and db_at and api_at != db_at:
        raise ConfigError(
            [f"SUPABASE_URL leads to {api_at}, {DEFAULT_DB_URL_ENV} to {db_at}: two projects"],
            "Set both for the same project, or unset the one that is not meant.",
        )
