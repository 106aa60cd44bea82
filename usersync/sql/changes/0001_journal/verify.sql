-- asks: is the journal there, and closed to the roles of the API?
-- level: error
-- cost: catalog only
-- remedy: apply this change again
select 'usersync.journal' as subject, fault.detail
from (
    select 'the table is missing' as detail
    where to_regclass('usersync.journal') is null
    union all
    select format('%s may read it', r.rolname)
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'service_role')
        and to_regclass('usersync.journal') is not null
        and has_table_privilege(r.oid, to_regclass('usersync.journal'), 'select')
) as fault
order by fault.detail;
