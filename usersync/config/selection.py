"""Which target is meant; production is never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usersync.config.document import shown
from usersync.config.environment import variables_of
from usersync.config.load import read_file
from usersync.config.problems import did_you_mean
from usersync.config.settings import ALL, DEFAULT, DEFAULT_DB_URL_ENV, ENVIRONMENTS, LOCAL
from usersync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from usersync.config.load import ConfigFile


def choose(file: ConfigFile, target_name: str | None, variables: Mapping[str, str]) -> str:
    """The name of the target.

    Args:
        file: the settings.
        target_name: the value of ``--target``, not ``local``.
        variables: the environment.

    Returns:
        A target of the file, or ``default``: the one that SUPABASE_DB_URL makes without it.

    Raises:
        ConfigError: the one that is asked for is not there, or none is and there are several.
    """
    targets = file.settings.targets
    asked = target_name or variables.get("USERSYNC_TARGET")
    if asked == LOCAL:
        raise ConfigError(
            ["USERSYNC_TARGET is `local`, which is only used when it is asked for"],
            "Give `--target local`, or unset USERSYNC_TARGET.",
        )
    if asked == ALL:
        raise ConfigError(
            ["USERSYNC_TARGET names one target, and `all` is several"],
            f"Give `--target {ALL}`, or set USERSYNC_TARGET to one of {_listed(file) or 'them'}.",
        )
    if asked and asked != DEFAULT and asked not in targets:
        raise _unknown(file, asked, by="--target" if target_name else "USERSYNC_TARGET")
    if asked or not targets:
        return asked or DEFAULT
    if len(targets) > 1:
        raise ConfigError(
            [f"{file.where('targets')}: no target is chosen of {_listed(file)}"],
            f"Say which one: `--target {next(iter(targets))}`, or set USERSYNC_TARGET.",
        )
    (name,) = targets
    variable = targets[name].db_url_env or DEFAULT_DB_URL_ENV
    other = variables.get(DEFAULT_DB_URL_ENV)
    if other and variables.get(variable) != other:
        which = f"this target reads {variable}, and {DEFAULT_DB_URL_ENV} says something else"
        raise ConfigError(
            [f"{file.where('targets', name)}: which database? {which}"],
            f"Say `--target {name}`, or `--target {DEFAULT}` for {DEFAULT_DB_URL_ENV}.",
        )
    return name


def target_names(
    asked: Sequence[str],
    config_path: str | None = None,
    env_file: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Which targets several values of ``--target``, or its value ``all``, mean.

    Args:
        asked: the values of ``--target``, each once.
        config_path: the value of ``--config``.
        env_file: the value of ``--env-file``.
        environ: the environment variables; those of the process when not given.

    Raises:
        ConfigError: one of them is not there, or the configuration is wrong.
    """
    variables = variables_of(environ, env_file)
    return choose_several(read_file(config_path, variables), asked)


def environments(
    config_path: str | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Every target and what it is for, as far as it is said; no secret is looked at.

    Args:
        config_path: the value of ``--config``.
        environ: the environment variables; those of the process when not given.

    Raises:
        ConfigError: the configuration is wrong.
    """
    variables = variables_of(environ)
    targets = read_file(config_path, variables).settings.targets
    if not targets:
        said = variables.get("USERSYNC_ENVIRONMENT", "production")
        if said not in ENVIRONMENTS:
            raise ConfigError(
                [f"USERSYNC_ENVIRONMENT: found `{shown(said)}`"],
                f"One of {', '.join(ENVIRONMENTS)}.",
            )
        return {DEFAULT: said}
    return {name: target.environment or "production" for name, target in targets.items()}


def choose_several(file: ConfigFile, asked: Sequence[str]) -> tuple[str, ...]:
    """The names of several targets, in the order in which they were asked for.

    Args:
        file: the settings.
        asked: the values of ``--target``; ``all`` stands for every target of the file.

    Raises:
        ConfigError: one of them is not there, or ``all`` is not alone.
    """
    targets = file.settings.targets
    if ALL in asked and len(asked) > 1:
        raise ConfigError(
            [f"--target: `{ALL}` is every target of {file.name or 'usersync.yaml'}"],
            f"Give `--target {ALL}` alone, or leave it out and name each.",
        )
    if ALL in asked:
        return tuple(targets) or (DEFAULT,)
    for name in asked:
        if name not in targets and name not in {LOCAL, DEFAULT}:
            raise _unknown(file, name, by="--target")
    return tuple(asked)


def _listed(file: ConfigFile) -> str:
    return ", ".join(
        f"{name} ({target.environment or 'production'})"
        for name, target in file.settings.targets.items()
    )


def _unknown(file: ConfigFile, asked: str, *, by: str) -> ConfigError:
    targets = file.settings.targets
    guess = did_you_mean(asked, [*targets, LOCAL, DEFAULT])
    there = f"{file.name} has {_listed(file)}" if targets else "no file names any"
    known = f"{guess} {there}" if guess else there
    return ConfigError(
        [f"{by}: there is no target `{shown(asked)}`; {known}"],
        f"Define it under `targets:` in {file.name or 'usersync.yaml'}, or choose another.",
    )
