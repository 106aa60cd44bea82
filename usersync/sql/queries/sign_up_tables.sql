-- asks: which of the tables that sign-ups write hold one row per user
-- input: schema (empty when it is not said) and name of each table
-- returns: one row each, with the unique uuid column that is the user's id: those first that refer to
--   auth.users
-- cost: catalog only
select distinct on (refers, schema_name, table_name) schema_name, table_name, key, refers
from (
    select
        n.nspname as schema_name,
        c.relname as table_name,
        a.attname as key,
        a.attnum as position,
        exists (
            select from pg_catalog.pg_constraint as k
            where k.conrelid = c.oid and k.contype = 'f' and k.confrelid = to_regclass('auth.users')
                and k.conkey = array[a.attnum]
        ) as refers,
        a.atthasdef as has_default
    from unnest({schemas}, {names}) as w (schema_name, name)
    join pg_catalog.pg_class as c on c.relname = w.name and c.relkind in ('r', 'p')
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and w.schema_name in ('', n.nspname)
    join pg_catalog.pg_index as x
        on x.indrelid = c.oid and x.indisunique and x.indnkeyatts = 1 and x.indpred is null
    join pg_catalog.pg_attribute as a
        on a.attrelid = c.oid and a.attnum = x.indkey[0] and a.atttypid = 'uuid'::regtype
    where n.nspname not in (
        'auth', 'pg_catalog', 'information_schema', 'storage', 'realtime', 'vault', 'net', 'cron'
    )
) as found
-- A uuid that Postgres makes itself is no user's.
where refers or not has_default
order by refers desc, schema_name, table_name, position;
