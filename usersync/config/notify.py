"""The addresses that ``notify:`` names, out of the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from usersync.config.environment import process_environment
from usersync.config.load import settings
from usersync.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the team and its monitor are told; both are secrets."""

    format: Literal["slack", "json"]
    webhook: str = field(default="", repr=False)
    heartbeat: str = field(default="", repr=False)


def notify(config_path: str | None = None) -> Addresses:
    """Who is to be told; nobody, where the file does not say.

    Args:
        config_path: the value of ``--config``.

    Raises:
        ConfigError: a variable that the file names holds no address.
    """
    section = settings(config_path).notify
    if section is None:
        return Addresses("json")
    known = process_environment()
    problems = [
        f"the environment variable {name} "
        + ("holds no address" if name in known else "is not set")
        for name in (section.webhook_env, section.heartbeat_env)
        if name and not known.get(name, "").startswith(("https://", "http://"))
    ]
    if problems:
        raise ConfigError(problems, "In GitHub Actions, pass the secret under `env:`.")
    return Addresses(
        section.format,
        known.get(section.webhook_env or "", ""),
        known.get(section.heartbeat_env or "", ""),
    )
