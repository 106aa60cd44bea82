"""Each kind of correction as SQL: which rows it means, and what would change in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from usersync.config import FirstOf, Metadata, UserColumn
from usersync.sql import profiles, users
from usersync.sql.names import quoted

if TYPE_CHECKING:
    from usersync.config import ProfileTable, Settings, Source
    from usersync.sql.names import Names

#: Where the Auth server reads text and no null: one null is an error for the whole page of users.
TOKENS = (
    "confirmation_token",
    "recovery_token",
    "email_change",
    "email_change_token_new",
    "email_change_token_current",
    "phone_change",
    "phone_change_token",
    "reauthentication_token",
)

#: Types of which Postgres knows no equality.
_COMPARED_AS_TEXT = frozenset({"json", "xml", "point", "polygon", "box", "path", "line", "circle"})

_ID = sql.SQL("usersync_repaired_id")


def auth_sources(table: ProfileTable) -> dict[str, Source]:
    """The columns that are filled from auth data, each with the part of its source that is.

    No role, literal or expression: what the app or a default put there is the app's.
    """
    found: dict[str, Source] = {}
    for column, source in table.columns.items():
        if isinstance(source, FirstOf):
            first = []
            for one in source.sources:
                if not isinstance(one, UserColumn | Metadata):
                    break
                first.append(one)
            if first:
                found[column] = FirstOf(tuple(first))
        elif isinstance(source, UserColumn | Metadata):
            found[column] = source
    return found


def _of_profiles(
    named: Names, settings: Settings, table: ProfileTable, types: Mapping[str, str], *_: Any
) -> Names:
    cells: list[sql.Composable] = []
    coarse: list[sql.Composable] = [sql.SQL("false")]
    for column, source in auth_sources(table).items():
        there = sql.SQL("p.{}").format(sql.Identifier(column))
        wanted = profiles.typed_value(source, types[column])
        differs = sql.SQL("{} is distinct from {}").format(
            *(_comparable(one, types[column]) for one in (there, wanted))
        )
        raw = profiles.value(source)
        is_different = sql.SQL("{}::text is distinct from ({})::text").format(there, raw)
        if not isinstance(source, UserColumn):
            # A key that the user has not got says nothing about the profile.
            given = sql.SQL("({}) is not null").format(raw)
            differs, is_different = (
                sql.SQL("({} and {})").format(given, one) for one in (differs, is_different)
            )
        cells.append(_cell(column, there, wanted, differs))
        coarse.append(sql.SQL("({})").format(is_different))
    needed = users.needs_profile(settings.users)
    return _joined(named, cells or [_no_cell()], needed) | {
        "candidates": sql.SQL(
            "select p.{key} from {profiles} as p join auth.users as u on u.id = p.{key}"
            " where {needed} and ({coarse}) order by u.created_at nulls first, u.id"
        ).format(**_keys(named), needed=needed, coarse=sql.SQL(" or ").join(coarse)),
    }


def _of_emails(
    named: Names, _settings: Settings, table: ProfileTable, types: Mapping[str, str], *_: Any
) -> Names:
    column = profiles.email_column(table)
    cells: list[sql.Composable]
    differs: sql.Composable
    if column is None:
        cells, differs = [_no_cell()], sql.SQL("false")
        there: sql.Composable = sql.SQL("null::text")
    else:
        there = sql.SQL("p.{}").format(sql.Identifier(column))
        wanted = profiles.typed_value(UserColumn("email"), types[column])
        cells = [_cell(column, there, wanted, sql.SQL("true"))]
        differs = users.email_differs(column, table.key)
    return _joined(named, cells, differs) | {
        "detail": sql.SQL("{} || ' becomes ' || {}").format(
            users.masked(sql.SQL("{}::text").format(there)), users.masked(sql.SQL("u.email"))
        ),
        "candidates": sql.SQL(
            "select p.{key} from {profiles} as p join auth.users as u on u.id = p.{key}"
            " where {differs} order by u.created_at nulls first, u.id"
        ).format(**_keys(named), differs=differs),
    }


def _of_tokens(named: Names, *_: Any) -> Names:
    columns = [sql.SQL("p.{}").format(sql.Identifier(token)) for token in TOKENS]
    missing = [sql.SQL("{} is null").format(column) for column in columns]
    cells = [
        _cell(token, column, sql.SQL("''::text"), is_missing)
        for token, column, is_missing in zip(TOKENS, columns, missing, strict=True)
    ]
    condition = sql.SQL("({})").format(sql.SQL(" or ").join(missing))
    return {
        "origin": sql.SQL("auth.users as p"),
        "created_at": sql.SQL("p.created_at"),
        "cells": sql.SQL(", ").join(cells),
        "condition": sql.SQL("p.id = {} and {}").format(_ID, condition),
        "lock": _lock(named, "no key update"),
        "candidates": sql.SQL(
            "select p.id from auth.users as p where {} order by p.created_at nulls first, p.id"
        ).format(condition),
    }


def _of_orphans(
    named: Names,
    _settings: Settings,
    table: ProfileTable,
    _types: Mapping[str, str],
    facts: Mapping[str, Any],
    *_: Any,
) -> Names:
    columns = list(facts["columns"])
    texts = [sql.SQL("p.{}::text").format(sql.Identifier(column)) for column in columns]
    return {
        "whole_row": sql.SQL("jsonb_object({}::text[], array[{}])").format(
            sql.Literal(columns), sql.SQL(", ").join(texts)
        ),
        "blocked": _referenced(table, facts["references"]),
        # Not even a row of others that refers to it may come meanwhile.
        "lock": _lock(named, "update"),
        "candidates": sql.SQL(
            "select p.{key} from {profiles} as p"
            " where not exists (select from auth.users as u where u.id = p.{key}) order by p.{key}"
        ).format(**_keys(named)),
    }


def _of_parked(named: Names, *_: Any) -> Names:
    run_id = named["run_id"]
    of_run = sql.SQL("({run} is null or q.run_id = {run})").format(
        run=sql.SQL("{}::uuid").format(run_id)
    )
    return {
        "of_run": of_run,
        # What a run parked, taken back, is as it was: also without a user.
        "user_needed": sql.SQL("{}::uuid is null").format(run_id),
        "lock": sql.SQL("null;"),
        "candidates": sql.SQL(
            "select q.key from {ours}.parked_profiles as q"
            " where q.profile_table = {table_name} and q.restored_at is null and {of_run}"
            " group by q.key order by q.key"
        ).format(ours=named["ours"], table_name=named["table_name"], of_run=of_run),
    }


def _of_images(
    named: Names,
    _settings: Settings,
    _table: ProfileTable | None,
    types: Mapping[str, str],
    _facts: Mapping[str, Any],
    columns: Sequence[str],
) -> Names:
    cells, moved = [], []
    for column in columns:
        there: sql.Composable = sql.SQL("p.{}").format(sql.Identifier(column))
        if types and column not in types:
            # It is gone, and so is the place for its old value.
            there = sql.SQL("null::text")
        before, after = (
            sql.SQL("(b.image -> {} ->> {})").format(sql.Literal(part), sql.Literal(column))
            for part in ("before", "after")
        )
        has = sql.SQL("(b.image -> 'before') ? {}").format(sql.Literal(column))
        # Of a row that is gone no value is as it was, also not null.
        differs = sql.SQL("{} and (p.{} is null or {}::text is distinct from {})").format(
            has, named["key"], there, before
        )
        cells.append(_cell(column, there, before, differs))
        moved.append(
            sql.SQL("case when {} and {}::text is distinct from {} then {} end").format(
                has, there, after, sql.Literal(column)
            )
        )
    return {
        "created_at": sql.SQL("null::timestamptz"),
        "blocked": sql.SQL(
            "case when p.{key} is null then 'the row is gone'"
            " else 'changed since then: ' || nullif(concat_ws(', ', {moved}), '') end"
        ).format(key=named["key"], moved=sql.SQL(", ").join(moved)),
        "origin": sql.SQL(
            "{ours}.before_images as b left join {profiles} as p on p.{key} = {id}"
        ).format(ours=named["ours"], id=_ID, **_keys(named)),
        "cells": sql.SQL(", ").join(cells),
        "condition": sql.SQL(
            "b.key = {}::text and b.run_id = {}::uuid and b.object = {} and b.image ? 'before'"
        ).format(_ID, named["run_id"], named["object"]),
        "lock": _lock(named, "no key update"),
        "candidates": sql.SQL(
            "select b.key::uuid from {ours}.before_images as b"
            " where b.run_id = {run_id}::uuid and b.object = {object} and b.image ? 'before'"
            " order by b.id"
        ).format(ours=named["ours"], run_id=named["run_id"], object=named["object"]),
    }


def _joined(named: Names, cells: Sequence[sql.Composable], condition: sql.Composable) -> Names:
    """A profile beside its user, who keeps still until the batch is committed."""
    return {
        "origin": sql.SQL("{profiles} as p join auth.users as u on u.id = p.{key}").format(
            **_keys(named)
        ),
        "cells": sql.SQL(", ").join(cells),
        "condition": sql.SQL("p.{} = {} and {}").format(named["key"], _ID, condition),
        "lock": sql.SQL("perform from auth.users as u where u.id = {} for share;\n{}").format(
            _ID, _lock(named, "no key update")
        ),
    }


def _keys(named: Names) -> Names:
    return {"profiles": named["profiles"], "key": named["key"]}


def _lock(named: Names, strength: str) -> sql.Composed:
    return sql.SQL(
        f"perform from {{profiles}} as p where p.{{key}} = {{id}} for {strength};"
    ).format(id=_ID, **_keys(named))


def _cell(
    column: str, before: sql.Composable, after: sql.Composable, differs: sql.Composable
) -> sql.Composed:
    return sql.SQL("({}, {}::text, ({})::text, {})").format(
        sql.Literal(column), before, after, differs
    )


def _no_cell() -> sql.SQL:
    return sql.SQL("('', null::text, null::text, false)")


def _comparable(value: sql.Composable, type_name: str) -> sql.Composable:
    return sql.SQL("({})::text").format(value) if type_name in _COMPARED_AS_TEXT else value


def _referenced(table: ProfileTable, references: Sequence[Mapping[str, Any]]) -> sql.Composable:
    """Which rows of other tables refer to the profile, whatever a delete would do to them."""
    found: list[sql.Composable] = []
    for one in references:
        same = [
            sql.SQL("c.{} = p.{}").format(sql.Identifier(here), sql.Identifier(there))
            for here, there in one["columns"]
        ]
        if (one["schema"], one["table"]) == (table.schema_name, table.table):
            same.append(sql.SQL("c.{0} <> p.{0}").format(sql.Identifier(table.key)))
        name = quoted(one["schema"], one["table"]).replace('"', "")
        found.append(
            sql.SQL("case when exists (select from {} as c where {}) then {} end").format(
                sql.Identifier(one["schema"], one["table"]),
                sql.SQL(" and ").join(same),
                sql.Literal(name),
            )
        )
    listed = sql.SQL(", ").join([*found, sql.SQL("null::text")])
    return sql.SQL("('rows refer to it: ' || nullif(concat_ws(', ', {}), ''))").format(listed)


#: By kind; see `usersync.backends.repairs.Kind`.
OF: Mapping[str, Callable[..., Names]] = {
    "profiles": _of_profiles,
    "emails": _of_emails,
    "tokens": _of_tokens,
    "orphans": _of_orphans,
    "parked": _of_parked,
    "images": _of_images,
}
