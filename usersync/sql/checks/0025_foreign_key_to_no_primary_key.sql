-- asks: does every foreign key refer to the primary key of auth.users?
-- level: warning
-- about: database
-- cost: catalog only
-- remedy: refer to auth.users (id): only that is promised to stay (Supabase, Managing user data)
-- why: Other unique columns of auth.users may change with a release of the Auth server (lint
--   0021).
select k.conname as subject, format('%I.%I: %s', n.nspname, c.relname, pg_get_constraintdef(k.oid))
    as detail
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and n.nspname <> 'auth' and k.confkey <> array(
    select a.attnum from pg_catalog.pg_attribute as a
    where a.attrelid = k.confrelid and a.attname = 'id'
)
order by 1;
