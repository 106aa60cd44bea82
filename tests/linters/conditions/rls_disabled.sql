-- lint: 0013 rls_disabled_in_public and 0007 policy_exists_rls_disabled, for our own schema too
-- asks: which tables of ours have no row security?
select format('%I.%I', n.nspname, c.relname) as subject
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where (n.nspname = 'usersync' or n.nspname = 'public' and c.relname = 'members')
    and c.relkind = 'r'
    and not c.relrowsecurity
order by subject;
