-- asks: was every foreign key to auth.users checked against the rows that are there?
-- level: warning
-- about: database
-- cost: catalog only
-- remedy: alter table TABLE validate constraint NAME;
-- why: A constraint that is not valid says nothing about older rows: there may be orphans.
select k.conname as subject, format('%I.%I: not validated', n.nspname, c.relname) as detail
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and n.nspname <> 'auth' and not k.convalidated
order by 1;
