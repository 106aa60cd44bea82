-- does: writes down that a profile could not be made, and lets the sign-up go on
get stacked diagnostics
    error_state = returned_sqlstate,
    error_constraint = constraint_name,
    error_column = column_name;
begin
    insert into {ours}.failures (
        user_id, profile_table, trigger_name, sqlstate, constraint_name, column_name
    ) values (
        new.id, {table_name}, tg_name, error_state, coalesce(error_constraint, ''),
        coalesce(error_column, '')
    );
exception when others or assert_failure then
    raise warning 'usersync: a profile could not be made (%), nor could that be recorded (%)',
        error_state, sqlstate;
end;
