-- asks: may every Auth hook that reads the profile table read it?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: grant usage on schema SCHEMA to supabase_auth_admin; grant select on TABLE to supabase_auth_admin; and a policy: create policy ... for select to supabase_auth_admin using (true);
-- why: Hooks run as supabase_auth_admin: one that may not read the profile fails every sign-in.
select format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as subject,
    concat_ws(', ', lacking.usage_of_its_own, lacking.usage_of_the_table, lacking.select_of_it, lacking.policy)
        as detail
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_class as c on c.oid = to_regclass({profiles_text})
join pg_catalog.pg_roles as r on r.rolname = 'supabase_auth_admin'
cross join lateral (
    select
        case when not has_schema_privilege(r.oid, n.oid, 'usage')
            then 'supabase_auth_admin may not use its schema' end as usage_of_its_own,
        case when not f.prosecdef and not has_schema_privilege(r.oid, c.relnamespace, 'usage')
            then 'supabase_auth_admin may not use the schema of the table' end as usage_of_the_table,
        case when not f.prosecdef and not has_table_privilege(r.oid, c.oid, 'select')
            and not has_any_column_privilege(r.oid, c.oid, 'select')
            then 'supabase_auth_admin may not select from the table' end as select_of_it,
        case when not f.prosecdef and c.relrowsecurity and not exists (
            select from pg_catalog.pg_policy as p
            where p.polrelid = c.oid and p.polcmd in ('r', '*')
                and (p.polroles = '{{0}}' or r.oid = any (p.polroles))
        ) then 'no policy lets supabase_auth_admin see rows' end as policy
) as lacking
where f.oid >= 16384 and f.prorettype = 'jsonb'::regtype and f.pronargs = 1
    and f.proargtypes[0] = 'jsonb'::regtype
    and f.prosrc ~ ('\m' || {table_pattern} || '\M')
    -- What the Auth server calls was granted to its role by name.
    and exists (
        select from aclexplode(f.proacl) as a
        where a.grantee = r.oid and a.privilege_type = 'EXECUTE'
    )
    and num_nonnulls(
        lacking.usage_of_its_own, lacking.usage_of_the_table, lacking.select_of_it, lacking.policy
    ) > 0
order by 1;
