-- asks: are the functions of the API there, for the service role and for nobody else?
-- level: error
-- cost: catalog only
-- remedy: migration.apply
select wanted.signature as subject, fault.detail
from unnest({api_signatures}) as wanted (signature)
left join pg_catalog.pg_proc as f on f.oid = to_regprocedure(wanted.signature)
cross join lateral (
    select 'the function is missing' as detail
    where f.oid is null
    union all
    select 'the service role may not execute it'
    where not has_function_privilege('service_role', f.oid, 'execute')
    union all
    select format('%s may execute it', r.rolname)
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated') and has_function_privilege(r.oid, f.oid, 'execute')
) as fault
order by wanted.signature, fault.detail;
