-- asks: which tables may hold one row per user, the likeliest first
-- returns: one row a table: its names, the column of the user's id, and what speaks for it
-- cost: catalog only
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
limit 10;
