"""``usersync.yaml`` and the environment: the one list of settings, and the target they describe."""

from usersync.config.connection import connection_variables
from usersync.config.database_url import is_loopback_api, of_database, project_ref_of_api
from usersync.config.environment import Circumstances, circumstances, presence, text_of
from usersync.config.github import GitHub, github
from usersync.config.health import (
    HEALTH_TOKEN_ENV,
    PROTECTED_PATHS,
    PUBLIC_PATH,
    Endpoint,
    Schedule,
    fault_of_base_url,
)
from usersync.config.install import Extent, Install
from usersync.config.load import ConfigFile, read_file, read_text, settings
from usersync.config.notify import Addresses, notify
from usersync.config.problems import did_you_mean
from usersync.config.reference import reference_markdown
from usersync.config.section import Acceptance, Unattended
from usersync.config.selection import environments, target_names
from usersync.config.settings import (
    ALL,
    DEFAULT_PROFILE,
    Environment,
    ExcludeRule,
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
    Suffixed,
    UserColumn,
    problem,
)
from usersync.config.target import Api, Target, copied, load, project_ref, with_url
from usersync.config.throwaway import server_url, throwaway
from usersync.config.unconnected import load_unconnected

__all__ = [
    "ALL",
    "DEFAULT_PROFILE",
    "HEALTH_TOKEN_ENV",
    "PROTECTED_PATHS",
    "PUBLIC_PATH",
    "Acceptance",
    "Addresses",
    "Api",
    "Circumstances",
    "ConfigFile",
    "Endpoint",
    "Environment",
    "ExcludeRule",
    "Expression",
    "Extent",
    "FirstOf",
    "GitHub",
    "Install",
    "LiteralValue",
    "Metadata",
    "ProfileTable",
    "RoleSettings",
    "Schedule",
    "Settings",
    "Source",
    "Suffixed",
    "Target",
    "TargetSettings",
    "Unattended",
    "UserColumn",
    "Users",
    "circumstances",
    "connection_variables",
    "copied",
    "did_you_mean",
    "environments",
    "fault_of_base_url",
    "github",
    "is_loopback_api",
    "load",
    "load_unconnected",
    "notify",
    "of_database",
    "presence",
    "problem",
    "project_ref",
    "project_ref_of_api",
    "read_file",
    "read_text",
    "reference_markdown",
    "server_url",
    "settings",
    "target_names",
    "text_of",
    "throwaway",
    "with_url",
]
