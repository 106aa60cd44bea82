-- does: takes the journal out, and the schema when nothing else is in it
-- locks: the journal only
-- rerun: safe
-- loses: the journal
drop table if exists usersync.journal;
do $$
begin
    if to_regnamespace('usersync') is not null and not exists (
        select from pg_catalog.pg_depend as d
        where d.refclassid = 'pg_catalog.pg_namespace'::regclass
            and d.refobjid = to_regnamespace('usersync')::oid
    ) then
        execute 'drop schema usersync';
    end if;
end
$$;
