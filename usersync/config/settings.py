"""What ``usersync.yaml`` may say: the one list of settings, with defaults and meanings."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from annotated_types import MinLen
from pydantic import AfterValidator, Field, model_validator

from usersync.config.health import BaseUrl, Health
from usersync.config.install import Install
from usersync.config.section import (
    Acceptance,
    Approval,
    JournalSettings,
    Notify,
    Section,
    Unattended,
)
from usersync.config.sources import Source, Suffixed, UserColumn, problem
from usersync.config.values import (
    Comparable,
    ConnectSeconds,
    Domain,
    Flag,
    Identifier,
    Key,
    RetrySeconds,
    Rows,
    Seconds,
    Table,
    Text,
    UserId,
    Variable,
)

Environment = Literal["production", "staging", "preview", "development", "test", "local"]
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)

#: The embedded database, the target that SUPABASE_DB_URL makes without any file, and all of a file.
LOCAL = "local"
DEFAULT = "default"
ALL = "all"
DEFAULT_DB_URL_ENV = "SUPABASE_DB_URL"

_TARGET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class ExcludeRule(Section):
    """Users that need no profile; all conditions of one rule must hold."""

    reason: Text = Field(description="Why they need none; shown beside their number.")
    ids: Annotated[tuple[UserId, ...], MinLen(1)] | None = Field(
        None, description="The user is one of these."
    )
    email_domains: Annotated[tuple[Domain, ...], MinLen(1)] | None = Field(
        None, description="The e-mail address ends in one of these domains."
    )
    providers: Annotated[tuple[Text, ...], MinLen(1)] | None = Field(
        None, description="The first sign-in was by one of these (`email`, `github`, ...)."
    )
    sso: Flag | None = Field(None, description="The user is an SSO user, or is not.")
    audiences: Annotated[tuple[Text, ...], MinLen(1)] | None = Field(
        None, description="`aud` is one of these."
    )
    app_metadata: Annotated[Mapping[Text, Comparable], MinLen(1)] | None = Field(
        None, description="Every one of these keys of `app_metadata` has this value."
    )

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        conditions = [name for name in type(self).model_fields if name != "reason"]
        if all(getattr(self, name) is None for name in conditions):
            raise problem(f"a rule needs at least one condition of {', '.join(conditions)}")
        return self


class Users(Section):
    """Who needs a profile: one definition for status, plan, sync, trigger and checks."""

    anonymous: Flag = Field(default=False, description="Anonymous users need a profile too.")
    audiences: Annotated[tuple[Text, ...], MinLen(1)] = Field(
        ("authenticated",), description="Only users whose `aud` is one of these."
    )
    exclude: tuple[ExcludeRule, ...] = Field((), description="Rules for users that need none.")


class RoleSettings(Section):
    """The column of the profile table that holds the user's role in the app."""

    column: Identifier = Field(description="Its name.")
    default: Text = Field(description="The role of a new profile.")
    allowed: Annotated[tuple[Text, ...], MinLen(1)] = Field(description="All roles there are.")

    @model_validator(mode="after")
    def _default_is_allowed(self) -> Self:
        if self.default not in self.allowed:
            raise problem(
                f"`{self.default}` is not one of the allowed {', '.join(self.allowed)}", "default"
            )
        return self


class ProfileTable(Section):
    """One table that holds one row per user."""

    schema_name: Identifier = Field("public", alias="schema", description="Its schema.")
    table: Table = Field(description="Its name.")
    key: Key = Field(
        description="The one column that holds the user's id; it needs a unique constraint."
    )
    columns: Mapping[Identifier, Source] = Field(
        {},
        description="Per column, where its value comes from; `{from: SOURCE, unique: suffix}` puts "
        "a number behind a text that is taken.",
    )
    role: RoleSettings | None = Field(None, description="The column of the role, if there is one.")
    create: Literal["own_function", "columns"] | None = Field(
        None,
        description="How `sync` makes a profile: by the function behind the app's own sign-up "
        "trigger, side rows and all, or from `columns`. When not said: by the function where "
        "the app's trigger is kept, else from `columns`.",
    )
    follow: tuple[Identifier, ...] | None = Field(
        None,
        description="Columns that the migration keeps equal to their source when that changes; "
        "`email` in a table that usersync made, none in others, when not said.",
    )

    @property
    def name(self) -> str:
        """``public.user_profiles(user_id)``."""
        return f"{self.schema_name}.{self.table}({self.key})"

    @model_validator(mode="after")
    def _columns_do_not_clash(self) -> Self:
        if self.schema_name == "auth":
            raise problem("`auth` belongs to Supabase and holds no profile table", "schema")
        if self.key in self.columns:
            raise problem("the key column is filled with the user's id", "columns", self.key)
        if self.role and self.role.column == self.key:
            raise problem(f"`{self.key}` is the key column", "role", "column")
        if self.role and self.role.column in self.columns:
            raise problem("`role` fills this column already", "columns", self.role.column)
        for column in self.follow or ():
            if column not in self.columns:
                raise problem(f"`{column}` is not listed under `columns`", "follow")
            if isinstance(self.columns[column], Suffixed):
                why = "a column that is followed equals its source; leave one of them out"
                raise problem(f"`{column}` has `unique: suffix`, and {why}", "follow")
        suffixed = [one for one, source in self.columns.items() if isinstance(source, Suffixed)]
        if suffixed and self.create == "own_function":
            raise problem(
                "`unique: suffix` is for `create: columns`; with `own_function` the app's function"
                " makes the values",
                *("columns", suffixed[0]),
            )
        return self


#: The table of the operators' own app; it stands when the file names none.
DEFAULT_PROFILE = ProfileTable(
    table="user_profiles",
    key="user_id",
    columns={"email": UserColumn("email")},
    role=RoleSettings(column="role", default="user", allowed=("user", "admin")),
)


def _distinct(profiles: tuple[ProfileTable, ...]) -> tuple[ProfileTable, ...]:
    tables = [(profile.schema_name, profile.table) for profile in profiles]
    twice = sorted({".".join(table) for table in tables if tables.count(table) > 1})
    if twice:
        raise problem(f"listed more than once: {', '.join(twice)}")
    return profiles


Profiles = Annotated[tuple[ProfileTable, ...], MinLen(1), AfterValidator(_distinct)]


class TargetSettings(Section):
    """One database and what it is for."""

    environment: Environment | None = Field(
        None,
        description="What it is for; `production` when not said, `local` for a loopback host.",
    )
    db_url_env: Variable | None = Field(
        None,
        description="The NAME of the environment variable that holds the connection string; "
        "`SUPABASE_DB_URL` when this is the only target.",
    )
    api_url_env: Variable | None = Field(
        None,
        description="The NAME of the variable that holds the address of the project's API, for "
        "where there is no connection string; `SUPABASE_URL` when this is the only target.",
    )
    api_key_env: Variable | None = Field(
        None,
        description="The NAME of the variable that holds the key for it; "
        "`SUPABASE_SERVICE_ROLE_KEY` or `SUPABASE_SECRET_KEY` when this is the only target.",
    )
    base_url: BaseUrl | None = Field(
        None, description="The address of its app, instead of `health.base_url`."
    )
    profiles: Profiles | None = Field(
        None, description="Its own profile tables, instead of the top-level list."
    )


class Settings(Section):
    """The whole file."""

    contact: str = Field(
        "", description="Printed when a human is needed (exit code 6): a channel, a number."
    )
    targets: Mapping[str, TargetSettings] = Field(
        {}, description="The databases, by name; `local`, `default` and `all` are taken."
    )
    users: Users = Field(Users(), description="Who needs a profile.")
    profiles: Profiles = Field((DEFAULT_PROFILE,), description="The profile tables.")
    max_rows: Rows | None = Field(
        None,
        description="More rows than this stop a run before it writes; "
        "1,000 or 1 % of the users when not said, whichever is more.",
    )
    max_failures: Rows = Field(1000, description="More failed creations than this stop a run.")
    rehearse_timeout_s: Seconds = Field(10.0, description="The longest a rehearsal may take.")
    statement_timeout_s: Seconds = Field(60.0, description="The longest one statement may take.")
    lock_timeout_s: Seconds = Field(
        5.0, description="The longest a statement waits for a lock; a batch at most 0.5 s a try."
    )
    connect_timeout_s: ConnectSeconds = Field(
        10, description="The longest one attempt to connect may take."
    )
    retry_s: RetrySeconds = Field(
        30.0, description="How long one batch, or the connection, is tried again; 0 for never."
    )
    allow_full_listing: Flag = Field(
        default=False,
        description="Over the API of a project without usersync's functions: list more than 50,000 "
        "users although nobody is at a terminal.",
    )
    trigger: Literal["keep", "own", "none"] | None = Field(
        None,
        description="Who gives a new user the profile: the app's own trigger (`keep`: usersync "
        "puts nothing on `auth.users`), the trigger of usersync (`own`), or no trigger (`none`). "
        "When not said: `keep` where a trigger of the app writes a profile table, else `own`.",
    )
    install: Install = Field(Install(), description="What the migration installs.")
    health: Health = Field(Health(), description="The health endpoints.")
    logs: tuple[Text, ...] = Field(
        ("backend/backend.log",), description="The log files of the app, for `logs`."
    )
    unattended: Unattended | None = Field(
        None, description="What may change production without a person at a terminal."
    )
    approval: Approval = Field(Approval(), description="Who may approve a change of production.")
    allow_triggers: tuple[Text, ...] = Field(
        (), description="Triggers of the profile table that may reach outside during a sync."
    )
    accept: tuple[Acceptance, ...] = Field((), description="Findings the team knows of.")
    journal: JournalSettings = Field(JournalSettings(), description="What the journal keeps.")
    notify: Notify | None = Field(None, description="Who is told outside of GitHub.")
    checks: tuple[Text, ...] = Field(
        (),
        description="Checks of your own, files of SQL: `doctor` and `migration.verify` ask them.",
    )
    operations: tuple[Text, ...] = Field(
        (), description="Operations of your own, files of Python: runbooks call them."
    )

    @model_validator(mode="after")
    def _trigger_is_installed(self) -> Self:
        if self.trigger == "own" and self.install.what == "nothing":
            raise problem(
                "`own` is the trigger of usersync, and `install: nothing` installs none; say `keep`"
                " or `none`",
                "trigger",
            )
        return self

    @model_validator(mode="after")
    def _targets_are_named(self) -> Self:
        for name, target in self.targets.items():
            if name in {LOCAL, DEFAULT, ALL}:
                raise problem("this name is taken by usersync; choose another", "targets", name)
            if not _TARGET_NAME.fullmatch(name):
                raise problem("use letters, digits, `-` and `_` in the name", "targets", name)
            if len(self.targets) > 1 and not (target.db_url_env or target.api_url_env):
                raise problem(
                    "missing; of several targets each names its own variable",
                    *("targets", name, "db_url_env"),
                )
            if target.api_url_env and not target.api_key_env:
                raise problem(
                    "missing; an address of an API comes with its key",
                    *("targets", name, "api_key_env"),
                )
        return self
