-- lint: 0009 duplicate_index
-- asks: which indexes of ours are there twice?
select format('%I.%I', n.nspname, c.relname) as subject
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'usersync' or n.nspname = 'public' and c.relname = 'members'
group by
    n.nspname, c.relname, i.indkey, i.indclass, i.indcollation, i.indoption,
    pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid)
having count(*) > 1
order by subject;
