-- asks: does every such function with its owner's rights say where it looks for names?
-- level: warning
-- about: database
-- cost: catalog only
-- remedy: alter function NAME set search_path = ''; and write every name with its schema
-- why: The session of the Auth server looks in auth, so an unqualified name is not found (42P01);
--   and whoever may create objects in a schema of the path can run code as the owner (lint 0011).
select distinct format('%I.%I()', n.nspname, f.proname) as subject, 'it has no search_path of its own' as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and f.prosecdef and f.prosrc not like '%-- usersync: paused%'
    and not exists (
        select from unnest(f.proconfig) as c (setting) where c.setting like 'search\_path=%'
    )
order by 1;
