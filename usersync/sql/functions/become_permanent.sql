-- does: gives a user a profile in one table who was anonymous until this transaction; who has one
--   by then gets what the Auth server wrote later, where it still stands as it was made
if became_permanent then
    begin
        if not exists (select from {profiles} as p where p.{key} = new.id) then
            {insert}
            begin
                -- What failed for want of an address in this transaction has not failed any more.
                delete from {ours}.failures as f
                where f.user_id = new.id and f.profile_table = {table_name}
                    and f.at = pg_catalog.now();
            exception when others then
                null;
            end;
        {complete}
        end if;
    exception when others or assert_failure then
        {on_error}
    end;
end if;
