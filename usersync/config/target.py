"""One target: its database, what that is for, and everything that is configured for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from usersync.config import database_url
from usersync.config.document import shown
from usersync.config.environment import variables_of
from usersync.config.health import HEALTH_TOKEN_ENV
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


#: Where the key for the API is looked for, in this order.
DEFAULT_API_URL_ENV = "SUPABASE_URL"
DEFAULT_API_KEY_ENVS = ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY")


@dataclass(frozen=True, slots=True)
class Api:
    """The API of a project, and the key for it, each with the variable that it came from."""

    url: str
    url_env: str
    key: SecretStr
    key_env: str


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
    api: Api | None = None
    """The other way in, when there is one."""
    health_token: SecretStr | None = None

    @property
    def base_url(self) -> str:
        """The address of its app; empty when nobody said it, and for the embedded database."""
        if self.name == LOCAL:
            return ""
        own = self.settings.targets.get(self.name)
        return (own and own.base_url) or self.settings.health.base_url or ""

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
    variables = variables_of(environ)
    if target_name == LOCAL:
        return with_token(_local(config_path, env_file, variables), variables)
    variables = variables_of(variables, env_file)
    file = read_file(config_path, variables)
    name = choose(file, target_name, variables)
    _refuse_two_projects(variables)
    found = _from_environment(file, variables) if name == DEFAULT else _of(file, name, variables)
    return with_token(found, variables)


def project_ref(target: Target) -> str:
    """The Supabase project of a target, empty when neither of its ways names one."""
    if target.db_url is not None:
        ref = database_url.endpoint(target.db_url.get_secret_value()).project_ref
        if ref:
            return ref
    return database_url.project_ref_of_api(target.api.url) if target.api else ""


def with_token(target: Target, variables: Mapping[str, str]) -> Target:
    """The target, with the token of its health endpoints when that is set."""
    token = variables.get(HEALTH_TOKEN_ENV, "").strip()
    return replace(target, health_token=SecretStr(token)) if token else target


def with_url(target: Target, url: str) -> Target:
    """The embedded database's target, now that the database runs.

    Args:
        target: what :func:`load` gave for ``--target local``.
        url: its connection string; it leads to this machine.

    Raises:
        ConfigError: the target is another, or the string leads elsewhere.
    """
    if target.name != LOCAL or not database_url.is_this_machine(url):
        raise ConfigError(["the local target is never pointed at another machine"])
    return replace(target, db_url=SecretStr(url))


def copied(target: Target, url: str) -> Target:
    """The scratch copy of a target: everything is configured as there.

    Args:
        target: the original.
        url: the copy's connection string; it leads to this machine.
    """
    if not database_url.is_this_machine(url):
        raise ConfigError(["a scratch copy is never on another machine"])
    return replace(target, environment="local", db_url=SecretStr(url))


def _local(config_path: str | None, env_file: str | None, variables: Mapping[str, str]) -> Target:
    if env_file:
        raise ConfigError(["`--target local` reads no `.env` file"], "Leave `--env-file` out.")
    settings = read_file(config_path, variables, without_targets=True).settings
    return Target(LOCAL, "local", None, "", settings.profiles, settings)


def _from_environment(file: ConfigFile, variables: Mapping[str, str]) -> Target:
    """The target that SUPABASE_DB_URL makes without any file."""
    api = _default_api(variables)
    if DEFAULT_DB_URL_ENV not in variables and api is None:
        _refuse_half_an_api(variables)
        raise ConfigError(
            [f"there is no target: {DEFAULT_DB_URL_ENV} is not set, and no file names another"],
            f"Set {DEFAULT_DB_URL_ENV} to the connection string of the database, or "
            f"{DEFAULT_API_URL_ENV} and {DEFAULT_API_KEY_ENVS[0]}, or describe "
            "targets in usersync.yaml. To try usersync first: `--target local`, or `invoke demo`.",
        )
    url = _url(variables, DEFAULT_DB_URL_ENV) if DEFAULT_DB_URL_ENV in variables else None
    said = variables.get("USERSYNC_ENVIRONMENT")
    environment = next((name for name in ENVIRONMENTS if name == said), None)
    if said and not environment:
        parts = [f"found `{shown(said)}`", f"allowed are {', '.join(ENVIRONMENTS)}"]
        parts += filter(None, [did_you_mean(said, ENVIRONMENTS)])
        raise ConfigError([f"USERSYNC_ENVIRONMENT: {'; '.join(parts)}"])
    settings = file.settings
    return Target(
        DEFAULT,
        _environment(environment, url, api, "USERSYNC_ENVIRONMENT"),
        SecretStr(url) if url else None,
        DEFAULT_DB_URL_ENV if url else "",
        settings.profiles,
        settings,
        api,
    )


def _of(file: ConfigFile, name: str, variables: Mapping[str, str]) -> Target:
    """A target of the file."""
    settings = file.settings
    target = settings.targets[name]
    variable = target.db_url_env or ("" if target.api_url_env else DEFAULT_DB_URL_ENV)
    api = _api_of(file, name, variables)
    if variable not in variables and api is None:
        wanted = variable or f"{target.api_url_env} or {target.api_key_env}"
        raise ConfigError(
            [f"{file.where('targets', name)}: the environment variable {wanted} is not set"],
            f"Set it to the connection string, `export {wanted}='postgresql://...'`, or give "
            "`--env-file .env`; in GitHub Actions, pass the secret under `env:`."
            if variable
            else "Set both, or give `--env-file .env`; in GitHub Actions, pass them under `env:`.",
        )
    url = _url(variables, variable) if variable in variables else None
    where = file.where("targets", name, "environment")
    return Target(
        name,
        _environment(target.environment, url, api, where),
        SecretStr(url) if url else None,
        variable if url else "",
        target.profiles or settings.profiles,
        settings,
        api,
    )


def _api_of(file: ConfigFile, name: str, variables: Mapping[str, str]) -> Api | None:
    """The API of a target of the file, when both of its variables are set."""
    target = file.settings.targets[name]
    if not target.api_url_env or not target.api_key_env:
        return _default_api(variables) if len(file.settings.targets) == 1 else None
    return _api(variables, target.api_url_env, (target.api_key_env,))


def _default_api(variables: Mapping[str, str]) -> Api | None:
    return _api(variables, DEFAULT_API_URL_ENV, DEFAULT_API_KEY_ENVS)


def _api(variables: Mapping[str, str], url_env: str, key_envs: tuple[str, ...]) -> Api | None:
    key_env = next((name for name in key_envs if name in variables), None)
    if url_env not in variables or key_env is None:
        return None
    return Api(variables[url_env].strip(), url_env, SecretStr(variables[key_env]), key_env)


def _refuse_half_an_api(variables: Mapping[str, str]) -> None:
    """Say which half is missing to somebody who set the other."""
    key_env = next((name for name in DEFAULT_API_KEY_ENVS if name in variables), None)
    if (key_env is None) == (DEFAULT_API_URL_ENV not in variables):
        return
    there, missing = key_env or DEFAULT_API_URL_ENV, DEFAULT_API_URL_ENV
    if key_env is None:
        missing = DEFAULT_API_KEY_ENVS[0]
    raise ConfigError(
        [f"{there} is set, and {missing} is not: the API needs both"],
        f"Set {missing} too; both stand in the dashboard under Settings, API Keys.",
    )


def _url(variables: Mapping[str, str], variable: str) -> str:
    url = variables[variable].strip()
    fault = database_url.fault(url)
    if fault:
        raise ConfigError([f"{variable} {fault}"])
    return url


def _environment(
    said: Environment | None, url: str | None, api: Api | None, where: str
) -> Environment:
    if url is not None:
        is_here = database_url.is_this_machine(url)
    else:
        is_here = api is not None and database_url.is_loopback_api(api.url)
    if said == "local" and not is_here:
        raise ConfigError([f"{where}: `local` is only for a database on this machine"])
    return said or ("local" if is_here else "production")


def _refuse_two_projects(variables: Mapping[str, str]) -> None:
    """Refuse to work when the two doors of one target lead into different houses."""
    api, url = variables.get("SUPABASE_URL", ""), variables.get(DEFAULT_DB_URL_ENV, "").strip()
    if not api or not url or database_url.fault(url):
        return
    api_at = database_url.project_ref_of_api(api)
    db_at = database_url.endpoint(url).project_ref
    api_at = api_at or ("this machine" if database_url.is_loopback_api(api) else "")
    db_at = db_at or ("this machine" if database_url.is_this_machine(url) else "")
    if api_at and db_at and api_at != db_at:
        raise ConfigError(
            [f"SUPABASE_URL leads to {api_at}, {DEFAULT_DB_URL_ENV} to {db_at}: two projects"],
            "Set both for the same project, or unset the one that is not meant.",
        )
