"""What PostgREST says of the tables at its root, as OpenAPI; the tests' server says nothing."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.conftest import Database

_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid),
    exists (
        select from pg_index as x
        where x.indrelid = c.oid and x.indisprimary and a.attnum = any (x.indkey)
    )
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and has_table_privilege('service_role', c.oid, 'select')
order by c.relname, a.attnum
"""


def described(database: Database) -> dict[str, Any]:
    """The tables that the service role may read, each with its columns."""
    definitions: dict[str, Any] = {}
    with psycopg.connect(database.url) as connection:
        for table, column, kind, required, default, is_key in connection.execute(_COLUMNS):
            one = definitions.setdefault(
                table, {"required": [], "properties": {}, "type": "object"}
            )
            shown = {"format": kind}
            if default is not None:
                shown["default"] = default
            if is_key:
                shown["description"] = "Note:\nThis is a Primary Key.<pk/>"
            one["properties"][column] = shown
            if required:
                one["required"].append(column)
    return {"swagger": "2.0", "definitions": definitions}
