-- asks: what else would go with a function of ours, beside its trigger
-- returns: one row an object
select pg_describe_object(d.classid, d.objid, d.objsubid) as object
from pg_catalog.pg_depend as d
where d.refclassid = 'pg_catalog.pg_proc'::regclass
    and d.refobjid = to_regprocedure({function_text})
    and d.deptype in ('n', 'a')
    and not exists (
        select from pg_catalog.pg_trigger as t
        where d.classid = 'pg_catalog.pg_trigger'::regclass and t.oid = d.objid
            and t.tgrelid = to_regclass('auth.users') and t.tgname = {trigger_text}
    );
