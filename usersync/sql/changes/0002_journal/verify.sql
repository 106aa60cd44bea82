-- asks: are the tables of the journal and of the lease there, and closed to the roles of the API?
-- level: error
-- cost: catalog only
-- remedy: migration.apply
select wanted.subject, fault.detail
from (values ('journal', {journal_text}), ('lease', {lease_text})) as wanted (subject, name)
cross join lateral (
    select 'the table is missing' as detail
    where to_regclass(wanted.name) is null
    union all
    select format('%s may read it', r.rolname)
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'service_role')
        and has_table_privilege(r.oid, to_regclass(wanted.name), 'select')
) as fault
order by wanted.subject, fault.detail;
