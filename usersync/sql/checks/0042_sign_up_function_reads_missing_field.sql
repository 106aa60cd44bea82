-- asks: does auth.users have every column that the functions behind its triggers read?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: migration.pause lets people sign up until the function is corrected; then migration.resume
-- why: A misspelled NEW.column is found by nobody before the first sign-up: Database error saving
--   new user, 42703 (supabase#10611, supabase/auth#541).
with functions as (
    select distinct
        format('%I.%I()', n.nspname, f.proname) as function,
        -- Line by line, so that the numbers of the lines stay.
        regexp_replace(regexp_replace(f.prosrc, '--[^\n]*', '', 'g'), '''[^''\n]*''', '', 'g') as source
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
        and t.tgenabled in ('O', 'A')
        and f.prolang = (select l.oid from pg_catalog.pg_language as l where l.lanname = 'plpgsql')
        and f.prosrc not like '%-- usersync: paused%'
        -- A function of several tables may ask which one it is.
        and not exists (
            select from pg_catalog.pg_trigger as other
            where other.tgfoid = f.oid and other.tgrelid <> t.tgrelid and not other.tgisinternal
        )
),
fields as (
    select
        function,
        1 + regexp_count(left(source, regexp_instr(source, pattern, 1, number, 0, 'i')), '\n') as line,
        lower(trim(both '"' from regexp_substr(source, pattern, 1, number, 'i', 1))) as row_name,
        regexp_substr(source, pattern, 1, number, 'i', 2) as written
    from functions
    cross join (values (
        '(\mnew\M|\mold\M|"new"|"old")\s*\.\s*("[^"]+"|[a-z_][a-z0-9_$]*)'
    )) as p (pattern)
    cross join generate_series(1, regexp_count(source, pattern, 1, 'i')) as number
)
select
    f.function as subject,
    format(
        'line %s: %s.%s, and auth.users has no such column (42703 undefined_column)',
        min(f.line), f.row_name, f.written
    ) as detail
from fields as f
where not exists (
    select from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass('auth.users') and a.attnum > 0 and not a.attisdropped
        and a.attname = case when f.written like '"%' then trim(both '"' from f.written)
            else lower(f.written) end
)
group by f.function, f.row_name, f.written
order by 1, 2;
