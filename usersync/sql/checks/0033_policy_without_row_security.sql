-- asks: do the policies of the profile table hold?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: alter table TABLE enable row level security;
-- why: Policies do nothing while row security is off (lint 0007).
select p.polname as subject, 'it does nothing: row security is off' as detail
from pg_catalog.pg_policy as p
join pg_catalog.pg_class as c on c.oid = p.polrelid
where c.oid = to_regclass({profiles_text}) and not c.relrowsecurity
order by 1;
