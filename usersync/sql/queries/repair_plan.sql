-- does: works out which rows a repair would change, one by one, so that a value that does not fit
--   its column costs its row and not the plan; writes nothing
-- output: {{"rows": [[id, signed up, hash of what would change, why it stays, SQLSTATE, detail]]}}
-- log: exceptions are caught here, so the server log holds no value of any user
declare
    usersync_repaired_id uuid;
    change record;
    rows_found jsonb[] := '{{}}';
begin
    for usersync_repaired_id in {candidates} loop
        begin
            {exact}
            if change.after is not null then
                rows_found := rows_found || jsonb_build_array(
                    usersync_repaired_id, change.created_at, {hash}, change.blocked, null,
                    change.detail
                );
            end if;
        exception when data_exception or raise_exception then
            rows_found := rows_found || jsonb_build_array(
                usersync_repaired_id, null, '', null, sqlstate, ''
            );
        end;
    end loop;
    output := jsonb_build_object('rows', to_jsonb(rows_found));
end;
