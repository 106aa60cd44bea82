-- asks: which tables live outside this database
-- returns: one row a foreign table
-- cost: catalog only
select c.relname as name
from pg_catalog.pg_foreign_table as f
join pg_catalog.pg_class as c on c.oid = f.ftrelid
order by c.relname;
