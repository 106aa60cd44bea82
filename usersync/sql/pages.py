"""The two ways a batch says whom it means, as used by ``queries/create_batch.sql``."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

#: Users in a range of heap blocks, which Postgres 14 and later read by a TID range scan. Keysets
#: on the uuid were measured 2-3 times slower (random access to heap and index).
BY_BLOCKS = {
    "page": sql.SQL("u.ctid >= first_tid and u.ctid < end_tid"),
    "page_order": sql.SQL("u.ctid"),
    # Whoever is being deleted right now is not waited for, so that no delete of many meets a
    # deadlock; who is kept after all is met by name.
    "locked": sql.SQL("for key share of u skip locked"),
}

#: Users by id, oldest first.
BY_IDS = {
    "page": sql.SQL("u.id = any (batch_ids)"),
    "page_order": sql.SQL("u.created_at nulls first, u.id"),
    "locked": sql.SQL("order by u.ctid for key share of u"),
}

#: An error that belongs to one row: bad data, a broken constraint, too large for an index, or
#: raised on purpose by a trigger. Anything else stops the run.
IS_ROW_ERROR = sql.SQL(
    "(left(error_state, 2) in ('22', '23', '54', 'P0')"
    " or error_context ~ '^PL/pgSQL function [^\n]+ at RAISE')"
)


#: The statement that lets constraints wait for the end of the transaction as they do at a sign-up:
#: those of the part before were looked at, and from then on none waits any more. A name that a
#: constraint which never waits has too would be an error.
_CONSTRAINTS_WAIT = sql.SQL(
    """coalesce((
        select 'set constraints ' || string_agg(waits.name, ', ') || ' deferred'
        from (
            select format('%I.%I', n.nspname, k.conname) as name
            from pg_catalog.pg_constraint as k
            join pg_catalog.pg_namespace as n on n.oid = k.connamespace
            where has_schema_privilege(n.oid, 'usage')
            group by 1
            having bool_or(k.condeferred) and bool_and(k.condeferrable)
        ) as waits
    ), 'select')"""
)

#: What a procedure that isolates rows names beside its table and its page.
ISOLATION = {"is_row_error": IS_ROW_ERROR, "constraints_wait": _CONSTRAINTS_WAIT}


def is_missing(names: Mapping[str, sql.Composable]) -> sql.Composable:
    """True for a user without a profile: one index probe a user.

    Args:
        names: ``profiles`` and ``key`` of the table.
    """
    return sql.SQL("not exists (select from {} as p where p.{} = u.id)").format(
        names["profiles"], names["key"]
    )
