-- asks: does no function behind sign-ups swallow errors?
-- level: warning
-- about: database
-- cost: catalog only
-- remedy: let it write down what it catches, SQLSTATE and constraint, or raise it again
-- why: when others then return new lets people sign up and tells nobody that they have no
--   profile.
select distinct format('%I.%I()', n.nspname, f.proname) as subject, 'it catches all errors (when others)' as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and n.nspname <> {ours_text} and f.prosrc ~* 'when\s+others'
    and f.prosrc not like '%-- usersync: paused%'
order by 1;
