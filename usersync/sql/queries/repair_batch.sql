-- does: changes the rows of one batch, each only if it is still what the plan saw, and its old
--   values kept and read back first; a row that cannot be changed is isolated
-- input: {{"run_id": uuid, "rows": [[id, hash]], "types": {{column: type}}, "max_failures": n}}
-- output: {{"done": [id], "moved": [id], "failures": [{{"id", "sqlstate", "subject"}}]}}
-- locks: the user first and then the profile, as a sign-in and its trigger do
-- log: exceptions are caught here, so the server log holds no value of any user
declare
    constraints_wait constant text := {constraints_wait};
    usersync_repaired_id uuid;
    planned_hash text;
    change record;
    kept_id bigint;
    written jsonb;
    statement text;
    changed_rows integer;
    done jsonb[] := '{{}}';
    moved jsonb[] := '{{}}';
    failures jsonb := '[]';
    error_state text;
    error_context text;
    error_constraint text;
    error_column text;
    error_type text;
begin
    for usersync_repaired_id, planned_hash in
        select (r.value ->> 0)::uuid, r.value ->> 1
        from jsonb_array_elements(input -> 'rows') with ordinality as r (value, position)
        order by r.position
    loop
        begin
            execute constraints_wait;
            {lock}
            {exact}
            if change.after is null or change.blocked is not null
                or {hash} is distinct from planned_hash
            then
                moved := moved || to_jsonb(usersync_repaired_id);
                continue;
            end if;
            {action}
            set constraints all immediate;
            done := done || to_jsonb(usersync_repaired_id);
        exception when others then
            get stacked diagnostics
                error_state = returned_sqlstate, error_context = pg_exception_context,
                error_constraint = constraint_name, error_column = column_name,
                error_type = pg_datatype_name;
            if not {is_row_error} then
                raise;
            end if;
            failures := failures || jsonb_build_object(
                'id', usersync_repaired_id,
                'sqlstate', error_state,
                'subject', coalesce(
                    nullif(error_constraint, ''), nullif(error_column, ''),
                    substring(error_context from '^PL/pgSQL function (\S+\(.*?\)) line'),
                    nullif(error_type, ''), ''
                )
            );
            exit when jsonb_array_length(failures) > (input ->> 'max_failures')::integer;
        end;
    end loop;
    output := jsonb_build_object(
        'done', to_jsonb(done), 'moved', to_jsonb(moved), 'failures', failures
    );
end;
