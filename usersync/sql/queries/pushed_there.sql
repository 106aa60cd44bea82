-- asks: does the Supabase CLI keep its history here, and may we read it
-- returns: one row
select exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations'
        and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
) as there;
