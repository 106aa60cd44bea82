-- asks: may only the service role call the functions of usersync?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: migration.apply for ours; for another one: revoke execute on function NAME from public, anon, authenticated;
-- without: revoke execute on function NAME from public, anon, authenticated;
-- why: They count all users and create profiles.
select f.proname as subject, format('%s may execute it', string_agg(r.rolname::text, ', ')) as detail
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace and n.nspname = 'public'
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where f.proname like 'usersync\_%' and has_function_privilege(r.oid, f.oid, 'execute')
group by f.proname
order by 1;
