-- asks: what code stands behind names: functions by oid or name; views, domains, operators and
--   casts by name
-- input: names and, beside each, the schema it is written with, or empty; further schemas to search
-- returns: one row each, with its language and source; by name, nothing of Postgres's own catalog
-- cost: catalog only
with named as materialized (
    select distinct r.name, n.oid as namespace
    from unnest({names}, {schemas}) as r (name, written_schema)
    join pg_catalog.pg_namespace as n
        on n.nspname = r.written_schema
        or n.nspname = any (current_schemas(true))
        or n.nspname = any ({search_path})
        or {anywhere}
)
select
    f.oid::bigint as oid,
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
    e.extname as extension,
    (
        select replace(substring(c.setting from 13), '$user', current_user)
        from unnest(f.proconfig) as c (setting)
        where c.setting like 'search\_path=%'
    ) as search_path
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_language as l on l.oid = f.prolang
left join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'
left join pg_catalog.pg_extension as e on e.oid = d.refobjid
where f.oid = any ({oids})
    or f.oid >= 16384 and (f.proname, f.pronamespace) in (select name, namespace from named)
union all
select
    c.oid::bigint, format('view %I.%I', n.nspname, c.relname), 'sql', true, pg_get_viewdef(c.oid), null, null
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'v' and c.oid >= 16384
    and (c.relname, c.relnamespace) in (select name, namespace from named)
union all
select
    t.oid::bigint,
    format('domain %I.%I', n.nspname, t.typname),
    'sql',
    true,
    concat_ws(' ', format_type(t.typbasetype, null), t.typdefault, (
        select string_agg(pg_get_constraintdef(k.oid), ' ')
        from pg_catalog.pg_constraint as k
        where k.contypid = t.oid
    )),
    null,
    null
from pg_catalog.pg_type as t
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
where t.typtype = 'd' and t.oid >= 16384 and (
    (t.typname, t.typnamespace) in (select name, namespace from named)
    or t.oid in (
        select a.atttypid
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c on c.oid = a.attrelid
        where (c.relname, c.relnamespace) in (select name, namespace from named)
            and a.attnum > 0 and not a.attisdropped
    )
)
union all
-- The operators and casts of extensions only compute.
select
    o.oid::bigint, format('operator %I.%s', n.nspname, o.oprname), 'sql', true, format('%s()', o.oprcode),
    null, null
from pg_catalog.pg_operator as o
join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
where o.oid >= 16384
    and (o.oprname, o.oprnamespace) in (select name, namespace from named)
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e'
    )
union all
select
    c.oid::bigint,
    format('cast (%s as %s)', format_type(c.castsource, null), format_type(c.casttarget, null)),
    'sql',
    true,
    format('%s()', c.castfunc::regproc),
    null,
    null
from pg_catalog.pg_cast as c
join pg_catalog.pg_type as t on t.oid in (c.castsource, c.casttarget)
where c.castfunc <> 0 and c.oid >= 16384
    and (t.typname, t.typnamespace) in (select name, namespace from named)
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_cast'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by 1;
