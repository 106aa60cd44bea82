-- asks: is every trigger on auth.users enabled?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: migration.apply --repair for ours; for the app's own: create or replace trigger ... (it enables again)
-- without: create or replace trigger ... (it enables again)
-- why: A disabled trigger fires for nobody, one in replica mode for no ordinary session. The role
--   postgres may not enable it by alter table (42501), but create or replace trigger does.
select t.tgname as subject, case t.tgenabled
    when 'D' then 'it is disabled' else 'it fires in replica mode only'
end || format(': %s', format('%I.%I()', n.nspname, f.proname)) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and t.tgenabled in ('D', 'R')
order by t.tgname;
