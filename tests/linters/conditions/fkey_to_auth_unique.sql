-- lint: 0021 fkey_to_auth_unique
-- asks: which foreign keys of ours point to another column of auth than a primary key?
select format('%s on %I.%I', k.conname, n.nspname, c.relname) as subject
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_index as i on i.indexrelid = k.conindid
where (n.nspname = 'usersync' or n.nspname = 'public' and c.relname = 'members')
    and k.contype = 'f'
    and k.confrelid::regclass::text like 'auth.%'
    and not i.indisprimary
order by subject;
