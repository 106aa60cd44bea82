-- asks: what stands in the way of the migration, and whose the triggers on auth.users are
-- returns: one jsonb
-- cost: catalog only
select jsonb_build_object(
    'server_version', current_setting('server_version_num')::integer,
    'read_only', case
        when pg_is_in_recovery() then 'standby'
        when current_setting('default_transaction_read_only')::boolean then 'setting'
    end,
    'search_path', current_setting('search_path'),
    'schema_owner', (
        select n.nspowner::regrole::text
        from pg_catalog.pg_namespace as n
        where n.nspname = {ours_text}
    ),
    'owns_schema', (
        select pg_has_role(n.nspowner, 'usage')
        from pg_catalog.pg_namespace as n
        where n.nspname = {ours_text}
    ),
    'may_create_schema', has_database_privilege(current_database(), 'create'),
    'may_create_trigger', has_table_privilege(to_regclass('auth.users'), 'trigger'),
    'ledger', exists (
        select from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = {ours_text} and c.relname = 'ledger'
            and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
    ),
    'user_triggers', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'name', t.tgname,
            'enabled', t.tgenabled,
            'on_insert', (t.tgtype & 4) <> 0,
            'function', format('%I.%I()', n.nspname, f.proname),
            'function_schema', n.nspname,
            'function_name', f.proname,
            'function_owner', f.proowner::regrole::text,
            'function_oid', f.oid::bigint,
            'language', l.lanname,
            'definition', pg_get_triggerdef(t.oid),
            'function_definition', pg_get_functiondef(f.oid),
            'source', f.prosrc
        ) order by t.tgname), '[]')
        from pg_catalog.pg_trigger as t
        join pg_catalog.pg_proc as f on f.oid = t.tgfoid
        join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
        join pg_catalog.pg_language as l on l.oid = f.prolang
        where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    ),
    'tables', (
        select coalesce(jsonb_object_agg(wanted.name, to_regclass(wanted.name) is not null), '{{}}')
        from unnest({profile_names}) as wanted (name)
    )
) as survey;
