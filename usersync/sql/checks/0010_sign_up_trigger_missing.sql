-- asks: does an enabled trigger on auth.users make the profile of a new user?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: migration.apply, or restore the app's own trigger: create or replace trigger ... after insert on auth.users
-- without: restore the app's own trigger: create or replace trigger ... after insert on auth.users
-- needs: trigger
-- why: Without it people sign up and see an empty app. Dumps and squashed migrations leave
--   triggers on auth.users out and keep the function (supabase/cli#1685, #3795).
select {table_name} as subject, coalesce(
    (
        select format('the function %I.%I() is there, and no trigger calls it', n.nspname, f.proname)
        from pg_catalog.pg_proc as f
        join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
        where f.prorettype = 'trigger'::regtype
            and f.prosrc ~* {insert_pattern}
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
            f.prosrc ~ ('\m' || {table_pattern} || '\M')
            or f.prosrc like '%-- usersync: paused%'
            or exists (
                select
                from pg_catalog.pg_proc as called
                where called.oid >= 16384 and called.prosrc ~ ('\m' || {table_pattern} || '\M')
                    and f.prosrc ~ ('\m' || called.proname || '\s*\(')
            )
        )
);
