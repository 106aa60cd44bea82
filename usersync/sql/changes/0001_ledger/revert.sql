-- does: takes the ledger out, and the schema when nothing else is in it
-- locks: the ledger only
-- rerun: safe
-- loses: the ledger
drop table if exists {ours}.ledger;
do $$
begin
    if not exists (
        select from pg_catalog.pg_depend as d
        where d.refclassid = 'pg_catalog.pg_namespace'::regclass
            and d.refobjid = to_regnamespace({ours_name})::oid
    ) then
        drop schema if exists {ours};
    end if;
end
$$;
