-- asks: can an anonymous user have a profile where the app wants one?
-- level: warning
-- about: table
-- cost: catalog only
-- remedy: alter table TABLE alter column COLUMN drop not null; or leave anonymous users out of the trigger
-- needs: email
-- why: An anonymous user has no address: Database error creating anonymous user, 23502
--   (supabase-js#999).
select {email_text} as subject, 'it is NOT NULL, and a trigger fires for anonymous users too' as detail
from pg_catalog.pg_attribute as a
where a.attrelid = to_regclass({profiles_text}) and a.attname = {email_text} and a.attnotnull
    and (
        {anonymous} or exists (
            select
            from pg_catalog.pg_trigger as t
            join pg_catalog.pg_proc as f on f.oid = t.tgfoid
            join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
            where t.tgrelid = to_regclass('auth.users') and not t.tgisinternal
                and t.tgenabled in ('O', 'A') and (t.tgtype & 4) <> 0
                and n.nspname <> {ours_text} and f.prosrc ~ ('\m' || {table_pattern} || '\M')
                and pg_get_triggerdef(t.oid) !~ 'is_anonymous' and f.prosrc !~ 'is_anonymous'
        )
    );
