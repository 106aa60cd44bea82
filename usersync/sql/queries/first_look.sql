-- asks: everything of a first look, as rows that a person reads and `doctor --from` renders
-- returns: part, name, value, detail, remedy
-- cost: one full join of both tables, the catalog for the rest; ACCESS SHARE locks only
with candidates as materialized (
    {candidates}
),
target as materialized (
    select
        c.*,
        case when c.key is not null then format('%I.%I', c.schema_name, c.table_name) end as profiles_text,
        case when c.key is not null then format('%s.%s(%s)', c.schema_name, c.table_name, c.key) end
            as named,
        regexp_replace(c.table_name, '(\W)', '\\\1', 'g') as table_pattern,
        format(
            {insert_pattern}, regexp_replace(c.schema_name, '(\W)', '\\\1', 'g'),
            regexp_replace(c.table_name, '(\W)', '\\\1', 'g')
        ) as insert_pattern
    from (select) as one
    left join (select * from candidates limit 1) as c on true
),
-- The table's name is known only now: ts_stat runs a query that is a text, and only reads.
counted as materialized (
    select w.word::jsonb as figure
    from target as t
    cross join lateral ts_stat(
        replace(replace(replace(
            {counts_text},
            '"@differs@"', case when t.email is null then 'false'
                else replace({differs_text}, '"@email@"', quote_ident(t.email)) end),
            '"@profiles@"', coalesce(t.profiles_text, '(select null::uuid as id where false)')),
            '"@key@"', coalesce(quote_ident(t.key), 'id'))
    ) as w (word)
),
acting as materialized (
    {triggers}
),
findings as materialized (
    {findings}
),
told as materialized (
    select
        (c.figure ->> 0)::integer as place, (c.figure ->> 1)::integer as number,
        c.figure ->> 2 as part, c.figure ->> 3 as name, c.figure ->> 4 as value,
        ''::text as detail, ''::text as remedy
    from counted as c
    union all
    select
        20, t.number::integer, 'table', t.named,
        case when t.key_unique then 'one row a user' else 'no unique key' end,
        concat_ws(
            '; ',
            case when t.references_users then 'refers to auth.users' end,
            'written by ' || t.written_by,
            'weight ' || t.score
        ), ''
    from (
        select
            c.*,
            row_number() over (order by c.score desc, (c.schema_name = 'public') desc) as number,
            format('%s.%s(%s)', c.schema_name, c.table_name, c.key) as named
        from candidates as c
    ) as t
    union all
    select
        30, 0, case when a.on_users then 'trigger on auth.users' else 'trigger on the table' end,
        a.name, a.state || ', ' || a.moment,
        concat_ws(
            '; ',
            a.function || case when a.security_definer then ', security definer' else ', security invoker' end,
            nullif(array_to_string(a.writes, ', '), ''),
            case when a.catches then 'catches errors' end,
            case when a.reaches_outside then 'reaches outside' end
        ), ''
    from acting as a
    union all
    select
        40, case f.level when 'error' then 0 when 'warning' then 1 else 2 end,
        f.level, f.check_name, f.subject, f.detail, f.remedy
    from findings as f
)
select
    o.part, o.name, left(o.value, 300) as value, left(o.detail, 600) as detail, o.remedy
from (
    select 0 as place, h.number, 'first look' as part, h.name, h.value, h.detail, '' as remedy
    from target as t
    cross join lateral (values
        (1, 'version', {version}, 'of this statement'),
        (2, 'rows', (select 8 + count(*) from told)::text, 'of the answer; 100 of them at most are shown'),
        (3, 'checks', {checks}::text, 'asked about what is wrong'),
        (4, 'as of', to_char(pg_catalog.now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
        (5, 'server', current_setting('server_version'), 'PostgreSQL'),
        (6, 'role', current_user::text, 'who asked'),
        (7, 'users', case
            when to_regclass('auth.users') is null then 'there is no auth.users'
            when row_security_active('auth.users') then 'hidden by row security'
            else 'seen'
        end, 'auth.users'),
        (8, 'table', coalesce(t.named, 'none'), 'taken for the profile table; others below')
    ) as h (number, name, value, detail)
    union all
    select t.place, t.number, t.part, t.name, t.value, t.detail, t.remedy from told as t
) as o
order by o.place, o.number, o.part, o.name, o.value
limit 100;
