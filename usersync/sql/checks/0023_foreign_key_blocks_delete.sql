-- asks: does every foreign key to auth.users let users be deleted?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: alter table TABLE drop constraint NAME, add foreign key (COLUMN) references auth.users (id) on delete cascade; it locks auth.users: at a quiet hour
-- why: Database error deleting user: 23503, as long as a row refers to the user (supabase#30879,
--   supabase/auth#1033); 23502, when the row shall forget the user in a column that is NOT NULL.
select k.conname as subject, format(
    case when k.confdeltype in ('a', 'r') then '%I.%I keeps its users from being deleted'
        else '%I.%I keeps its users from being deleted: on delete set null, and its column is NOT NULL'
    end, n.nspname, c.relname
) as detail
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and n.nspname <> 'auth'
    and (k.confdeltype in ('a', 'r') or k.confdeltype = 'n' and exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = k.conrelid and a.attnum = any (k.conkey) and a.attnotnull
    ))
order by 1;
