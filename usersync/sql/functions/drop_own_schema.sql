-- does: drops our schema when nothing is in it any more
begin
    if not exists (
        select from pg_catalog.pg_depend as d
        where d.refclassid = 'pg_catalog.pg_namespace'::regclass
            and d.refobjid = to_regnamespace({ours_name})::oid
    ) then
        drop schema if exists {ours};
    end if;
end
