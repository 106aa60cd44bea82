-- asks: does every on conflict of the functions behind sign-ups name the key, where others may clash?
-- level: warning
-- about: table
-- cost: catalog only
-- remedy: write on conflict (KEY) do nothing, so that another clash is an error that somebody sees
-- why: on conflict do nothing without a target hides a clash on any unique index: people sign up and
--   have no profile (supabase#40422).
select distinct format('%I.%I()', n.nspname, f.proname) as subject,
    format('on conflict do nothing also passes over %s', others.names) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
cross join lateral (
    select string_agg(c.relname::text, ', ' order by c.relname) as names
    from pg_catalog.pg_index as x
    join pg_catalog.pg_class as c on c.oid = x.indexrelid
    where x.indrelid = to_regclass({profiles_text}) and x.indisunique
        and x.indkey::text <> (
            select a.attnum::text from pg_catalog.pg_attribute as a
            where a.attrelid = x.indrelid and a.attname = {key_text}
        )
) as others
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and t.tgenabled in ('O', 'A') and (t.tgtype & 4) <> 0
    and others.names is not null
    and regexp_replace(f.prosrc, '--[^\n]*', '', 'g')
        ~* ('insert\s+into\s+[^;]*\m' || {table_pattern} || '\M[^;]*on\s+conflict\s+do\s+nothing')
order by 1;
