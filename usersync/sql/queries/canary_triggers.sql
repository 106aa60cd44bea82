-- asks: which triggers a sign-up fires, and with whose rights their functions run
-- returns: one row a trigger of auth.users or of a profile table
-- cost: catalog only
select
    t.tgname as name,
    t.tgrelid = to_regclass('auth.users') as on_users,
    t.tgrelid = to_regclass('auth.users') and (t.tgtype & 16) <> 0 as on_updates,
    format('%I.%I()', n.nspname, f.proname) as function,
    f.oid::bigint as function_oid,
    f.prosecdef as runs_as_owner,
    f.prosrc like '%-- usersync: paused%' as is_paused,
    (
        select string_agg(
            format(
                '%s: %s', p.name, concat_ws(
                    ', ',
                    case when has_schema_privilege('supabase_auth_admin', c.relnamespace, 'usage')
                        then null else 'no right to use its schema' end,
                    case when has_table_privilege('supabase_auth_admin', c.oid, 'insert')
                        then 'may insert' else 'may not insert' end,
                    case when c.relrowsecurity then 'row security holds for it' end
                )
            ), '; '
        )
        from unnest({profile_names}) as p (name)
        join pg_catalog.pg_class as c on c.oid = to_regclass(p.name)
        where exists (select from pg_catalog.pg_roles as r where r.rolname = 'supabase_auth_admin')
    ) as rights
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where not t.tgisinternal and t.tgenabled in ('O', 'A')
    and (
        t.tgrelid = to_regclass('auth.users')
        or t.tgrelid in (select to_regclass(p.name) from unnest({profile_names}) as p (name))
    )
order by t.tgname;
