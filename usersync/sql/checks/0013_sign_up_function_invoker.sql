-- asks: does every function behind sign-ups run with the rights of its owner?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: alter function NAME security definer set search_path = '';
-- why: The Auth server connects as supabase_auth_admin, who has no rights on the app's tables:
--   permission denied, every sign-up fails (supabase#17186, #21825).
select format('%I.%I()', n.nspname, f.proname) as subject,
    format('called by %s, it runs as supabase_auth_admin', string_agg(t.tgname, ', ' order by t.tgname))
        as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and not f.prosecdef and f.prosrc ~* '\m(insert|update|delete|select|perform|merge)\M'
    and f.prosrc not like '%-- usersync: paused%'
group by n.nspname, f.proname
order by 1;
