"""``usersync.yaml`` and the environment: the one list of settings, and the target they describe."""

from usersync.config.database_url import is_loopback_api, project_ref_of_api
from usersync.config.environment import Circumstances, circumstances, presence
from usersync.config.load import ConfigFile, read_file, read_text, settings
from usersync.config.problems import did_you_mean
from usersync.config.reference import reference_markdown
from usersync.config.section import Acceptance, Unattended
from usersync.config.settings import (
    DEFAULT_PROFILE,
    Environment,
    ExcludeRule,
    Install,
    ProfileTable,
    RoleSettings,
    Settings,
    TargetSettings,
    Users,
)
from usersync.config.sources import (
    Expression,
    FirstOf,
    LiteralValue,
    Metadata,
    Source,
    UserColumn,
    problem,
)
from usersync.config.target import Api, Target, copied, load, with_url

__all__ = [
    "DEFAULT_PROFILE",
    "Acceptance",
    "Api",
    "Circumstances",
    "ConfigFile",
    "Environment",
    "ExcludeRule",
    "Expression",
    "FirstOf",
    "Install",
    "LiteralValue",
    "Metadata",
    "ProfileTable",
    "RoleSettings",
    "Settings",
    "Source",
    "Target",
    "TargetSettings",
    "Unattended",
    "UserColumn",
    "Users",
    "circumstances",
    "copied",
    "did_you_mean",
    "is_loopback_api",
    "load",
    "presence",
    "problem",
    "project_ref_of_api",
    "read_file",
    "read_text",
    "reference_markdown",
    "settings",
    "with_url",
]
