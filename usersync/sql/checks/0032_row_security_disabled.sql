-- asks: is row security on where the API can read the profile table?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: alter table TABLE enable row level security;
-- why: Anybody with the publishable key reads every profile (lint 0013).
select r.rolname as subject, 'reads every row: row security is off' as detail
from pg_catalog.pg_class as c
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where c.oid = to_regclass({profiles_text}) and not c.relrowsecurity
    and has_schema_privilege(r.oid, c.relnamespace, 'usage')
    and has_table_privilege(r.oid, c.oid, 'select')
order by 1;
