-- asks: may the owner of every such function write to the profile table?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: grant usage on schema SCHEMA to OWNER; grant insert, select on TABLE to OWNER;
-- why: A reset of the schema drops the grants: sign-ups fail with permission denied
--   (supabase#13579, #33278).
select distinct format('%I.%I()', n.nspname, f.proname) as subject,
    format('its owner %s may not %s', f.proowner::regrole, lacking.right_name) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
cross join pg_catalog.pg_class as c
cross join lateral (
    select format('insert into %s', c.oid::regclass) as right_name
    where not has_table_privilege(f.proowner, c.oid, 'insert')
    union all
    select 'use its schema'
    where not has_schema_privilege(f.proowner, c.relnamespace, 'usage')
) as lacking
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and f.prosecdef and f.prosrc ~ ('\m' || {table_pattern} || '\M')
    and c.oid = to_regclass({profiles_text})
order by 1, 2;
