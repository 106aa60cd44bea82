-- asks: which functions stand behind the named triggers of auth.users, and on what condition
-- returns: one row each
-- cost: catalog only
select
    t.tgname as name,
    t.tgfoid::bigint as function_oid,
    case when t.tgqual is not null then coalesce(
        substring(pg_get_triggerdef(t.oid) from ' WHEN \((.*)\) EXECUTE (?:FUNCTION|PROCEDURE) '),
        pg_get_triggerdef(t.oid)
    ) end as condition
from pg_catalog.pg_trigger as t
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal and t.tgname = any ({wanted})
order by t.tgname;
