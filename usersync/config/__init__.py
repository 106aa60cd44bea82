"""``usersync.yaml`` and the environment: the one list of settings, and the target they describe."""

from usersync.config.database_url import is_loopback_api, project_ref_of_api
from usersync.config.environment import Circumstances, circumstances, presence, text_of
from usersync.config.health import (
    HEALTH_TOKEN_ENV,
    PROTECTED_PATHS,
    PUBLIC_PATH,
    Endpoint,
    fault_of_base_url,
)
from usersync.config.load import ConfigFile, read_file, read_text, settings
from usersync.config.problems import did_you_mean
from usersync.config.reference import reference_markdown
from usersync.config.section import Acceptance, Unattended
from usersync.config.selection import environments, target_names
from usersync.config.settings import (
    ALL,
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
from usersync.config.target import Api, Target, copied, load, project_ref, with_url
from usersync.config.unconnected import load_unconnected

__all__ = [
    "ALL",
    "DEFAULT_PROFILE",
    "HEALTH_TOKEN_ENV",
    "PROTECTED_PATHS",
    "PUBLIC_PATH",
    "Acceptance",
    "Api",
    "Circumstances",
    "ConfigFile",
    "Endpoint",
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
    "environments",
    "fault_of_base_url",
    "is_loopback_api",
    "load",
    "load_unconnected",
    "presence",
    "problem",
    "project_ref",
    "project_ref_of_api",
    "read_file",
    "read_text",
    "reference_markdown",
    "settings",
    "target_names",
    "text_of",
    "with_url",
]
