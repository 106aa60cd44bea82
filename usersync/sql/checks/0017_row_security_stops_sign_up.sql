-- asks: does row security let the owner of every such function write to the profile table?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: let postgres own the function: alter function NAME owner to postgres;
-- why: A policy that asks for auth.uid() finds nobody during a sign-up: new row violates
--   row-level security policy (supabase-js#1514, supabase#35997).
select distinct format('%I.%I()', n.nspname, f.proname) as subject,
    format('row security of %s holds for its owner %s', c.oid::regclass, f.proowner::regrole) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_roles as owner on owner.oid = f.proowner
cross join pg_catalog.pg_class as c
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and f.prosecdef and f.prosrc ~ ('\m' || {table_pattern} || '\M')
    and c.oid = to_regclass({profiles_text})
    and c.relrowsecurity and not owner.rolbypassrls and not owner.rolsuper
    and (c.relforcerowsecurity or not pg_has_role(f.proowner, c.relowner, 'usage'))
order by 1;
