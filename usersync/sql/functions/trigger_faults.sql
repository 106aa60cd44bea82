-- asks: what is wrong with one trigger of ours and its function
-- cost: catalog only
select {trigger_text} as subject, fault.detail
from (values (to_regprocedure({function_text}))) as wanted (function)
left join pg_catalog.pg_proc as f on f.oid = wanted.function
left join pg_catalog.pg_trigger as t
    on t.tgfoid = f.oid and t.tgrelid = to_regclass('auth.users') and t.tgname = {trigger_text}
cross join lateral (
    select 'its function is missing' as detail
    where f.oid is null
    union all
    select 'the trigger is missing'
    where f.oid is not null and t.oid is null
    union all
    select case t.tgenabled when 'D' then 'it is disabled' else 'it fires in replica mode only' end
    where t.tgenabled in ('D', 'R')
    union all
    select 'its function does not run with the rights of its owner'
    where not f.prosecdef and f.prosrc not like '%-- usersync: paused%'
    union all
    select 'its function has no search_path of its own'
    where f.prosrc not like '%-- usersync: paused%' and not coalesce(f.proconfig, '{{}}') && array['search_path=""', 'search_path=']
    union all
    select format('%s may execute its function', r.rolname)
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated') and has_function_privilege(r.oid, f.oid, 'execute')
    union all
    select format('its owner %s may not insert into %s', f.proowner::regrole, p.name)
    from unnest({profile_names}) as p (name)
    where not has_table_privilege(f.proowner, to_regclass(p.name), 'insert')
) as fault
order by fault.detail;
