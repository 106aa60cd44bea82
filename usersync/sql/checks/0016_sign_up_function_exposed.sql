-- asks: may nobody call the functions behind sign-ups over the API?
-- level: warning
-- about: database
-- cost: catalog only
-- remedy: revoke execute on function NAME from public, anon, authenticated;
-- why: A trigger function needs no EXECUTE to fire; the Supabase linter warns of one that the API
--   roles may call (lints 0028, 0029).
select format('%I.%I()', n.nspname, f.proname) as subject,
    format('%s may execute it', string_agg(distinct r.rolname::text, ', ')) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal and f.prosecdef
    and has_function_privilege(r.oid, f.oid, 'execute')
    and has_schema_privilege(r.oid, n.oid, 'usage')
group by n.nspname, f.proname
order by 1;
