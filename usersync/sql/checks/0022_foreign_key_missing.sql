-- asks: does the profile table refer to auth.users?
-- level: warning
-- about: table
-- cost: catalog only
-- remedy: alter table TABLE add foreign key (KEY) references auth.users (id) on delete cascade not valid; then validate it
-- why: Without it the profiles of deleted users stay behind as orphans.
select {table_name} as subject, 'no foreign key of its key refers to auth.users' as detail
where to_regclass({profiles_text}) is not null and not exists (
    select from pg_catalog.pg_constraint as k
    where k.conrelid = to_regclass({profiles_text}) and k.contype = 'f'
        and k.confrelid = to_regclass('auth.users')
        and k.conkey = array(
            select a.attnum from pg_catalog.pg_attribute as a
            where a.attrelid = k.conrelid and a.attname = {key_text}
        )
);
