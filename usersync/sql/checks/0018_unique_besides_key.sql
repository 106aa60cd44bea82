-- asks: can a profile clash with another one on anything but its key?
-- level: info
-- about: table
-- cost: catalog only
-- remedy: sync tells each clash by constraint, and with `unique: suffix` numbers a text that is taken;
--   a trigger that uses on conflict must name the key
-- why: Two users with one name: the second one's sign-up fails with 23505, or passes without a
--   profile when the trigger says on conflict do nothing (supabase#40422).
select c.relname as subject, pg_get_indexdef(x.indexrelid) as detail
from pg_catalog.pg_index as x
join pg_catalog.pg_class as c on c.oid = x.indexrelid
where x.indrelid = to_regclass({profiles_text}) and x.indisunique
    and x.indkey::text <> (
        select a.attnum::text from pg_catalog.pg_attribute as a
        where a.attrelid = x.indrelid and a.attname = {key_text}
    )
order by 1;
