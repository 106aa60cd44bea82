-- does: finds out whether a value of usersync.yaml still means something; it is planned, never run
begin
    execute {probe};
exception when others then
    broken_columns := broken_columns || {column}::text;
    broken_reasons := broken_reasons || sqlerrm;
end;
