"""The functions of the API, made from the files that the direct door runs: one source of SQL."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from usersync import __version__
from usersync.sql import load, names, pages
from usersync.sql.fragments import dollar_quoted, fragment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usersync.config import Settings
    from usersync.sql.shapes import Shape

#: What a selection is over the API: keys of ``input`` instead of literals. A key that is not there
#: means everybody.
_IN_SHARE = sql.SQL(
    "coalesce(mod(pg_catalog.uuid_hash_extended(u.id, 0) & 2147483647,"
    " (input #>> '{share,1}')::bigint) = (input #>> '{share,0}')::bigint - 1, true)"
)
_IN_PLAN = sql.SQL(
    "(coalesce(u.created_at <= (input ->> 'newest_at')::timestamptz"
    " or u.created_at > pg_catalog.now() + interval '1 minute', true)"
    " and (input ->> 'last_id' is null or (coalesce(u.created_at, '-infinity'), u.id)"
    " <= (coalesce((input ->> 'last_created_at')::timestamptz, '-infinity'),"
    " (input ->> 'last_id')::uuid))"
    " and u.id <> all (array(select jsonb_array_elements_text(input -> 'without'))::uuid[]))"
)
_AFTER = sql.SQL(
    "(input ->> 'after_id' is null or (coalesce(u.created_at, '-infinity'), u.id)"
    " > (coalesce((input ->> 'after_created_at')::timestamptz, '-infinity'),"
    " (input ->> 'after_id')::uuid))"
)
_INPUTS: names.Names = {
    "after": _AFTER,
    "skip": sql.SQL("coalesce((input ->> 'skip')::bigint, 0)"),
    "page_size": sql.SQL("least(coalesce((input ->> 'limit')::bigint, 1000), 10000)"),
    "list_length": sql.SQL("least(coalesce((input ->> 'limit')::bigint, 100), 10000)"),
}

_NO_NESTED_LOOP = ("set enable_nestloop = off",)
_BATCH_PLAN = (
    "set enable_seqscan = off",
    "set enable_hashjoin = off",
    "set enable_mergejoin = off",
    "set enable_bitmapscan = off",
)


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the API: its name, the query file behind it and how it is planned."""

    name: str
    query: str
    comment: str
    settings: tuple[str, ...] = ()
    writes: bool = False

    @property
    def identifier(self) -> sql.Identifier:
        """Its qualified name."""
        return sql.Identifier("public", self.name)

    @property
    def signature(self) -> str:
        """As the catalog finds it."""
        return f"public.{self.name}(jsonb)"


FUNCTIONS = (
    Function("usersync_status", "queries/status", "Counts of users and profiles, by kind.",
             ("set enable_sort = off",)),
    Function("usersync_status_quick", "queries/status_quick", "Two counts."),
    Function("usersync_missing", "queries/missing", "Since when profiles are missing."),
    Function("usersync_missing_users", "queries/missing_users", "A page of users who lack theirs.",
             _NO_NESTED_LOOP),
    Function("usersync_plan", "queries/plan", "Counts and digests of what a sync would do."),
    Function("usersync_newest_users", "queries/newest_users", "The last users of a plan."),
    Function("usersync_remaining", "queries/remaining", "Who of a plan has no profile still.",
             _NO_NESTED_LOOP),
    Function("usersync_create", "queries/create_batch", "Creates the profiles of one batch.",
             _BATCH_PLAN, writes=True),
)  # fmt: skip


def create(
    settings: Settings,
    shapes: Sequence[Shape],
    configuration: str,
) -> list[sql.Composable]:
    """The statements that make all functions.

    Args:
        settings: what holds in the target.
        shapes: its profile tables.
        configuration: stands for the settings; every answer carries it.
    """
    common: names.Names = {
        "version": sql.Literal(__version__),
        "configuration": sql.Literal(configuration),
        "default_table": sql.Literal(shapes[0].settings.name),
    }
    made: list[sql.Composable] = []
    for function in FUNCTIONS:
        kind = "api_create" if function.writes else "api_read"
        tables = [
            fragment(
                f"{kind}_table",
                common
                | {
                    "table_name": sql.Literal(shape.settings.name),
                    "procedure" if function.writes else "query": _code(function, settings, shape),
                },
                4,
            )
            for shape in shapes
        ]
        body = fragment(kind, common | {"tables": sql.SQL("\n    ").join(tables)}, 0)
        named: names.Names = {
            "function": function.identifier,
            "volatility": sql.SQL("volatile" if function.writes else "stable"),
            "settings": sql.SQL("".join(f"{line}\n" for line in function.settings)),
            "body": dollar_quoted(body),
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


def _code(function: Function, settings: Settings, shape: Shape) -> sql.Composed:
    """A query file over ``input``, without its header and its last semicolon."""
    named = names.of_table(
        shape.settings,
        shape.column_types,
        settings.users,
        in_share=_IN_SHARE,
        in_plan=_IN_PLAN,
    )
    named |= _INPUTS
    if function.writes:
        named |= pages.BY_IDS | {
            "is_row_error": pages.IS_ROW_ERROR,
            "is_missing": pages.is_missing(named),
        }
    lines = load(function.query).text.splitlines()
    code = "\n".join(itertools.dropwhile(lambda line: line.startswith("--"), lines)).strip()
    return sql.SQL(code if function.writes else code.rstrip(";")).format(**named)
