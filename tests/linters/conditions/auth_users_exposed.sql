-- lint: 0002 auth_users_exposed and 0010 security_definer_view
-- asks: which views of ours may the users of the app read with the rights of the owner?
select format('%s may select from %I.%I', r.rolname, n.nspname, c.relname) as subject
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where (n.nspname = 'usersync' or n.nspname = 'public' and c.relname like 'usersync\_%')
    and c.relkind in ('v', 'm')
    and not coalesce(c.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on']
    and has_table_privilege(r.oid, c.oid, 'select')
order by subject;
