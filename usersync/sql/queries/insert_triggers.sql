-- asks: which enabled triggers and rules an insert into the profile table fires
-- returns: one row each, with the function behind it; internal (foreign key) triggers left out
-- cost: catalog only
select t.tgname as name, t.tgfoid::oid as function_oid
from pg_catalog.pg_trigger as t
where t.tgrelid = {profiles_text}::regclass
    and not t.tgisinternal
    and t.tgenabled in ('O', 'A')
    and (t.tgtype & 4) <> 0
union all
select r.rulename, null
from pg_catalog.pg_rewrite as r
where r.ev_class = {profiles_text}::regclass and r.ev_type = '3' and r.ev_enabled in ('O', 'A')
order by name;
