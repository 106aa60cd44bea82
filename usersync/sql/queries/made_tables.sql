-- asks: which of some tables there are, and whether this role may count their rows
-- returns: one row a table that is there: as it was asked for, and its name
-- cost: catalog only
select t.asked, format('%I.%I', n.nspname, c.relname) as name, pg_total_relation_size(c.oid) as size_bytes,
    has_table_privilege(c.oid, 'select') and not row_security_active(c.oid) as countable
from unnest({tables}::text[]) as t (asked)
join pg_catalog.pg_class as c on c.oid = to_regclass(t.asked)
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
order by name;
