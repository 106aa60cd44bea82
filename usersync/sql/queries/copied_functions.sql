-- asks: which functions do these tables need: for triggers, defaults, checks, policies
-- returns: one row a function
-- cost: catalog only
select distinct f.oid::bigint as oid
from pg_catalog.pg_proc as f
where f.oid >= 16384 and (
    f.oid in (
        select t.tgfoid from pg_catalog.pg_trigger as t
        where t.tgrelid = any ({relations}) and not t.tgisinternal
    )
    or f.oid in (
        select d.refobjid
        from pg_catalog.pg_depend as d
        where d.refclassid = 'pg_catalog.pg_proc'::regclass and (
            (d.classid, d.objid) in (
                select 'pg_catalog.pg_attrdef'::regclass, a.oid
                from pg_catalog.pg_attrdef as a where a.adrelid = any ({relations})
            )
            or (d.classid, d.objid) in (
                select 'pg_catalog.pg_constraint'::regclass, k.oid
                from pg_catalog.pg_constraint as k where k.conrelid = any ({relations})
            )
            or (d.classid, d.objid) in (
                select 'pg_catalog.pg_policy'::regclass, p.oid
                from pg_catalog.pg_policy as p where p.polrelid = any ({relations})
            )
        )
    )
    or f.pronamespace = to_regnamespace('auth')::oid
);
