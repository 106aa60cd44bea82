"""Where the connection string of the target that is meant would come from; never what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usersync.config.environment import variables_of
from usersync.config.load import read_file
from usersync.config.selection import choose
from usersync.config.settings import DEFAULT_DB_URL_ENV

if TYPE_CHECKING:
    from collections.abc import Mapping


def connection_variables(
    config_path: str | None = None,
    target_name: str | None = None,
    env_file: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, bool]:
    """The variables that say where the target is, and whether each is set.

    Args:
        config_path: the value of ``--config``.
        target_name: the value of ``--target``, not ``local``.
        env_file: the value of ``--env-file``.
        environ: the environment variables; those of the process when not given.

    Returns:
        Those of every target where none is chosen; none for one that has an API alone.

    Raises:
        ConfigError: the target that was asked for is not there, or the file is wrong.
    """
    variables = variables_of(environ, env_file)
    file = read_file(config_path, variables)
    targets = file.settings.targets
    if target_name or "USERSYNC_TARGET" in variables:
        name = choose(file, target_name, variables)
        targets = {name: targets[name]} if name in targets else {}
    if not targets:
        return {DEFAULT_DB_URL_ENV: DEFAULT_DB_URL_ENV in variables}
    found = (
        one.db_url_env or ("" if one.api_url_env else DEFAULT_DB_URL_ENV)
        for one in targets.values()
    )
    return {variable: variable in variables for variable in found if variable}
