-- asks: does every foreign key to auth.users let users be deleted?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: alter table TABLE drop constraint NAME, add foreign key (COLUMN) references auth.users (id) on delete cascade; it locks auth.users: at a quiet hour
-- why: Database error deleting user: 23503, as long as a row refers to the user (supabase#30879,
--   supabase/auth#1033).
select k.conname as subject, format('%I.%I keeps its users from being deleted', n.nspname, c.relname)
    as detail
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and n.nspname <> 'auth' and k.confdeltype in ('a', 'r')
order by 1;
