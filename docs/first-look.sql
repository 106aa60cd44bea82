-- A first look at a Supabase project: what its profile table lacks, since when, and why.
--
-- Paste it into the SQL editor of the dashboard and run it, or send it any other way. It is one
-- statement that only reads: nothing is installed, nothing is written, no key is needed. The answer
-- holds numbers, times and names of tables, triggers, functions and roles; no address and no id of
-- any user. Read it as it is, or export it as CSV or JSON, and render it: doctor --from FILE.
--
-- usersync made it from its checks: invoke reference.

with candidates as materialized (
    select
    r.schema_name, r.table_name, r.key, r.key_unique, r.references_users, r.written_by, r.email,
    r.score
from (
    select distinct on (found.relation)
        found.*,
        8 * (found.written_by is not null)::integer + 4 * found.references_users::integer
            + 2 * found.key_unique::integer + found.likeness
            + (found.table_name = 'user_profiles')::integer as score
    from (
        select
            c.oid as relation,
            n.nspname::text as schema_name,
            c.relname::text as table_name,
            a.attname::text as key,
            -- Its own id is no user's.
            a.atthasdef as has_default,
            exists (
                select from pg_catalog.pg_index as x
                where x.indrelid = c.oid and x.indisunique and x.indisvalid and x.indimmediate
                    and x.indpred is null and x.indnkeyatts = 1 and x.indkey[0] = a.attnum
            ) as key_unique,
            exists (
                select from pg_catalog.pg_constraint as k
                where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum]
                    and k.confrelid = to_regclass('auth.users')
            ) as references_users,
            case when lower(a.attname) in ('id', 'user_id', 'userid', 'uid', 'auth_id', 'auth_user_id')
                then 1 else 0 end as named_so,
            case
                when replace(lower(c.relname), '_', '') ~ '^(user)?profiles?$' then 3
                when replace(lower(c.relname), '_', '') ~ '^(app|public)?(users?|accounts?|members?|people|persons?)$'
                    then 2
                else 0
            end as likeness,
            (
                select string_agg(
                    distinct format('%I (%I.%I())', t.tgname, fn.nspname, f.proname), ', '
                )
                from pg_catalog.pg_trigger as t
                join pg_catalog.pg_proc as f on f.oid = t.tgfoid
                join pg_catalog.pg_namespace as fn on fn.oid = f.pronamespace
                where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
                    and (t.tgtype & 4) <> 0
                    and regexp_replace(f.prosrc, '--[^\n]*', '', 'g') ~* (
                        'insert\s+into\s+("?' || regexp_replace(n.nspname, '(\W)', '\\\1', 'g')
                        || '"?\s*\.\s*)?"?' || regexp_replace(c.relname, '(\W)', '\\\1', 'g')
                        || '("|\M)'
                    )
            ) as written_by,
            (
                select e.attname::text
                from pg_catalog.pg_attribute as e
                where e.attrelid = c.oid and e.attnum > 0 and not e.attisdropped
                    and lower(e.attname) = 'email'
                    and format_type(e.atttypid, -1) in ('text', 'character varying', 'citext', 'extensions.citext')
                limit 1
            ) as email
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid
        where c.relkind in ('r', 'p') and not c.relispartition
            and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype
            and n.nspname !~ '^pg_' and n.nspname not in (
                'information_schema', 'auth', 'storage', 'realtime', '_realtime', 'vault', 'net',
                'supabase_migrations', 'supabase_functions', 'extensions', 'graphql',
                'graphql_public', 'pgsodium', 'pgbouncer', 'cron', 'usersync'
            )
    ) as found
    where (found.references_users or found.named_so = 1 and not found.has_default)
        and (
            found.key_unique and (found.references_users or found.written_by is not null
                or found.likeness > 0)
            or found.likeness = 3 and (found.references_users or found.written_by is not null)
        )
    order by
        found.relation, found.references_users desc, found.key_unique desc, found.named_so desc,
        found.key
) as r
order by r.score desc, (r.schema_name = 'public') desc, r.schema_name, r.table_name
limit 10
),
target as materialized (
    select
        c.*,
        case when c.key is not null then format('%I.%I', c.schema_name, c.table_name) end as profiles_text,
        case when c.key is not null then format('%s.%s(%s)', c.schema_name, c.table_name, c.key) end
            as named,
        regexp_replace(c.table_name, '(\W)', '\\\1', 'g') as table_pattern,
        format(
             E'insert\\s+into\\s+("?%s"?\\s*\\.\\s*)?"?%s"?(?![\\w.$"])', regexp_replace(c.schema_name, '(\W)', '\\\1', 'g'),
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
            $counts$with kinds as (
    select
        u.id is not null as user_there,
        u.id is not null and u.reason is null as counted,
        p."@key@" is not null as has_profile,
        u.reason,
        u.provider,
        u.day,
        count(*) as users,
        min(u.created_at) as oldest_at,
        max(u.created_at) as newest_at,
        count(*) filter (where "@differs@") as email_drift
    from (
        select
            u.id, u.email, u.created_at, u.deleted_at,
            case when u.deleted_at is not null then 'soft-deleted' when u.is_anonymous then 'anonymous' when (u.aud = any ('{authenticated}'::text[])) is not true then 'of another audience' when (u.instance_id = '00000000-0000-0000-0000-000000000000'::uuid) is not true then 'of another instance' end as reason,
            left(coalesce(u.raw_app_meta_data ->> 'provider', case when u.is_sso_user then 'sso' when u.email is not null then 'email' when u.phone is not null then 'phone' else 'none' end), 100) as provider,
            case when u.created_at >= pg_catalog.now() - interval '14 days'
                then (u.created_at at time zone 'UTC')::date end as day
        from auth.users as u
    ) as u
    full join "@profiles@" as p on p."@key@" = u.id
    group by 1, 2, 3, 4, 5, 6
),
figures as (
    select
        coalesce(sum(k.users) filter (where k.counted), 0) as total,
        coalesce(sum(k.users) filter (where k.counted and k.has_profile), 0) as existing,
        coalesce(sum(k.users) filter (where not k.user_there), 0) as orphans,
        coalesce(
            sum(k.users) filter (where k.reason = 'soft-deleted' and k.has_profile), 0
        ) as soft_deleted,
        coalesce(
            sum(k.users) filter (where k.reason <> 'soft-deleted' and k.has_profile), 0
        ) as excluded,
        coalesce(sum(k.email_drift), 0) as email_drift,
        min(k.oldest_at) filter (where k.counted and not k.has_profile) as oldest_at,
        max(k.newest_at) filter (where k.counted and not k.has_profile) as newest_at,
        max(k.newest_at) filter (where k.counted and k.has_profile) as last_at
    from kinds as k
)
select array_to_tsvector(array_agg(jsonb_build_array(r.place, r.number, r.part, r.name, r.value)::text))
from (
    select 10 as place, v.number, 'status' as part, v.name, v.value
    from figures as f
    cross join lateral (values
        (1, 'Total Auth Users', f.total::text),
        (2, 'Total User Profiles', f.existing::text),
        (3, 'Missing Profiles', (f.total - f.existing)::text),
        (4, 'Orphan Profiles', f.orphans::text),
        (5, 'Soft-deleted with a profile', f.soft_deleted::text),
        (6, 'Not counted, with a profile', f.excluded::text),
        (7, 'Other e-mail in the profile', f.email_drift::text),
        (8, 'Missing since', to_char(f.oldest_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        (9, 'Missing until', to_char(f.newest_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        (10, 'Newest user with a profile', to_char(f.last_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    ) as v (number, name, value)
    union all
    select 11, 0, 'not counted', k.reason, sum(k.users)::text
    from kinds as k
    where k.user_there and k.reason is not null
    group by k.reason
    union all
    (
        select 12, 0, 'missing by provider', k.provider, sum(k.users)::text
        from kinds as k
        where k.counted and not k.has_profile
        group by k.provider
        order by sum(k.users) desc
        limit 8
    )
    union all
    select 13, 0, 'missing on', k.day::text, sum(k.users)::text
    from kinds as k
    where k.counted and not k.has_profile and k.day is not null
    group by k.day
) as r
where r.value is not null$counts$,
            '"@differs@"', case when t.email is null then 'false'
                else replace($counts$(u.id is not null and p."@key@" is not null and u.deleted_at is null and p."@email@"::text is distinct from u.email and lower(coalesce(p."@email@"::text, '')) <> lower(coalesce(u.email, '')))$counts$, '"@email@"', quote_ident(t.email)) end),
            '"@profiles@"', coalesce(t.profiles_text, '(select null::uuid as id where false)')),
            '"@key@"', coalesce(quote_ident(t.key), 'id'))
    ) as w (word)
),
acting as materialized (
    select
    t.tgrelid = to_regclass('auth.users') as on_users,
    t.tgname::text as name,
    t.tgfoid::bigint as function_oid,
    case t.tgenabled when 'O' then 'on' when 'A' then 'on' when 'D' then 'off' else 'replica only' end
        as state,
    concat_ws(
        ' ',
        case when (t.tgtype & 2) <> 0 then 'before' else 'after' end,
        concat_ws(
            ' or ',
            case when (t.tgtype & 4) <> 0 then 'insert' end,
            case when (t.tgtype & 16) <> 0 then 'update' end,
            case when (t.tgtype & 8) <> 0 then 'delete' end
        )
    ) as moment,
    format('%I.%I()', n.nspname, f.proname) as function,
    f.prosecdef as security_definer,
    l.lanname::text as language,
    f.source ~* '\mexception\s+when\M' as catches,
    f.source ~* '\m(http_(get|post|put|delete|request)|http|dblink\w*|pg_notify)\s*\(' as reaches_outside,
    array(
        select distinct lower(w.found[1]) || ' ' || w.found[2]
        from regexp_matches(
            f.source,
            '\m(insert\s+into|update|delete\s+from)\s+(?!set\M|of\M|on\M)((?:"[^"]+"|[a-z_][\w$]*)(?:\s*\.\s*(?:"[^"]+"|[a-z_][\w$]*))?)',
            'gi'
        ) as w (found)
        order by 1
        limit 10
    ) as writes,
    pg_get_triggerdef(t.oid) || f.source ~* '\mis_anonymous\M' as asks_anonymous,
    f.prosrc as source
from pg_catalog.pg_trigger as t
cross join lateral (
    select p.*, regexp_replace(p.prosrc, '--[^\n]*', '', 'g') as source
    from pg_catalog.pg_proc as p
    where p.oid = t.tgfoid
) as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_language as l on l.oid = f.prolang
where t.tgrelid in (to_regclass('auth.users'), to_regclass((select t."profiles_text" from target as t)))
    and not t.tgisinternal and t.tgparentid = 0
order by on_users desc, name
limit 30
),
findings as materialized (
    (select 'error' as level, 'sign_up_trigger_missing' as check_name, f.subject::text as subject, f.detail::text as detail, 'migration.apply, or restore the app''s own trigger: create or replace trigger ... after insert on auth.users' as remedy
    from (select (select t."named" from target as t) as subject, coalesce(
    (
        select format('the function %I.%I() is there, and no trigger calls it', n.nspname, f.proname)
        from pg_catalog.pg_proc as f
        join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
        where f.prorettype = 'trigger'::regtype
            and f.prosrc ~* (select t."insert_pattern" from target as t)
            and not exists (select from pg_catalog.pg_trigger as t where t.tgfoid = f.oid)
        order by f.oid desc
        limit 1
    ),
    'no trigger writes to it'
) as detail
where not exists (
    select
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
    where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
        and t.tgenabled in ('O', 'A') and (t.tgtype & 4) <> 0
        and (
            f.prosrc ~ ('\m' || (select t."table_pattern" from target as t) || '\M')
            or f.prosrc like '%-- usersync: paused%'
            or exists (
                select
                from pg_catalog.pg_proc as called
                where called.oid >= 16384 and called.prosrc ~ ('\m' || (select t."table_pattern" from target as t) || '\M')
                    and f.prosrc ~ ('\m' || called.proname || '\s*\(')
            )
        )
)) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'sign_up_trigger_disabled' as check_name, f.subject::text as subject, f.detail::text as detail, 'migration.apply --repair for ours; for the app''s own: create or replace trigger ... (it enables again)' as remedy
    from (select t.tgname as subject, case t.tgenabled
    when 'D' then 'it is disabled' else 'it fires in replica mode only'
end || format(': %s', format('%I.%I()', n.nspname, f.proname)) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and t.tgenabled in ('D', 'R')
order by t.tgname) as f
    limit 5)
    union all
(select 'error' as level, 'sign_up_function_broken' as check_name, f.subject::text as subject, f.detail::text as detail, 'migration.pause lets people sign up until the function is corrected; then migration.resume' as remedy
    from (with functions as (
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
order by 1, 2) as f
    limit 5)
    union all
(select 'error' as level, 'sign_up_function_invoker' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter function NAME security definer set search_path = '''';' as remedy
    from (select format('%I.%I()', n.nspname, f.proname) as subject,
    format('called by %s, it runs as supabase_auth_admin', string_agg(t.tgname, ', ' order by t.tgname))
        as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and not f.prosecdef and f.prosrc ~* '\m(insert|update|delete|select|perform|merge)\M'
    and f.prosrc not like '%-- usersync: paused%'
group by n.nspname, f.proname
order by 1) as f
    limit 5)
    union all
(select 'warning' as level, 'sign_up_function_search_path' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter function NAME set search_path = ''''; and write every name with its schema' as remedy
    from (select distinct format('%I.%I()', n.nspname, f.proname) as subject, 'it has no search_path of its own' as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and f.prosecdef and f.prosrc not like '%-- usersync: paused%'
    and not exists (
        select from unnest(f.proconfig) as c (setting) where c.setting like 'search\_path=%'
    )
order by 1) as f
    limit 5)
    union all
(select 'error' as level, 'sign_up_function_owner_rights' as check_name, f.subject::text as subject, f.detail::text as detail, 'grant usage on schema SCHEMA to OWNER; grant insert, select on TABLE to OWNER;' as remedy
    from (select distinct format('%I.%I()', n.nspname, f.proname) as subject,
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
    and f.prosecdef and f.prosrc ~ ('\m' || (select t."table_pattern" from target as t) || '\M')
    and c.oid = to_regclass((select t."profiles_text" from target as t))
order by 1, 2) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'warning' as level, 'sign_up_function_exposed' as check_name, f.subject::text as subject, f.detail::text as detail, 'revoke execute on function NAME from public, anon, authenticated;' as remedy
    from (select format('%I.%I()', n.nspname, f.proname) as subject,
    format('%s may execute it', string_agg(distinct r.rolname::text, ', ')) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal and f.prosecdef
    and has_function_privilege(r.oid, f.oid, 'execute')
    and has_schema_privilege(r.oid, n.oid, 'usage')
group by n.nspname, f.proname
order by 1) as f
    limit 5)
    union all
(select 'error' as level, 'row_security_stops_sign_up' as check_name, f.subject::text as subject, f.detail::text as detail, 'let postgres own the function: alter function NAME owner to postgres;' as remedy
    from (select distinct format('%I.%I()', n.nspname, f.proname) as subject,
    format('row security of %s holds for its owner %s', c.oid::regclass, f.proowner::regrole) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_roles as owner on owner.oid = f.proowner
cross join pg_catalog.pg_class as c
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and f.prosecdef and f.prosrc ~ ('\m' || (select t."table_pattern" from target as t) || '\M')
    and c.oid = to_regclass((select t."profiles_text" from target as t))
    and c.relrowsecurity and not owner.rolbypassrls and not owner.rolsuper
    and (c.relforcerowsecurity or not pg_has_role(f.proowner, c.relowner, 'usage'))
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'info' as level, 'unique_besides_key' as check_name, f.subject::text as subject, f.detail::text as detail, 'sync tells each clash by constraint, and with `unique: suffix` numbers a text that is taken; a trigger that uses on conflict must name the key' as remedy
    from (select c.relname as subject, pg_get_indexdef(x.indexrelid) as detail
from pg_catalog.pg_index as x
join pg_catalog.pg_class as c on c.oid = x.indexrelid
where x.indrelid = to_regclass((select t."profiles_text" from target as t)) and x.indisunique
    and x.indkey::text <> (
        select a.attnum::text from pg_catalog.pg_attribute as a
        where a.attrelid = x.indrelid and a.attname = (select t."key" from target as t)
    )
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'warning' as level, 'sign_up_errors_swallowed' as check_name, f.subject::text as subject, f.detail::text as detail, 'let it write down what it catches, SQLSTATE and constraint, or raise it again' as remedy
    from (select distinct format('%I.%I()', n.nspname, f.proname) as subject, 'it catches all errors (when others)' as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and n.nspname <> 'usersync' and f.prosrc ~* 'when\s+others'
    and f.prosrc not like '%-- usersync: paused%'
order by 1) as f
    limit 5)
    union all
(select 'warning' as level, 'users_unreadable_by_api' as check_name, f.subject::text as subject, f.detail::text as detail, 'repair.tokens --dry-run writes '''' where a token is null; what else is null or foreign here takes an update by hand' as remedy
    from (select count(*)::text as subject, 'users: migration.verify names them' as detail from (select u.id::text as subject, 'null or foreign: ' || concat_ws(
    ', ',
    case when u.instance_id is distinct from '00000000-0000-0000-0000-000000000000'
        then 'instance_id' end,
    case when u.aud is null then 'aud' end,
    case when u.role is null then 'role' end,
    case when u.confirmation_token is null then 'confirmation_token' end,
    case when u.recovery_token is null then 'recovery_token' end,
    case when u.email_change is null then 'email_change' end,
    case when u.email_change_token_new is null then 'email_change_token_new' end,
    case when u.email_change_token_current is null then 'email_change_token_current' end,
    case when u.phone_change is null then 'phone_change' end,
    case when u.phone_change_token is null then 'phone_change_token' end,
    case when u.reauthentication_token is null then 'reauthentication_token' end,
    case when u.created_at is null then 'created_at' end,
    case when u.updated_at is null then 'updated_at' end
) as detail
from auth.users as u
where u.instance_id is distinct from '00000000-0000-0000-0000-000000000000'
    or u.aud is null or u.role is null or u.confirmation_token is null
    or u.recovery_token is null or u.email_change is null or u.email_change_token_new is null
    or u.email_change_token_current is null or u.phone_change is null
    or u.phone_change_token is null or u.reauthentication_token is null
    or u.created_at is null or u.updated_at is null
order by u.id) as p having count(*) > 0) as f
    limit 5)
    union all
(select 'warning' as level, 'foreign_key_missing' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter table TABLE add foreign key (KEY) references auth.users (id) on delete cascade not valid; then validate it' as remedy
    from (select (select t."named" from target as t) as subject, 'no foreign key of its key refers to auth.users' as detail
where to_regclass((select t."profiles_text" from target as t)) is not null and not exists (
    select from pg_catalog.pg_constraint as k
    where k.conrelid = to_regclass((select t."profiles_text" from target as t)) and k.contype = 'f'
        and k.confrelid = to_regclass('auth.users')
        and k.conkey = array(
            select a.attnum from pg_catalog.pg_attribute as a
            where a.attrelid = k.conrelid and a.attname = (select t."key" from target as t)
        )
)) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'foreign_key_blocks_delete' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter table TABLE drop constraint NAME, add foreign key (COLUMN) references auth.users (id) on delete cascade; it locks auth.users: at a quiet hour' as remedy
    from (select k.conname as subject, format(
    case when k.confdeltype in ('a', 'r') then '%I.%I keeps its users from being deleted'
        else '%I.%I keeps its users from being deleted: on delete set null, and its column is NOT NULL'
    end, n.nspname, c.relname
) as detail
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and n.nspname <> 'auth'
    and (k.confdeltype in ('a', 'r') or k.confdeltype = 'n' and exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = k.conrelid and a.attnum = any (k.conkey) and a.attnotnull
    ))
order by 1) as f
    limit 5)
    union all
(select 'warning' as level, 'foreign_key_not_valid' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter table TABLE validate constraint NAME;' as remedy
    from (select k.conname as subject, format('%I.%I: not validated', n.nspname, c.relname) as detail
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and n.nspname <> 'auth' and not k.convalidated
order by 1) as f
    limit 5)
    union all
(select 'warning' as level, 'foreign_key_to_no_primary_key' as check_name, f.subject::text as subject, f.detail::text as detail, 'refer to auth.users (id): only that is promised to stay (Supabase, Managing user data)' as remedy
    from (select k.conname as subject, format('%I.%I: %s', n.nspname, c.relname, pg_get_constraintdef(k.oid))
    as detail
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and n.nspname <> 'auth' and k.confkey <> array(
    select a.attnum from pg_catalog.pg_attribute as a
    where a.attrelid = k.confrelid and a.attname = 'id'
)
order by 1) as f
    limit 5)
    union all
(select 'warning' as level, 'anonymous_has_no_email' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter table TABLE alter column COLUMN drop not null; or leave anonymous users out of the trigger' as remedy
    from (select (select t."email" from target as t) as subject, 'it is NOT NULL, and a trigger fires for anonymous users too' as detail
from pg_catalog.pg_attribute as a
where a.attrelid = to_regclass((select t."profiles_text" from target as t)) and a.attname = (select t."email" from target as t) and a.attnotnull
    and (
        false or exists (
            select
            from pg_catalog.pg_trigger as t
            join pg_catalog.pg_proc as f on f.oid = t.tgfoid
            join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
            where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
                and t.tgenabled in ('O', 'A') and (t.tgtype & 4) <> 0
                and n.nspname <> 'usersync' and f.prosrc ~ ('\m' || (select t."table_pattern" from target as t) || '\M')
                and pg_get_triggerdef(t.oid) !~ 'is_anonymous' and f.prosrc !~ 'is_anonymous'
        )
    )) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'auth_hook_cannot_read' as check_name, f.subject::text as subject, f.detail::text as detail, 'grant usage on schema SCHEMA to supabase_auth_admin; grant select on TABLE to supabase_auth_admin; and a policy: create policy ... for select to supabase_auth_admin using (true);' as remedy
    from (select format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as subject,
    concat_ws(', ', lacking.usage_of_its_own, lacking.usage_of_the_table, lacking.select_of_it, lacking.policy)
        as detail
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
join pg_catalog.pg_class as c on c.oid = to_regclass((select t."profiles_text" from target as t))
join pg_catalog.pg_roles as r on r.rolname = 'supabase_auth_admin'
cross join lateral (
    select
        case when not has_schema_privilege(r.oid, n.oid, 'usage')
            then 'supabase_auth_admin may not use its schema' end as usage_of_its_own,
        case when not f.prosecdef and not has_schema_privilege(r.oid, c.relnamespace, 'usage')
            then 'supabase_auth_admin may not use the schema of the table' end as usage_of_the_table,
        case when not f.prosecdef and not has_table_privilege(r.oid, c.oid, 'select')
            and not has_any_column_privilege(r.oid, c.oid, 'select')
            then 'supabase_auth_admin may not select from the table' end as select_of_it,
        case when not f.prosecdef and c.relrowsecurity and not exists (
            select from pg_catalog.pg_policy as p
            where p.polrelid = c.oid and p.polcmd in ('r', '*')
                and (p.polroles = '{0}' or r.oid = any (p.polroles))
        ) then 'no policy lets supabase_auth_admin see rows' end as policy
) as lacking
where f.oid >= 16384 and f.prorettype = 'jsonb'::regtype and f.pronargs = 1
    and f.proargtypes[0] = 'jsonb'::regtype
    and f.prosrc ~ ('\m' || (select t."table_pattern" from target as t) || '\M')
    -- What the Auth server calls was granted to its role by name.
    and exists (
        select from aclexplode(f.proacl) as a
        where a.grantee = r.oid and a.privilege_type = 'EXECUTE'
    )
    and num_nonnulls(
        lacking.usage_of_its_own, lacking.usage_of_the_table, lacking.select_of_it, lacking.policy
    ) > 0
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'warning' as level, 'api_grants_missing' as check_name, f.subject::text as subject, f.detail::text as detail, 'grant usage on schema SCHEMA to authenticated, service_role; grant select on TABLE to authenticated; grant select, insert, update, delete on TABLE to service_role;' as remedy
    from (select r.rolname as subject, 'has ' || string_agg(lacking.told, ', ' order by lacking.told) as detail
from pg_catalog.pg_roles as r
join pg_catalog.pg_class as c on c.oid = to_regclass((select t."profiles_text" from target as t))
cross join lateral (
    select 'no right to use its schema' as told
    where not has_schema_privilege(r.oid, c.relnamespace, 'usage')
    union all
    select format('%s, and no right to %s', case when r.rolname = 'service_role' then 'the service key'
        else 'a policy' end, wanted.right_name)
    from (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd'))
        as wanted (right_name, command)
    where not has_table_privilege(r.oid, c.oid, wanted.right_name)
        and (wanted.right_name = 'delete' or not has_any_column_privilege(r.oid, c.oid, wanted.right_name))
        and (
            r.rolname = 'service_role'
            or exists (
                select from pg_catalog.pg_policy as p
                where p.polrelid = c.oid and p.polcmd::text = wanted.command
                    and (p.polroles = '{0}' or r.oid = any (p.polroles))
            )
            -- A policy for all commands intends reading at least.
            or wanted.right_name = 'select' and exists (
                select from pg_catalog.pg_policy as p
                where p.polrelid = c.oid and p.polcmd = '*'
                    and (p.polroles = '{0}' or r.oid = any (p.polroles))
            )
        )
) as lacking
where r.rolname = 'service_role'
    or r.rolname = 'authenticated' and exists (
        select from pg_catalog.pg_policy as p
        where p.polrelid = c.oid and (p.polroles = '{0}' or r.oid = any (p.polroles))
    )
group by r.rolname
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'info' as level, 'published_to_realtime' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter publication supabase_realtime drop table TABLE; unless the app listens to it' as remedy
    from (select p.pubname as subject, 'every change of the table is published' as detail
from pg_catalog.pg_publication_tables as p
where p.pubname = 'supabase_realtime' and p.schemaname = (select t."schema_name" from target as t) and p.tablename = (select t."table_name" from target as t)
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'row_security_disabled' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter table TABLE enable row level security;' as remedy
    from (select r.rolname as subject, 'reads every row: row security is off' as detail
from pg_catalog.pg_class as c
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where c.oid = to_regclass((select t."profiles_text" from target as t)) and not c.relrowsecurity
    and has_schema_privilege(r.oid, c.relnamespace, 'usage')
    and has_table_privilege(r.oid, c.oid, 'select')
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'policy_without_row_security' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter table TABLE enable row level security;' as remedy
    from (select p.polname as subject, 'it does nothing: row security is off' as detail
from pg_catalog.pg_policy as p
join pg_catalog.pg_class as c on c.oid = p.polrelid
where c.oid = to_regclass((select t."profiles_text" from target as t)) and not c.relrowsecurity
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'policy_trusts_user_metadata' as check_name, f.subject::text as subject, f.detail::text as detail, 'use app_metadata, or a column that users may not change' as remedy
    from (select p.policyname as subject, 'it reads user_metadata' as detail
from pg_catalog.pg_policies as p
where p.schemaname = (select t."schema_name" from target as t) and p.tablename = (select t."table_name" from target as t)
    and concat(p.qual, ' ', p.with_check) ~ 'user_metadata'
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'two_writers' as check_name, f.subject::text as subject, f.detail::text as detail, 'drop function NAME cascade; for the one that is not wanted' as remedy
    from (select (select t."named" from target as t) as subject, format('%s write to it', string_agg(w.name, ' and ' order by w.name))
    as detail
from (
    select t.tgname as name
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
    where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
        and t.tgenabled in ('O', 'A') and (t.tgtype & 4) <> 0
        and f.prosrc ~* (select t."insert_pattern" from target as t)
) as w
having count(*) > 1) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'error' as level, 'triggers_skipped' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter role NAME reset session_replication_role;' as remedy
    from (select coalesce(r.rolname, 'every role') as subject,
    'session_replication_role is not origin' || coalesce(' in ' || d.datname, '') as detail
from pg_catalog.pg_db_role_setting as s
cross join unnest(s.setconfig) as c (setting)
left join pg_catalog.pg_roles as r on r.oid = s.setrole
left join pg_catalog.pg_database as d on d.oid = s.setdatabase
where c.setting ~ '^session_replication_role=(replica|local)'
    and (s.setdatabase = 0 or d.datname = current_database())
order by 1) as f
    limit 5)
    union all
(select 'error' as level, 'key_not_unique' as check_name, f.subject::text as subject, f.detail::text as detail, 'alter table TABLE add unique (KEY);' as remedy
    from (select (select t."key" from target as t) as subject, 'no unique index holds it alone' as detail
where to_regclass((select t."profiles_text" from target as t)) is not null and not exists (
    select from pg_catalog.pg_index as x
    join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attname = (select t."key" from target as t)
    where x.indrelid = to_regclass((select t."profiles_text" from target as t)) and x.indisunique and x.indisvalid
        and x.indpred is null and x.indnkeyatts = 1 and x.indkey[0] = a.attnum
)) as f
    where (select t.key from target as t) is not null limit 5)
    union all
(select 'info' as level, 'before_trigger_on_sign_up' as check_name, f.subject::text as subject, f.detail::text as detail, 'look at the function: return null cancels the sign-up without an error' as remedy
    from (select t.tgname as subject, format('it runs %s before a user is written', format('%I.%I()', n.nspname, f.proname)) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and (t.tgtype & 2) <> 0 and (t.tgtype & 4) <> 0
order by 1) as f
    limit 5)
    union all
(select 'error' as level, 'own_schema_open' as check_name, f.subject::text as subject, f.detail::text as detail, 'migration.apply' as remedy
    from (select r.rolname as subject, 'may use the schema' as detail
from pg_catalog.pg_roles as r
join pg_catalog.pg_namespace as n on n.nspname = 'usersync'
where r.rolname in ('anon', 'authenticated') and has_schema_privilege(r.oid, n.oid, 'usage')
order by 1) as f
    limit 5)
    union all
(select 'error' as level, 'own_functions_open' as check_name, f.subject::text as subject, f.detail::text as detail, 'migration.apply for ours; for another one: revoke execute on function NAME from public, anon, authenticated;' as remedy
    from (select f.proname as subject, format('%s may execute it', string_agg(r.rolname::text, ', ')) as detail
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace and n.nspname = 'public'
join pg_catalog.pg_roles as r on r.rolname in ('anon', 'authenticated')
where f.proname like 'usersync\_%' and has_function_privilege(r.oid, f.oid, 'execute')
group by f.proname
order by 1) as f
    limit 5)
    union all
(select 'error' as level, 'sign_up_function_reads_missing_field' as check_name, f.subject::text as subject, f.detail::text as detail, 'migration.pause lets people sign up until the function is corrected; then migration.resume' as remedy
    from (with functions as (
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
order by 1, 2) as f
    limit 5)
    union all
(select 'warning' as level, 'sign_up_conflict_unnamed' as check_name, f.subject::text as subject, f.detail::text as detail, 'write on conflict (KEY) do nothing, so that another clash is an error that somebody sees' as remedy
    from (select distinct format('%I.%I()', n.nspname, f.proname) as subject,
    format('on conflict do nothing also passes over %s', others.names) as detail
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as f on f.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
cross join lateral (
    select string_agg(c.relname::text, ', ' order by c.relname) as names
    from pg_catalog.pg_index as x
    join pg_catalog.pg_class as c on c.oid = x.indexrelid
    where x.indrelid = to_regclass((select t."profiles_text" from target as t)) and x.indisunique
        and x.indkey::text <> (
            select a.attnum::text from pg_catalog.pg_attribute as a
            where a.attrelid = x.indrelid and a.attname = (select t."key" from target as t)
        )
) as others
where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
    and t.tgenabled in ('O', 'A') and (t.tgtype & 4) <> 0
    and others.names is not null
    and regexp_replace(f.prosrc, '--[^\n]*', '', 'g')
        ~* ('insert\s+into\s+[^;]*\m' || (select t."table_pattern" from target as t) || '\M[^;]*on\s+conflict\s+do\s+nothing')
order by 1) as f
    where (select t.key from target as t) is not null limit 5)
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
        (1, 'version', '1', 'of this statement'),
        (2, 'rows', (select 8 + count(*) from told)::text, 'of the answer; 100 of them at most are shown'),
        (3, 'checks', 30::text, 'asked about what is wrong'),
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
