-- lint: 0004 no_primary_key
-- asks: which tables of ours have no primary key?
select format('%I.%I', n.nspname, c.relname) as subject
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where (n.nspname = 'usersync' or n.nspname = 'public' and c.relname = 'members')
    and c.relkind = 'r'
    and not exists (
        select from pg_catalog.pg_constraint as k where k.conrelid = c.oid and k.contype = 'p'
    )
order by subject;
