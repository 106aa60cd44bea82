"""What a query file may name, as expressions over ``input``: the functions of the API take one.

A key that is not there means everybody, or the default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from usersync.sql import names, pages, profiles, unique, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usersync.config import Settings
    from usersync.sql.names import Names
    from usersync.sql.shapes import Shape

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
#: By the bounds that the start of an id has, or by the whole address.
_REFERENCE = sql.SQL(
    "(u.id between (input ->> 'first_id')::uuid and (input ->> 'last_id')::uuid"
    " or lower(u.email) = lower(input ->> 'email'))"
)

#: The columns of a line of the journal that are texts, and those that are not.
_LINE_TEXTS = ("event", "task", "target", "table", "actor", "reason", "run_url", "tool_version",
               "digest")  # fmt: skip
#: Texts that an earlier usersync does not send.
_LINE_MAY_BE_LACKING = ("commit_sha", "approver")
_LINE_TYPES = {"at": "timestamptz", "run_id": "uuid", "exit_code": "integer"}


def of_table(settings: Settings, shape: Shape, shapes: Sequence[Shape]) -> Names:
    """Everything that a query about one table may name.

    Args:
        settings: what holds in the target.
        shape: the profile table.
        shapes: all of them.
    """
    listed = [profiles.table_name(one.settings).as_string() for one in shapes]
    table = shape.settings
    role = sql.SQL("p.{}::text").format(sql.Identifier(table.role.column)) if table.role else None
    common = names.of_table(
        table, shape.column_types, settings.users, in_share=_IN_SHARE, in_plan=_IN_PLAN
    )
    spare = sql.SQL("coalesce((input ->> 'spare')::bigint, 0)")
    return {
        **common,
        "spare": spare,
        "wishes": unique.wishes(table, shape.suffixed, common, spare),
        **_of_catalog(settings, shape),
        "profile_names": sql.SQL("({}::text[] || {}::text[])").format(
            sql.Literal(listed), _texts("tables")
        ),
        "values": profiles.value_list(
            table,
            shape.column_types,
            role_input=sql.SQL("input ->> 'role'"),
            given=unique.given_values(table, shape.suffixed),
        ),
        "after": _AFTER,
        "listed": sql.SQL("least(coalesce((input ->> 'listed')::bigint, 0), 20000)"),
        "skip": sql.SQL("coalesce((input ->> 'skip')::bigint, 0)"),
        "page_size": _at_most(10_000, default=1_000),
        "list_length": _at_most(10_000, default=100),
        "limit": _at_most(1_000, default=100),
        "reference": _REFERENCE,
        "role": role or sql.SQL("null::text"),
        "since": sql.SQL("(input ->> 'since')::timestamptz"),
        "since_version": sql.SQL("(input ->> 'since_version')"),
        "digest": sql.SQL("(input ->> 'digest')"),
    }


def of_batch(settings: Settings, shape: Shape, *, by_blocks: bool) -> Names:
    """What the procedure that creates the profiles of a batch may name.

    Args:
        settings: what holds in the target.
        shape: the profile table.
        by_blocks: whether a batch is a range of heap blocks, and not a list of ids.
    """
    named = of_table(settings, shape, (shape,))
    looked_up = pages.is_missing(named)
    all_missing = sql.SQL("(coalesce((input ->> 'all_missing')::boolean, false) or {})")
    return named | {
        **(pages.BY_BLOCKS if by_blocks else pages.BY_IDS),
        **pages.ISOLATION,
        "is_missing": all_missing.format(looked_up) if by_blocks else looked_up,
    }


def of_line(settings: Settings, *, of_batch: bool) -> Names:
    """What the statement that writes a line of the journal may name.

    Args:
        settings: what holds in the target.
        of_batch: whether it tells of the batch in ``output``, and not of what ``input`` says.
    """
    line = {name: sql.SQL(f"input #>> '{{event,{name}}}'") for name in _LINE_TEXTS}
    line |= {
        name: sql.SQL(f"coalesce(input #>> '{{event,{name}}}', '')")
        for name in _LINE_MAY_BE_LACKING
    }
    line |= {
        name: sql.SQL(f"(input #>> '{{event,{name}}}')::{kind}")
        for name, kind in _LINE_TYPES.items()
    }
    ids = "array(select jsonb_array_elements_text(input #> '{event,user_ids}'))"
    if of_batch:
        counts = (
            "jsonb_build_object('created', output -> 'created',"
            " 'failed', jsonb_array_length(output -> 'failures'))"
            " || case when input ? 'batch' then jsonb_build_object('batch', input -> 'batch')"
            " else '{}' end"
        )
        failed = "array(select f ->> 'id' from jsonb_array_elements(output -> 'failures') as f)"
        ids = f"case when cardinality({ids}) > 0 then {ids} else {failed} end"
    else:
        counts = "input #> '{event,counts}'"
    return {
        "ours": sql.Identifier(settings.install.schema_name),
        **line,
        "counts": sql.SQL(f"({counts})"),
        "user_ids": sql.SQL(f"({ids})"),
    }


def of_canary() -> Names:
    """What the files ``queries/canary_*`` may name about the synthetic user."""
    texts = (
        "email",
        "new_email",
        "phone",
        "new_phone",
        "app_metadata",
        "user_metadata",
        "identity_metadata",
        "hash",
    )
    return {
        **{name: sql.SQL(f"(input ->> '{name}')") for name in texts},
        "id": sql.SQL("(input ->> 'id')::uuid"),
        "is_anonymous": sql.SQL("(input ->> 'is_anonymous')::boolean"),
    }


def of_found(settings: Settings, shape: Shape) -> Names:
    """What the questions about the synthetic user in one profile table may name.

    Args:
        settings: what holds in the target.
        shape: the profile table.
    """
    return {
        "needs_profile": users.needs_profile(settings.users),
        "profiles": profiles.table_name(shape.settings),
        "key": sql.Identifier(shape.settings.key),
        "ours": sql.Identifier(settings.install.schema_name),
        "table_name": sql.Literal(shape.settings.name),
    }


def _of_catalog(settings: Settings, shape: Shape) -> Names:
    """What questions to the catalog may name."""
    return {
        **names.ours(settings),
        **names.event("insert"),
        "profiles_text": sql.Literal(profiles.table_name(shape.settings).as_string()),
        "schema_text": sql.Literal(shape.settings.schema_name),
        "table_text": sql.Literal(shape.settings.table),
        "oids": sql.SQL("array(select jsonb_array_elements_text(input -> 'oids'))::oid[]"),
        "names": _texts("names"),
        "schemas": _texts("schemas"),
        "search_path": _texts("search_path"),
        "anywhere": sql.SQL("coalesce((input ->> 'anywhere')::boolean, false)"),
        "paused_like": sql.SQL("(input ->> 'paused_like')"),
        "function_text": sql.SQL("(input ->> 'function')"),
        "run_id": sql.SQL("(input ->> 'run_id')::uuid"),
        "batch": sql.SQL("(input ->> 'batch')"),
    }


def _texts(key: str) -> sql.Composable:
    return sql.SQL(f"array(select jsonb_array_elements_text(input -> '{key}'))")


def _at_most(most: int, *, default: int) -> sql.Composable:
    return sql.SQL(f"least(coalesce((input ->> 'limit')::bigint, {default}), {most})")


__all__ = ["of_batch", "of_canary", "of_found", "of_line", "of_table"]
