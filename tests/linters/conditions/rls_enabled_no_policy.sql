-- lint: 0008 rls_enabled_no_policy
-- asks: which tables of ours have row security and no policy?
select format('%I.%I', n.nspname, c.relname) as subject
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where (n.nspname = 'usersync' or n.nspname = 'public' and c.relname = 'members')
    and c.relrowsecurity
    and not exists (select from pg_catalog.pg_policy as p where p.polrelid = c.oid)
order by subject;
