-- asks: what functions do, by oid or by name
-- returns: one row a function outside the system catalog, with its language and source
-- cost: catalog only
select
    f.oid::oid as oid,
    format('%I.%I', n.nspname, f.proname) as name,
    l.lanname as language,
    coalesce(l.lanpltrusted, false) as trusted,
    coalesce(pg_get_function_sqlbody(f.oid), f.prosrc) as source,
    e.extname as extension
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_language as l on l.oid = f.prolang
left join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'
left join pg_catalog.pg_extension as e on e.oid = d.refobjid
where f.oid = any ({oids}) or (
    f.proname = any ({names}) and n.nspname not in ('pg_catalog', 'information_schema')
)
order by f.oid;
