-- asks: what would go with functions of ours, beside their triggers on auth.users
-- returns: one row an object
select distinct pg_describe_object(d.classid, d.objid, d.objsubid) as object
from unnest({functions}) as ours (function)
join pg_catalog.pg_depend as d
    on d.refclassid = 'pg_catalog.pg_proc'::regclass
    and d.refobjid = to_regprocedure(ours.function)
    and d.deptype in ('n', 'a')
left join pg_catalog.pg_trigger as t
    on d.classid = 'pg_catalog.pg_trigger'::regclass and t.oid = d.objid
left join pg_catalog.pg_class as c on c.oid = t.tgrelid
left join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where t.oid is null
    or not format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname) = any ({triggers})
order by object;
