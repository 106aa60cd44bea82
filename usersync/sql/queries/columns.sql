-- asks: which columns a table has
-- returns: one row each; none when there is no such table
-- cost: catalog only
select a.attname as name, format_type(a.atttypid, null) as type
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p')
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = {schema_text} and c.relname = {table_text} and a.attnum > 0 and not a.attisdropped;
