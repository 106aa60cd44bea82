-- lint: 0028 and 0029 anon/authenticated_security_definer_function_executable
-- asks: which functions of ours with the rights of their owner may the users of the app call?
select format('%s may execute %I.%I', r.rolname, n.nspname, f.proname) as subject
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where (n.nspname = 'usersync' or n.nspname = 'public' and f.proname like 'usersync\_%')
    and f.prosecdef
    and has_function_privilege(r.oid, f.oid, 'execute')
order by subject;
