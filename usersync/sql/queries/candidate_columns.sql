-- asks: the columns of a table that may hold profiles, and what values they are limited to
-- returns: one row a column, in their order
-- cost: catalog only
select
    a.attname::text as name,
    format_type(a.atttypid, a.atttypmod) as type,
    a.attnotnull and not a.atthasdef and a.attidentity = '' as required,
    a.attgenerated <> '' or a.attidentity <> '' as generated,
    pg_get_expr(d.adbin, d.adrelid) as default_text,
    coalesce(
        (
            select array_agg(e.enumlabel::text order by e.enumsortorder)
            from pg_catalog.pg_enum as e
            where e.enumtypid = a.atttypid
        ),
        (
            select array_agg(replace(v.found[1], '''''', '''') order by v.number)
            from pg_catalog.pg_constraint as k
            cross join lateral regexp_matches(
                pg_get_constraintdef(k.oid), '''((?:[^'']|'''')*)''::', 'g'
            ) with ordinality as v (found, number)
            where k.conrelid = a.attrelid and k.contype = 'c' and k.conkey = array[a.attnum]
                and pg_get_constraintdef(k.oid) ~ '= ANY|= '''
        ),
        '{{}}'
    ) as allowed
from pg_catalog.pg_attribute as a
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = to_regclass({profiles_text}) and a.attnum > 0 and not a.attisdropped
order by a.attnum;
