"""A runbook to begin with: in order, with a check and a change of one's own and a drill."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from usersync.config import (
    DEFAULT_PROFILE,
    Expression,
    FirstOf,
    Metadata,
    ProfileTable,
    Source,
    UserColumn,
)
from usersync.runbook.schema import FIRST_LINE
from usersync.sql.names import quoted

SCHEMA_FILE = Path("schemas/runbook.json")

_RUNBOOK = """\
{first_line}
{remark}schema: 1
id: {name}
title: Say in one line what is wrong
severity: high
symptoms:
  - what people see, in their words
inputs:
  most:
    type: int
    help: most rows one run may change
    default: 100
    min: 1
    max: 1000
steps:
  - id: found
    check: ./checks/{name}.sql
    why: Say what a row of it means, and where it comes from.
    expect: rows == 0
  - id: approve
    gate: Correct ${{steps.found.rows}} rows?
    when: steps.found.rows > 0
  - id: correct
    change: ./changes/{name}.sql
    max_rows: ${{inputs.most}}
    verify: steps.found.rows == 0
  - id: tell
    note: Say who should hear of it, and what to look at next.
drill:
  fault: ./drills/{name}.sql
  role: postgres
"""

_REMARK = """\
# No profile table of usersync.yaml copies a text of the user, so this is about the usual one: name
# a table and a column of yours in the three SQL files.
"""

_CHECK = """\
-- asks: which profiles have no {plain_column} although their user has one?
-- level: warning
-- remedy: runbook.{name}
select p.{key}::text as subject, 'it is missing' as detail
from {table} as p
join auth.users as u on u.id = p.{key}
where nullif(p.{column}, '') is null and nullif({value}, '') is not null
order by p.{key}
"""

_CHANGE = """\
-- does: copies it from the user
update {table} as p
set {column} = {value}
from auth.users as u
where u.id = p.{key} and nullif(p.{column}, '') is null and nullif({value}, '') is not null;
"""

_FAULT = """\
-- does: takes it from three profiles, in a database of no account
{given}{made}update {table} set {column} = ''
where {key} in (select {key} from {table} where {column} <> '' order by {key} limit 3);
"""

_GIVEN = """\
update auth.users
set {metadata} = coalesce({metadata}, '{{}}') || jsonb_build_object('{at}', 'Anna');
"""

#: The database of a drill has the usual profile table and no other.
_MADE = """\
create schema if not exists {schema};
create table if not exists {table} ({key} uuid primary key, {column} text);
insert into {table} ({key}, {column}) select u.id, {value} from auth.users as u;
"""

#: Common names that are no keyword, and read better as they are.
_UNQUOTED = frozenset(
    {"public", "profiles", "user_profiles", "users", "id", "user_id", "email", "full_name"}
)
#: An address is known to be a text, of metadata it is likely.
_ORDER = (UserColumn, Metadata, Expression)
#: Metadata whose name says that it is text.
_TEXTS = re.compile(r"[a-z_]*(name|email|phone|avatar|picture|url)[a-z_]*")


def starter(name: str, tables: tuple[ProfileTable, ...] = ()) -> dict[Path, str]:
    """The files of a new runbook, about the first profile table that copies a text of the user.

    Args:
        name: its name.
        tables: the profile tables of the app; the usual one when none copies a text.
    """
    table, column, source = next(_copies((*tables, DEFAULT_PROFILE)))
    words = {
        "name": name,
        "schema": _quoted(table.schema_name),
        "table": f"{_quoted(table.schema_name)}.{_quoted(table.table)}",
        "key": _quoted(table.key),
        "column": _quoted(column),
        "plain_column": " ".join(column.split()),
        "value": f"({source.sql})" if isinstance(source, Expression) else "u.email",
    }
    given = ""
    if isinstance(source, Metadata):
        words["metadata"] = f"raw_{source.root.removesuffix('_metadata')}_meta_data"
        words["at"] = source.path[0]
        words["value"] = f"u.{words['metadata']} ->> '{source.path[0]}'"
        given = _GIVEN.format_map(words)
    usual = DEFAULT_PROFILE
    remark = "" if table in (tables or (usual,)) else _REMARK
    is_usual = (table.schema_name, table.table) == (usual.schema_name, usual.table)
    made = "" if is_usual else _MADE.format_map(words)
    fault = _FAULT.format_map(words | {"given": given, "made": made})
    return {
        Path(f"runbooks/{name}.yaml"): _RUNBOOK.format(
            first_line=FIRST_LINE, remark=remark, name=name
        ),
        Path(f"runbooks/checks/{name}.sql"): _CHECK.format_map(words),
        Path(f"runbooks/changes/{name}.sql"): _CHANGE.format_map(words),
        Path(f"runbooks/drills/{name}.sql"): fault,
    }


def _copies(
    tables: Iterable[ProfileTable],
) -> Iterator[tuple[ProfileTable, str, UserColumn | Metadata | Expression]]:
    """Each table with the likeliest column that is a copy of a text."""
    for table in tables:
        found = [(column, _first(source)) for column, source in table.columns.items()]
        found.sort(key=lambda one: _ORDER.index(type(one[1])) if one[1] else len(_ORDER))
        for column, source in found:
            if source is not None:
                yield table, column, source
                break


def _first(source: Source) -> UserColumn | Metadata | Expression | None:
    """Where the value comes from at first, if that seems to be a text."""
    one = source.sources[0] if isinstance(source, FirstOf) else source
    if one == UserColumn("email"):
        return UserColumn("email")
    if isinstance(one, Metadata) and len(one.path) == 1 and _TEXTS.fullmatch(one.path[0]):
        return one
    return source if isinstance(source, Expression) else None


def _quoted(name: str) -> str:
    return name if name in _UNQUOTED else quoted(name)
