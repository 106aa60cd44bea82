-- The roles of a hosted Supabase project that only migrations name, once per cluster, run as the
-- superuser supabase_admin.

do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'dashboard_user', 'pgbouncer', 'pgsodium_keyholder', 'pgsodium_keyiduser', 'pgsodium_keymaker',
        'supabase_functions_admin', 'supabase_read_only_user', 'supabase_realtime_admin',
        'supabase_replication_admin', 'supabase_storage_admin'
    ]
    loop
        if to_regrole(wanted) is null then
            execute format('create role %I nologin noinherit', wanted);
        end if;
    end loop;
end
$$;

-- Hosted, supautils lets postgres set what holds for them.
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant set on parameter pgrst.db_schemas, pgrst.db_extra_search_path, pgrst.db_max_rows,
    pgrst.db_aggregates_enabled, pgrst.db_pre_request, pgrst.db_plan_enabled, pgrst.openapi_mode
    to postgres;
grant supabase_auth_admin to postgres with inherit false, set true;
