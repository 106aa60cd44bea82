-- asks: what a repair needs to know of its table and of what we keep
-- returns: one jsonb; columns are those that can be written, references the foreign keys to it
-- cost: catalog only
select jsonb_build_object(
    'keeps', (
        select count(*) = 2
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = {ours_text} and c.relname in ('before_images', 'parked_profiles')
            and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'insert')
    ),
    'may_update', has_table_privilege(r.oid, 'update'),
    'may_delete', has_table_privilege(r.oid, 'delete'),
    'read_only', case
        when pg_is_in_recovery() then 'standby'
        when current_setting('default_transaction_read_only')::boolean then 'setting'
    end,
    'columns', (
        select jsonb_agg(a.attname order by a.attnum)
        from pg_catalog.pg_attribute as a
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    ),
    'references', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', n.nspname, 'table', c.relname,
            'columns', (
                select jsonb_agg(jsonb_build_array(a.attname, b.attname) order by k.position)
                from unnest(f.conkey, f.confkey) with ordinality as k (here, there, position)
                join pg_catalog.pg_attribute as a
                    on a.attrelid = f.conrelid and a.attnum = k.here
                join pg_catalog.pg_attribute as b
                    on b.attrelid = f.confrelid and b.attnum = k.there
            )
        ) order by n.nspname, c.relname, f.conname), '[]')
        from pg_catalog.pg_constraint as f
        join pg_catalog.pg_class as c on c.oid = f.conrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where f.confrelid = r.oid and f.contype = 'f' and f.conparentid = 0
    )
) as facts
from pg_catalog.pg_class as r
where r.oid = to_regclass({relation_text});
