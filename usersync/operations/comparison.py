"""The operation that compares migrations before and after a change; it opens no target."""

from __future__ import annotations

from usersync import comparison, config
from usersync.comparison import CompareOptions
from usersync.model import Outcome
from usersync.operations.registry import operation


@operation("migration.compare", "read")
def compare(*, options: CompareOptions, config_path: str | None = None) -> Outcome:
    """Build the migrations of base and head in databases of nobody, and sign up in both.

    Args:
        options: what to compare.
        config_path: the configuration file that was asked for.
    """
    variable = options.server_url_env
    return comparison.compare(
        config.settings(config_path),
        config.server_url(variable) if variable else None,
        options,
    )
