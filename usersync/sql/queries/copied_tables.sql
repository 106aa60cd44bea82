-- asks: which tables belong together with these: by foreign keys both ways, and by what trigger
--   functions name
-- returns: one row a table, partitions and tables of extensions left out
-- cost: catalog only
with recursive wanted as (
    select c.oid
    from pg_catalog.pg_class as c
    where c.oid = any ({relations})
    union
    select other.oid
    from wanted as w
    join pg_catalog.pg_constraint as k on k.contype = 'f' and w.oid in (k.conrelid, k.confrelid)
    join pg_catalog.pg_class as other on other.oid in (k.conrelid, k.confrelid)
)
select c.oid::bigint as oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind as kind
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and (
        c.oid in (select w.oid from wanted as w)
        or c.relname = any ({named}) and c.relkind = 'r'
    )
order by 2;
