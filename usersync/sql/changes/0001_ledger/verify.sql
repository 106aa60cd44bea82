-- asks: is the ledger there, and closed to the roles of the API?
-- level: error
-- cost: catalog only
-- remedy: migration.apply
select 'ledger' as subject, fault.detail
from (
    select 'the table is missing' as detail
    where to_regclass({ledger_text}) is null
    union all
    select format('%s may use the schema', r.rolname)
    from pg_catalog.pg_roles as r
    join pg_catalog.pg_namespace as n on n.nspname = {ours_text}
    where r.rolname in ('anon', 'authenticated')
        and has_schema_privilege(r.oid, n.oid, 'usage')
    union all
    select format('%s may read it', r.rolname)
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'service_role')
        and has_table_privilege(r.oid, to_regclass({ledger_text}), 'select')
) as fault
order by fault.detail;
