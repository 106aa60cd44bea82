-- asks: does nothing rewrite or cancel sign-ups before they are written?
-- level: info
-- about: database
-- cost: catalog only
-- remedy: look at the function: return null cancels the sign-up without an error
-- why: A BEFORE trigger may change the new user, or let them vanish.
select t.tgname as subject, format('it runs %s before a user is written', format('%I.%I()', n.nspname, f.proname)) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and (t.tgtype & 2) <> 0 and (t.tgtype & 4) <> 0
order by 1;
