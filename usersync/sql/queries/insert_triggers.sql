-- asks: which enabled triggers and rules an insert, or another write, into a table fires
-- returns: one row each, with the function behind it and its WHEN condition; internal (foreign key)
--   triggers left out
-- cost: catalog only
select
    t.tgname as name,
    t.tgfoid::bigint as function_oid,
    case when t.tgqual is not null then coalesce(
        substring(pg_get_triggerdef(t.oid) from ' WHEN \((.*)\) EXECUTE (?:FUNCTION|PROCEDURE) '),
        pg_get_triggerdef(t.oid)
    ) end as condition
from pg_catalog.pg_trigger as t
where not t.tgisinternal
    and t.tgenabled in ('O', 'A')
    and (t.tgtype & {event_bit}) <> 0
    and (
        {written_columns} is null or t.tgattr::text = ''
        or exists (
            select from pg_catalog.pg_attribute as a
            where a.attrelid = t.tgrelid and a.attnum = any (t.tgattr::int2[])
                and a.attname = any ({written_columns})
        )
    )
    and (
        t.tgrelid = to_regclass({profiles_text})
        -- A partition's own triggers for each row; those it has from its table stand there.
        or t.tgparentid = 0 and (t.tgtype & 1) <> 0 and t.tgrelid in (
            select p.relid from pg_partition_tree(to_regclass({profiles_text})) as p
        )
    )
union all
select r.rulename, null, null
from pg_catalog.pg_rewrite as r
where r.ev_class = to_regclass({profiles_text}) and r.ev_type = {rule_event} and r.ev_enabled in ('O', 'A')
order by name;
