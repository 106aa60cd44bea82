-- asks: what the catalog says of the profile table and of our way to it and to auth.users
-- returns: one jsonb; relation is null when there is no such table
-- cost: catalog only; by name and not to_regclass, which fails without USAGE on the schema
select jsonb_build_object(
    'database', current_database(),
    -- Ours is a read-only transaction: asked is what others are.
    'read_only', case
        when pg_is_in_recovery() then 'standby'
        when current_setting('default_transaction_read_only')::boolean then 'setting'
    end,
    'near_names', (
        select coalesce(jsonb_agg(n.nspname || '.' || c.relname order by n.nspname, c.relname), '[]')
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and not c.relispartition
            and n.nspname not in (
                'pg_catalog', 'information_schema', 'auth', 'storage', 'realtime', 'vault',
                'supabase_migrations', 'extensions', 'graphql', 'pgsodium', 'usersync'
            )
    ),
    'relation', (
        select jsonb_build_object(
            'kind', c.relkind,
            'row_security', row_security_active(c.oid),
            'may_select', has_table_privilege(c.oid, 'select'),
            'may_insert', has_table_privilege(c.oid, 'insert'),
            'schema_usage', has_schema_privilege(c.relnamespace, 'usage'),
            'columns', (
                select jsonb_agg(jsonb_build_object(
                    'name', a.attname,
                    -- With its schema: a trigger looks names up with an empty search_path.
                    'type', case tn.nspname
                        when 'pg_catalog' then format_type(a.atttypid, -1)
                        else format('%I.%I', tn.nspname, ty.typname)
                    end,
                    'display_type', format_type(a.atttypid, a.atttypmod),
                    'required', a.attnotnull and not a.atthasdef and a.attidentity = '',
                    'generated', a.attgenerated <> '' or a.attidentity = 'a'
                ) order by a.attnum)
                from pg_catalog.pg_attribute as a
                join pg_catalog.pg_type as ty on ty.oid = a.atttypid
                join pg_catalog.pg_namespace as tn on tn.oid = ty.typnamespace
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            ),
            'unique_keys', (
                select coalesce(jsonb_agg(i.columns), '[]')
                from (
                    select (
                        select jsonb_agg(a.attname order by a.attname)
                        from pg_catalog.pg_attribute as a
                        where a.attrelid = x.indrelid and a.attnum = any (
                            (x.indkey::int2[])[0:x.indnkeyatts - 1]
                        )
                    ) as columns
                    from pg_catalog.pg_index as x
                    where x.indrelid = c.oid and x.indisunique and x.indisvalid
                        and x.indimmediate and x.indpred is null and x.indexprs is null
                ) as i
            ),
            'definition', (
                select md5(string_agg(part, E'\n' order by part))
                from (
                    select format('column %s %s %s %s', a.attname,
                        format_type(a.atttypid, a.atttypmod), a.attnotnull,
                        pg_get_expr(d.adbin, d.adrelid)) as part
                    from pg_catalog.pg_attribute as a
                    left join pg_catalog.pg_attrdef as d
                        on d.adrelid = a.attrelid and d.adnum = a.attnum
                    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                    union all
                    select format('constraint %s %s', k.conname, pg_get_constraintdef(k.oid))
                    from pg_catalog.pg_constraint as k where k.conrelid = c.oid
                    union all
                    select pg_get_indexdef(x.indexrelid)
                    from pg_catalog.pg_index as x where x.indrelid = c.oid
                    union all
                    select format('%s %s %s', pg_get_triggerdef(t.oid), t.tgenabled,
                        md5(pg_get_functiondef(t.tgfoid)))
                    from pg_catalog.pg_trigger as t
                    where t.tgrelid = c.oid and not t.tgisinternal
                    union all
                    select pg_get_ruledef(r.oid)
                    from pg_catalog.pg_rewrite as r where r.ev_class = c.oid
                ) as parts
            )
        )
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = {schema_text} and c.relname = {table_text} and c.relkind not in ('i', 'S')
    ),
    'users', (
        select jsonb_build_object(
            'row_security', row_security_active(c.oid),
            'may_select', has_table_privilege(c.oid, 'select'),
            'may_lock', has_table_privilege(c.oid, 'update'),
            'schema_usage', has_schema_privilege(c.relnamespace, 'usage'),
            'blocks', (pg_relation_size(c.oid) / current_setting('block_size')::bigint),
            'rows_estimate', greatest(c.reltuples, 0)
        )
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'auth' and c.relname = 'users' and c.relkind in ('r', 'p')
    ),
    'sign_up', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'name', t.tgname,
            'quoted', quote_ident(t.tgname),
            'before', (t.tgtype & 2) <> 0,
            'definer', f.prosecdef,
            'may_execute', has_function_privilege(f.oid, 'execute')
                and has_schema_privilege(n.oid, 'usage'),
            'function_oid', f.oid::bigint,
            'schema', n.nspname,
            'function', format('%I.%I()', n.nspname, f.proname),
            'source', f.prosrc,
            'definition', pg_get_triggerdef(t.oid)
        ) order by t.tgname), '[]')
        from pg_catalog.pg_trigger as t
        join pg_catalog.pg_proc as f on f.oid = t.tgfoid
        join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
        join pg_catalog.pg_class as users on users.oid = t.tgrelid and users.relname = 'users'
        join pg_catalog.pg_namespace as auth on auth.oid = users.relnamespace
        where auth.nspname = 'auth' and not t.tgisinternal and (t.tgtype & 4) <> 0
    )
) as facts;
