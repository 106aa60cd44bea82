-- asks: may the API roles use the profile table as its policies intend?
-- level: warning
-- about: table
-- cost: catalog only
-- remedy: grant select on TABLE to authenticated; grant select, insert, update, delete on TABLE to service_role;
-- why: Since 2026-10-30 new tables in public get no grants, and a reset drops those there were:
--   every call of the app is 42501 (Supabase changelog 45329).
select r.rolname as subject, 'has policies or the service key for it, and no right on it' as detail
from pg_catalog.pg_roles as r
join pg_catalog.pg_class as c on c.oid = to_regclass({profiles_text})
where not has_table_privilege(r.oid, c.oid, 'select')
    and not has_any_column_privilege(r.oid, c.oid, 'select')
    and (
        r.rolname = 'service_role'
        or r.rolname = 'authenticated' and exists (
            select from pg_catalog.pg_policy as p
            where p.polrelid = c.oid and (p.polroles = '{{0}}' or r.oid = any (p.polroles))
        )
    )
order by 1;
