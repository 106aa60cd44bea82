-- asks: what of usersync is in the database, and how the catalog prints it
-- returns: one row an object: functions and tables of our schema, triggers that call its functions,
--   the functions of the API
-- cost: catalog only
select
    format('function %I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid))
        as identity,
    pg_get_functiondef(f.oid) as definition
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where f.prokind = 'f'
    and (n.nspname = {ours_text} or n.nspname = 'public' and f.proname like 'usersync\_%')
union all
select
    format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname),
    pg_get_triggerdef(t.oid) || case t.tgenabled
        when 'O' then ''
        when 'D' then E'\n-- disabled'
        when 'R' then E'\n-- enabled in replica mode only'
        else E'\n-- enabled always'
    end
from pg_catalog.pg_trigger as t
join pg_catalog.pg_class as c on c.oid = t.tgrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as fn on fn.oid = f.pronamespace
where fn.nspname = {ours_text} and not t.tgisinternal
union all
select
    format('table %I.%I', n.nspname, c.relname),
    (
        select string_agg(
            format(
                '%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                case when a.attnotnull then ' not null' else '' end
            ), E'\n' order by a.attnum
        )
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    )
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = {ours_text} and c.relkind = 'r'
