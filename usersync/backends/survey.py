"""What one look at a target finds: our ledger and objects, and whose the triggers there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from usersync.model import ReadOnly


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the target's own ledger says of a change that was applied."""

    change: str
    tool_version: str
    configuration: str
    """Stands for the settings that the change was rendered from."""
    apply: str
    revert: str
    objects: Mapping[str, str]
    """What it made: identity and definition, as the catalog printed it then."""
    applied_at: datetime
    applied_by: str

    @property
    def drops(self) -> tuple[str, ...]:
        """The tables that it made, which go with their rows when it is undone, as SQL names."""
        return tuple(re.findall(r"^drop table if exists (.+);$", self.revert, re.MULTILINE))

    @property
    def tables(self) -> tuple[str, ...]:
        """Its tables, by its way back and by the catalog's word, as SQL names."""
        made = (one.removeprefix("table ") for one in self.objects if one.startswith("table "))
        spelled = {name.replace('"', ""): name for name in (*made, *self.drops)}
        return tuple(spelled.values())

    @property
    def trigger_functions(self) -> tuple[str, ...]:
        """Its functions behind triggers on ``auth.users``: ``usersync.on_auth_user_created()``."""
        if not any(
            one.startswith("trigger ") and one.endswith(" on auth.users") for one in self.objects
        ):
            return ()
        return tuple(
            one.removeprefix("function ") for one in self.objects if one.startswith("function ")
        )


@dataclass(frozen=True, slots=True)
class UserTrigger:
    """One trigger on ``auth.users`` that is not Postgres's own."""

    name: str
    enabled: str
    """``O`` on, ``D`` off, ``R`` replica only, ``A`` always."""
    on_insert: bool
    function: str
    """``schema.name()``."""
    function_schema: str
    function_name: str
    function_owner: str
    language: str
    definition: str
    function_definition: str
    source: str
    inserts_into: tuple[str, ...] = ()
    """The profile tables, as ``public.user_profiles``, that it may write new rows into."""
    writes: tuple[str, ...] = ()
    """Every table that its function, and what that calls, writes to; not looked up for ours."""
    calls: tuple[str, ...] = ()
    """The functions that it calls, directly or through others; not looked up for ours."""
    effects: tuple[str, ...] = ()
    """What they do beside that, a clause each; not looked up for ours."""
    function_attributes: tuple[str, ...] = ()
    """The statements that give its function comment, rights and owner; not looked up for ours."""


@dataclass(frozen=True, slots=True)
class FunctionNow:
    """The function of a trigger whose place ours took, as it is by now."""

    definition: str | None
    """None when it is gone."""
    attributes: tuple[str, ...]
    """The statements that give it comment, rights and owner."""
    obstacle: str
    """Why it could not be made again; empty when it could."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the catalog and the ledger say, of one snapshot."""

    server_version: int
    """As ``server_version_num``."""
    schema_owner: str | None
    """Of our schema; None when there is none."""
    owns_schema: bool
    may_create_schema: bool
    may_create_trigger: bool
    ledger: tuple[LedgerEntry, ...]
    objects: Mapping[str, str]
    """Everything of ours that is there: identity and definition."""
    user_triggers: tuple[UserTrigger, ...]
    tables: Mapping[str, bool] = field(default_factory=dict)
    """Per configured profile table, by its quoted name, whether it is there."""
    dependents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Per change, what stands on its trigger functions and is none of its objects."""
    search_path: str = ""
    """Where names without a schema are found in this session."""
    replaced: Mapping[str, FunctionNow] = field(default_factory=dict)
    """By name, the functions of the app whose place ours took."""
    read_only: ReadOnly | None = None
    """Why the server takes no writes at all; None when it does."""
