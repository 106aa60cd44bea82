-- asks: which triggers act on auth.users and on the profile table, and what their functions write
-- returns: one row a trigger; tables and calls as they stand in the text of its function
-- cost: catalog only
select
    t.tgrelid = to_regclass('auth.users') as on_users,
    t.tgname::text as name,
    t.tgfoid::bigint as function_oid,
    case t.tgenabled when 'O' then 'on' when 'A' then 'on' when 'D' then 'off' else 'replica only' end
        as state,
    concat_ws(
        ' ',
        case when (t.tgtype & 2) <> 0 then 'before' else 'after' end,
        concat_ws(
            ' or ',
            case when (t.tgtype & 4) <> 0 then 'insert' end,
            case when (t.tgtype & 16) <> 0 then 'update' end,
            case when (t.tgtype & 8) <> 0 then 'delete' end
        )
    ) as moment,
    format('%I.%I()', n.nspname, f.proname) as function,
    f.prosecdef as security_definer,
    l.lanname::text as language,
    f.source ~* '\mexception\s+when\M' as catches,
    f.source ~* '\m(http_(get|post|put|delete|request)|http|dblink\w*|pg_notify)\s*\(' as reaches_outside,
    array(
        select distinct lower(w.found[1]) || ' ' || w.found[2]
        from regexp_matches(
            f.source,
            '\m(insert\s+into|update|delete\s+from)\s+(?!set\M|of\M|on\M)((?:"[^"]+"|[a-z_][\w$]*)(?:\s*\.\s*(?:"[^"]+"|[a-z_][\w$]*))?)',
            'gi'
        ) as w (found)
        order by 1
        limit 10
    ) as writes,
    pg_get_triggerdef(t.oid) || f.source ~* '\mis_anonymous\M' as asks_anonymous,
    f.prosrc as source
from pg_catalog.pg_trigger as t
cross join lateral (
    select p.*, regexp_replace(p.prosrc, '--[^\n]*', '', 'g') as source
    from pg_catalog.pg_proc as p
    where p.oid = t.tgfoid
) as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_language as l on l.oid = f.prolang
where t.tgrelid in (to_regclass('auth.users'), to_regclass({profiles_text}))
    and not t.tgisinternal and t.tgparentid = 0
order by on_users desc, name
limit 30;
