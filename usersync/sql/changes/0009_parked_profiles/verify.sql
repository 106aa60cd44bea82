-- asks: is the table of parked profiles there, and closed to the roles of the API?
-- level: error
-- cost: catalog only
-- remedy: migration.apply
select 'parked_profiles' as subject, fault.detail
from (
    select 'the table is missing' as detail
    where to_regclass({parked_profiles_text}) is null
    union all
    select format('%s may read it', r.rolname)
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'service_role')
        and has_table_privilege(r.oid, to_regclass({parked_profiles_text}), 'select')
) as fault
order by fault.detail;
