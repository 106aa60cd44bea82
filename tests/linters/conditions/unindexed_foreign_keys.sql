-- lint: 0001 unindexed_foreign_keys
-- asks: which foreign keys of ours make a delete in the other table read the whole of ours?
select format('%s on %I.%I', k.conname, n.nspname, c.relname) as subject
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where (n.nspname = 'usersync' or n.nspname = 'public' and c.relname = 'members')
    and k.contype = 'f'
    and not exists (
        select from pg_catalog.pg_index as i
        where i.indrelid = k.conrelid
            and i.indpred is null
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
    )
order by subject;
