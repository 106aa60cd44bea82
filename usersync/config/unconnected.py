"""The configuration for tasks that need no database: no connection has to be configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usersync.config.environment import variables_of
from usersync.config.load import read_file
from usersync.config.selection import choose_several
from usersync.config.settings import DEFAULT, LOCAL
from usersync.config.target import Target, load, with_token
from usersync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def load_unconnected(
    config_path: str | None = None,
    target_name: str | None = None,
    env_file: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Target:
    """What is configured, for a task that needs neither a database nor the choice of one.

    Args:
        config_path: the value of ``--config``.
        target_name: the value of ``--target``.
        env_file: the value of ``--env-file``.
        environ: the environment variables; those of the process when not given.

    Raises:
        ConfigError: the target that was asked for is not there, or the file is wrong.
    """
    variables = variables_of(environ, env_file)
    file = read_file(config_path, variables)
    name = target_name or variables.get("USERSYNC_TARGET") or DEFAULT
    choose_several(file, (name,))
    try:
        return load(config_path, target_name, env_file, environ)
    except ConfigError:
        settings = file.settings
        said = settings.targets[name].environment if name in settings.targets else None
        environment = "local" if name == LOCAL else said or "production"
        found = Target(name, environment, None, "", settings.profiles, settings)
        return with_token(found, variables)
