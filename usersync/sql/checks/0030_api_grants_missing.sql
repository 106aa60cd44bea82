-- asks: may the API roles use the profile table as its policies intend?
-- level: warning
-- about: table
-- cost: catalog only
-- remedy: grant usage on schema SCHEMA to authenticated, service_role; grant select on TABLE to authenticated; grant select, insert, update, delete on TABLE to service_role;
-- why: Since 2026-10-30 new tables in public get no grants, and a reset drops those there were, on
--   the schema too: every call of the app is 42501 (Supabase changelog 45329, prisma#16588).
select r.rolname as subject, 'has ' || string_agg(lacking.told, ', ' order by lacking.told) as detail
from pg_catalog.pg_roles as r
join pg_catalog.pg_class as c on c.oid = to_regclass({profiles_text})
cross join lateral (
    select 'no right to use its schema' as told
    where not has_schema_privilege(r.oid, c.relnamespace, 'usage')
    union all
    select format('%s, and no right to %s', case when r.rolname = 'service_role' then 'the service key'
        else 'a policy' end, wanted.right_name)
    from (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd'))
        as wanted (right_name, command)
    where not has_table_privilege(r.oid, c.oid, wanted.right_name)
        and (wanted.right_name = 'delete' or not has_any_column_privilege(r.oid, c.oid, wanted.right_name))
        and (
            r.rolname = 'service_role'
            or exists (
                select from pg_catalog.pg_policy as p
                where p.polrelid = c.oid and p.polcmd::text = wanted.command
                    and (p.polroles = '{{0}}' or r.oid = any (p.polroles))
            )
            -- A policy for all commands intends reading at least.
            or wanted.right_name = 'select' and exists (
                select from pg_catalog.pg_policy as p
                where p.polrelid = c.oid and p.polcmd = '*'
                    and (p.polroles = '{{0}}' or r.oid = any (p.polroles))
            )
        )
) as lacking
where r.rolname = 'service_role'
    or r.rolname = 'authenticated' and exists (
        select from pg_catalog.pg_policy as p
        where p.polrelid = c.oid and (p.polroles = '{{0}}' or r.oid = any (p.polroles))
    )
group by r.rolname
order by 1;
