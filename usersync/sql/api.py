"""The functions of the API, made from the files that the direct door runs: one source of SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from usersync import __version__
from usersync.sql import names
from usersync.sql.api_bodies import Kind, Kit, body
from usersync.sql.fragments import dollar_quoted, fragment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from usersync.config import Settings
    from usersync.sql.shapes import Shape

_NO_NESTED_LOOP = ("set enable_nestloop = off",)
_BATCH_PLAN = (
    "set enable_seqscan = off",
    "set enable_hashjoin = off",
    "set enable_mergejoin = off",
    "set enable_bitmapscan = off",
)
#: As the other door: a batch lets go before Postgres looks for a deadlock, and is tried again.
_BATCH_LOCK = ("set lock_timeout = '500ms'",)


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the API: its name, the query file behind it and how it is planned.

    What ``reads`` or ``checks`` cannot write; what ``creates`` makes profiles, ``appends`` writes a
    line, ``leases`` says whose turn it is, and ``tries`` takes back what it did.
    """

    name: str
    query: str
    comment: str
    settings: tuple[str, ...] = ()
    kind: Kind = "reads"

    @property
    def writes(self) -> bool:
        """Whether it may change anything, be it for a moment."""
        return self.kind not in ("reads", "checks")

    @property
    def identifier(self) -> sql.Identifier:
        """Its qualified name."""
        return sql.Identifier("public", self.name)

    @property
    def signature(self) -> str:
        """As the catalog finds it."""
        return f"public.{self.name}(jsonb)"


FUNCTIONS = (
    Function("usersync_access", "queries/access", "Who answers, and what is installed."),
    Function("usersync_table", "queries/profile_table", "What the catalog says of the table."),
    Function("usersync_unique_indexes", "queries/unique_indexes", "Which of its texts are unique."),
    Function("usersync_triggers", "queries/insert_triggers", "What a new profile fires."),
    Function("usersync_foreign_tables", "queries/foreign_tables", "What lives elsewhere."),
    Function("usersync_code", "queries/functions", "The code behind names."),
    Function("usersync_trigger_functions", "queries/trigger_functions", "What sign-ups call."),
    Function("usersync_survey", "queries/survey", "What is installed, and what stands in the way."),
    Function("usersync_ledger", "queries/ledger_read", "What was installed, and how to undo it."),
    Function("usersync_inventory", "queries/inventory", "What of usersync is there."),
    Function("usersync_pushed_there", "queries/pushed_there", "Whether the CLI keeps a history."),
    Function("usersync_pushed", "queries/pushed", "What the CLI pushed since a moment."),
    Function("usersync_checks", "queries/check", "What checks find.", (), "checks"),
    Function("usersync_status", "queries/status", "Counts of users and profiles, by kind.",
             ("set enable_sort = off",)),
    Function("usersync_status_quick", "queries/status_quick", "Two counts."),
    Function("usersync_missing", "queries/missing", "Since when profiles are missing."),
    Function("usersync_missing_users", "queries/missing_users", "A page of users who lack theirs.",
             _NO_NESTED_LOOP),
    Function("usersync_unpaired", "queries/unpaired_since", "Who lacks theirs since a moment."),
    Function("usersync_plan", "queries/plan", "Counts and digests of what a sync would do.",
             _NO_NESTED_LOOP),
    Function("usersync_wishes", "queries/wishes", "Who of a plan wants what another has.",
             (*_NO_NESTED_LOOP, "set jit = off")),
    Function("usersync_touched_users", "queries/touched_users", "Who of a plan changed last."),
    Function("usersync_remaining", "queries/remaining", "Who of a plan has no profile still.",
             _NO_NESTED_LOOP),
    Function("usersync_profiles_there", "queries/profiles_there", "Who of a plan's time has one."),
    Function("usersync_find_users", "queries/find_users", "The users that a reference means."),
    Function("usersync_journal", "queries/journal_read", "The last lines of the journal."),
    Function("usersync_journal_digest", "queries/journal_digest", "The run of an approved plan."),
    Function("usersync_journal_batch", "queries/journal_batch", "What a batch created."),
    Function("usersync_create", "queries/create_batch", "Creates the profiles of some users.",
             _BATCH_PLAN + _BATCH_LOCK, "creates"),
    Function("usersync_create_blocks", "queries/create_batch", "Creates those of some blocks.",
             _BATCH_PLAN + _BATCH_LOCK, "creates"),
    Function("usersync_journal_append", "queries/journal_append", "Writes a line of the journal.",
             (), "appends"),
    Function("usersync_lease", "queries/lease_take", "Who may run, where only one may.",
             (), "leases"),
    Function("usersync_canary_triggers", "queries/canary_triggers", "What a sign-up fires."),
    Function("usersync_canary", "queries/canary_sign_up", "Signs up nobody: it is taken back.",
             ("set statement_timeout = '3s'", "set lock_timeout = '900ms'"), "tries"),
)  # fmt: skip


def create(
    settings: Settings,
    shapes: Sequence[Shape],
    configuration: str,
    verifications: Mapping[str, sql.Composed],
) -> list[sql.Composable]:
    """The statements that make all functions.

    Args:
        settings: what holds in the target.
        shapes: its profile tables.
        configuration: stands for the settings; every answer carries it.
        verifications: the checks of the changes, by name.
    """
    kit = Kit(settings, shapes, verifications)
    common: names.Names = {
        "version": sql.Literal(__version__),
        "configuration": sql.Literal(configuration),
        "default_table": sql.Literal(shapes[0].settings.name),
    }
    made: list[sql.Composable] = []
    for function in FUNCTIONS:
        named: names.Names = {
            "function": function.identifier,
            "volatility": sql.SQL("volatile" if function.writes else "stable"),
            "settings": sql.SQL("".join(f"{line}\n" for line in function.settings)),
            "body": dollar_quoted(body(function, kit, common)),
            "comment": sql.Literal(f"{function.comment} Installed by usersync."),
        }
        made.append(fragment("api_function", named, 0))
    return made


def drop() -> list[sql.Composable]:
    """The statements that take all functions out."""
    return [
        sql.SQL("drop function if exists {} (jsonb);").format(function.identifier)
        for function in FUNCTIONS
    ]
