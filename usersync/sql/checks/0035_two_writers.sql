-- asks: does at most one trigger on auth.users write to the profile table?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: drop function NAME cascade; for the one that is not wanted
-- why: The second insert fails with 23505, or with 23502 before its on conflict is looked at:
--   every sign-up fails (measured).
select {table_name} as subject, format('%s write to it', string_agg(w.name, ' and ' order by w.name))
    as detail
from (
    select t.tgname as name
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
    where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
        and t.tgenabled in ('O', 'A') and (t.tgtype & 4) <> 0
        and f.prosrc ~* {insert_pattern}
) as w
having count(*) > 1;
