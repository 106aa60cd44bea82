-- asks: may every Auth hook that reads the profile table read it?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: grant select on TABLE to supabase_auth_admin; and a policy: create policy ... for select to supabase_auth_admin using (true);
-- why: Hooks run as supabase_auth_admin: one that may not read the profile fails every sign-in.
select format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as subject,
    concat_ws(', ',
        case when not has_table_privilege('supabase_auth_admin', c.oid, 'select')
            then 'supabase_auth_admin may not select from the table' end,
        case when c.relrowsecurity and not exists (
            select from pg_catalog.pg_policy as p
            where p.polrelid = c.oid and p.polcmd in ('r', '*')
                and (p.polroles = '{{0}}' or 'supabase_auth_admin'::regrole = any (p.polroles))
        ) then 'no policy lets supabase_auth_admin see rows' end
    ) as detail
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_class as c on c.oid = to_regclass({profiles_text})
where f.oid >= 16384 and f.prorettype = 'jsonb'::regtype and f.pronargs = 1
    and f.proargtypes[0] = 'jsonb'::regtype and not f.prosecdef
    and f.prosrc ~ ('\m' || {table_pattern} || '\M')
    and has_function_privilege('supabase_auth_admin', f.oid, 'execute')
    and not has_function_privilege('anon', f.oid, 'execute')
    and (
        not has_table_privilege('supabase_auth_admin', c.oid, 'select')
        or c.relrowsecurity and not exists (
            select from pg_catalog.pg_policy as p
            where p.polrelid = c.oid and p.polcmd in ('r', '*')
                and (p.polroles = '{{0}}' or 'supabase_auth_admin'::regrole = any (p.polroles))
        )
    )
order by 1;
