-- asks: which functions are called by triggers, on which tables, and may we replace them
-- returns: one row a function that a trigger on auth.users calls, or that is paused anywhere, and
--   the one that is asked for
-- cost: catalog only
select
    format('%I.%I()', n.nspname, f.proname) as function,
    n.nspname as schema,
    f.proname as name,
    f.proowner::regrole::text as owner,
    pg_has_role(f.proowner, 'usage') as replaceable,
    f.prosrc as source,
    pg_get_functiondef(f.oid) as definition,
    coalesce(
        array_agg(t.place order by t.place) filter (where t.place is not null), '{{}}'
    ) as triggers,
    coalesce(bool_or(t.on_users), false) as on_users,
    coalesce(bool_or(t.on_users and t.on_insert), false) as on_sign_up
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
left join lateral (
    select
        format('%I.%I: %I', tn.nspname, c.relname, pt.tgname) as place,
        tn.nspname = 'auth' and c.relname = 'users' as on_users,
        (pt.tgtype & 4) <> 0 and pt.tgenabled in ('O', 'A') as on_insert
    from pg_catalog.pg_trigger as pt
    join pg_catalog.pg_class as c on c.oid = pt.tgrelid
    join pg_catalog.pg_namespace as tn on tn.oid = c.relnamespace
    where pt.tgfoid = f.oid and not pt.tgisinternal and pt.tgparentid = 0
) as t on true
where f.prorettype = 'pg_catalog.trigger'::regtype
    and n.nspname not in ('pg_catalog', 'information_schema')
group by f.oid, f.proname, n.nspname, f.proowner, f.prosrc
having bool_or(t.on_users) or f.prosrc like {paused_like}
    or format('%I.%I()', n.nspname, f.proname) = {function_text}
order by 1;
