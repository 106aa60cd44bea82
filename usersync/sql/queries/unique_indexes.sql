-- asks: which columns of the profile table that hold text are unique, and by which equality
-- returns: one row per column of type text, varchar, char or citext. indexes are those over this
--   column, or over one expression of it, alone and for all rows; others are those over more, by
--   an expression of it: what is unique by itself may clash there. Expressions are printed as the
--   search_path of the transaction has them, which is to be empty
-- cost: catalog only
select
    a.attname as name,
    format('%I.%I', cn.nspname, co.collname) as collation,
    case when ty.typname in ('varchar', 'bpchar') and a.atttypmod > 4
        then a.atttypmod - 4 end as length,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'expression', case when x.indkey[0] = 0 then pg_get_indexdef(x.indexrelid, 1, true) end,
            'collation', case when x.indcollation[0] <> 0 then (
                select format('%I.%I', n.nspname, l.collname)
                from pg_catalog.pg_collation as l
                join pg_catalog.pg_namespace as n on n.oid = l.collnamespace
                where l.oid = x.indcollation[0]
            ) end,
            'equals', (
                select format('operator(%I.%s)', n.nspname, o.oprname)
                from pg_catalog.pg_opclass as oc
                join pg_catalog.pg_amop as ao on ao.amopfamily = oc.opcfamily
                    and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype
                    and ao.amopstrategy = 3
                join pg_catalog.pg_operator as o on o.oid = ao.amopopr
                join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
                where oc.oid = x.indclass[0]
            )
        ) order by x.indkey[0], pg_get_indexdef(x.indexrelid, 1, true)), '[]')
        from pg_catalog.pg_index as x
        cross join lateral (
            select array_agg(distinct d.refobjsubid)
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = x.indexrelid
                and d.refclassid = 'pg_catalog.pg_class'::regclass
                and d.refobjid = a.attrelid and d.refobjsubid > 0
        ) as reads (columns)
        where x.indrelid = a.attrelid and x.indisunique and x.indisvalid
            and x.indnkeyatts = 1 and x.indpred is null
            and (
                x.indkey[0] = a.attnum
                or x.indkey[0] = 0 and x.indnatts = 1 and reads.columns = array[a.attnum::integer]
            )
    ) as indexes,
    (
        select coalesce(jsonb_agg(x.indexrelid::regclass::text order by x.indexrelid), '[]')
        from pg_catalog.pg_index as x
        cross join lateral (
            select array_agg(distinct d.refobjsubid)
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = x.indexrelid
                and d.refclassid = 'pg_catalog.pg_class'::regclass
                and d.refobjid = a.attrelid and d.refobjsubid > 0
        ) as reads (columns)
        where x.indrelid = a.attrelid and x.indisunique and x.indisvalid
            and a.attnum <> all (x.indkey::int2[]) and a.attnum = any (reads.columns)
            and (x.indpred is not null or x.indnatts > 1 or cardinality(reads.columns) > 1)
    ) as others
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_type as ty on ty.oid = a.atttypid
join pg_catalog.pg_collation as co on co.oid = a.attcollation
join pg_catalog.pg_namespace as cn on cn.oid = co.collnamespace
where n.nspname = {schema_text} and c.relname = {table_text} and c.relkind in ('r', 'p')
    and a.attnum > 0 and not a.attisdropped
    and ty.typname in ('text', 'varchar', 'bpchar', 'citext')
order by a.attnum;
