-- asks: what code stands behind names: functions by oid or name; views, domains, operators and
--   casts by name
-- returns: one row each, with its language and source; by name, nothing of Postgres's own catalog
-- cost: catalog only
select
    f.oid::oid as oid,
    format('%I.%I', n.nspname, f.proname) as name,
    case when f.prokind = 'a' then 'sql' else l.lanname end as language,
    f.prokind = 'a' or coalesce(l.lanpltrusted, false) as trusted,
    case
        when f.prokind = 'a' then (
            select format(
                '%s() %s() %s() %s() %s() %s() %s() %s()', a.aggtransfn, a.aggfinalfn,
                a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn,
                a.aggmfinalfn
            )
            from pg_catalog.pg_aggregate as a
            where a.aggfnoid = f.oid
        )
        -- The defaults of its arguments run with every call that leaves them out.
        else concat_ws(
            E';\n', pg_get_expr(f.proargdefaults, 0),
            coalesce(pg_get_function_sqlbody(f.oid), f.prosrc)
        )
    end as source,
    e.extname as extension
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_language as l on l.oid = f.prolang
left join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'
left join pg_catalog.pg_extension as e on e.oid = d.refobjid
where f.oid = any ({oids}) or (f.proname = any ({names}) and f.oid >= 16384)
union all
select c.oid, format('view %I.%I', n.nspname, c.relname), 'sql', true, pg_get_viewdef(c.oid), null
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relname = any ({names}) and c.relkind = 'v' and c.oid >= 16384
union all
select
    t.oid,
    format('domain %I.%I', n.nspname, t.typname),
    'sql',
    true,
    concat_ws(' ', format_type(t.typbasetype, null), t.typdefault, (
        select string_agg(pg_get_constraintdef(k.oid), ' ')
        from pg_catalog.pg_constraint as k
        where k.contypid = t.oid
    )),
    null
from pg_catalog.pg_type as t
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
where t.typtype = 'd' and t.oid >= 16384 and (
    t.typname = any ({names}) or t.oid in (
        select a.atttypid
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c on c.oid = a.attrelid
        where c.relname = any ({names}) and a.attnum > 0 and not a.attisdropped
    )
)
union all
select
    o.oid, format('operator %I.%s', n.nspname, o.oprname), 'sql', true, format('%s()', o.oprcode),
    null
from pg_catalog.pg_operator as o
join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
where o.oprname = any ({names}) and o.oid >= 16384
union all
select
    c.oid,
    format('cast (%s as %s)', format_type(c.castsource, null), format_type(c.casttarget, null)),
    'sql',
    true,
    format('%s()', c.castfunc::regproc),
    null
from pg_catalog.pg_cast as c
join pg_catalog.pg_type as t on t.oid in (c.castsource, c.casttarget)
where t.typname = any ({names}) and c.castfunc <> 0 and c.oid >= 16384
order by 1;
