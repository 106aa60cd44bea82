-- asks: which tables live outside this database, wholly or in a part
-- returns: one row a name
-- cost: catalog only
with recursive reaching as (
    select f.ftrelid as table_oid
    from pg_catalog.pg_foreign_table as f
    union
    select i.inhparent
    from pg_catalog.pg_inherits as i
    join reaching as r on r.table_oid = i.inhrelid
)
select distinct c.relname as name
from reaching as r
join pg_catalog.pg_class as c on c.oid = r.table_oid
order by name;
