-- asks: do the tables and columns exist that the functions behind sign-ups write to, and is every required column filled?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: migration.pause lets people sign up until the function is corrected; then migration.resume
-- why: PL/pgSQL is not checked when a column is renamed or added: every sign-up fails with
--   Database error saving new user (supabase#2920, #7834).
with functions as (
    select distinct
        format('%I.%I()', n.nspname, f.proname) as function,
        regexp_replace(f.prosrc, '--[^\n]*', '', 'g') as source,
        coalesce((
            select string_to_array(replace(replace(substring(c.setting from 13), '"', ''), ' ', ''), ',')
            from unnest(f.proconfig) as c (setting)
            where c.setting like 'search\_path=%'
        ), array['auth']) as search_path
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
        and t.tgenabled in ('O', 'A')
        and f.prolang = (select l.oid from pg_catalog.pg_language as l where l.lanname = 'plpgsql')
        and f.prosrc not like '%-- usersync: paused%'
),
inserts as (
    select
        function,
        1 + regexp_count(left(source, regexp_instr(source, pattern, 1, number, 0, 'i')), '\n') as line,
        regexp_substr(source, pattern, 1, number, 'i', 2) as written_schema,
        regexp_substr(source, pattern, 1, number, 'i', 3) as written_table,
        string_to_array(regexp_substr(source, pattern, 1, number, 'i', 5), ',') as written_columns,
        search_path
    from functions
    cross join (values (
        'insert\s+into\s+(("[^"]+"|[a-z_][a-z0-9_$]*)\s*\.\s*)?("[^"]+"|[a-z_][a-z0-9_$]*)'
        '(\s+as\s+[a-z0-9_]+)?\s*\(([^()]*)\)'
    )) as p (pattern)
    cross join generate_series(1, regexp_count(source, pattern, 1, 'i')) as number
),
resolved as (
    select
        i.function,
        i.line,
        concat_ws('.', i.written_schema, i.written_table) as written,
        (
            select c.oid
            from unnest(case
                when i.written_schema is null then i.search_path
                when i.written_schema like '"%' then array[trim(both '"' from i.written_schema)]
                else array[lower(i.written_schema)]
            end) with ordinality as s (name, position)
            join pg_catalog.pg_namespace as n on n.nspname = s.name
            join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = case
                when i.written_table like '"%' then trim(both '"' from i.written_table)
                else lower(i.written_table)
            end
            order by s.position
            limit 1
        ) as relation,
        array(
            select case when trim(w.name) like '"%' then trim(both '"' from trim(w.name))
                else lower(trim(w.name, E' \n\t')) end
            from unnest(i.written_columns) as w (name)
        ) as columns
    from inserts as i
)
select r.function as subject, format('line %s: %s', r.line, fault.detail) as detail
from resolved as r
cross join lateral (
    select format('there is no table %s (42P01 undefined_table)', r.written) as detail
    where r.relation is null
    union all
    select format(
        'there is no column %s in %s (42703 undefined_column)', w.name, r.relation::regclass
    )
    from unnest(r.columns) as w (name)
    where r.relation is not null and not exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = r.relation and a.attname = w.name and a.attnum > 0 and not a.attisdropped
    )
    union all
    select format(
        'it leaves out %s of %s, which is NOT NULL without a default (23502 not_null_violation)',
        a.attname, r.relation::regclass
    )
    from pg_catalog.pg_attribute as a
    where a.attrelid = r.relation and a.attnum > 0 and not a.attisdropped
        and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = ''
        and a.attname <> all (r.columns)
) as fault
order by 1, 2;
