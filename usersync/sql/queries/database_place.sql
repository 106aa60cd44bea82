-- asks: which database of its cluster this is, and whether this role may ask which cluster
-- returns: one row
-- cost: catalog only
select d.oid::bigint as database_oid,
    has_function_privilege('pg_catalog.pg_control_system()', 'execute') as tells_cluster
from pg_catalog.pg_database as d
where d.datname = current_database();
