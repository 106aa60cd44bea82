-- asks: may we write and read what is kept of overwritten definitions, and when
-- returns: one row; also where the schema belongs to somebody else
select
    coalesce(bool_or(
        c.relname = 'before_images' and has_table_privilege(c.oid, 'insert')
    ), false) as writes,
    count(*) filter (where has_table_privilege(c.oid, 'select')) = 2 as reads
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = {ours_text} and c.relname in ('before_images', 'journal')
    and has_schema_privilege(n.oid, 'usage');
