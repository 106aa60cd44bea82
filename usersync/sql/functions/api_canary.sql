-- does: the body of the function of the API that signs up one synthetic user and takes it back
-- input: {{"id", "email", ...}}: what the files canary_* may name, and "then": what follows
#variable_conflict use_column
declare
    output jsonb;
    doing text := 'queries/canary_sign_up';
    error_state text;
    error_message text;
    error_context text;
    error_constraint text;
    error_column text;
    error_schema text;
    error_table text;
begin
    -- Not every server passes JSON on as JSON.
    if jsonb_typeof(input) = 'string' then
        input := (input #>> '{{}}')::jsonb;
    end if;
    -- Before anybody is signed up: a call without a user asks for the verdict on nobody.
    if input ->> 'id' is null then
        return jsonb_build_object('version', {version}, 'configuration', {configuration});
    end if;
    begin
        set constraints all immediate;
        -- What the role of the Auth server finds names without a schema in.
        perform pg_catalog.set_config('search_path', 'auth', true);
{sign_up}
        doing := coalesce(input ->> 'then', '');
        {steps}
        perform pg_catalog.set_config('search_path', '', true);
        output := jsonb_build_object('found', jsonb_build_array({found}));
        raise exception 'taken back' using errcode = 'US001';
    exception
        when sqlstate 'US001' then
            null;
        when others then
            get stacked diagnostics
                error_state = returned_sqlstate, error_message = message_text,
                error_context = pg_exception_context, error_constraint = constraint_name,
                error_column = column_name, error_schema = schema_name, error_table = table_name;
            output := jsonb_build_object(
                'doing', doing,
                'error', jsonb_build_object(
                    'sqlstate', error_state, 'message', error_message, 'context', error_context,
                    'constraint', error_constraint, 'column', error_column,
                    'table', concat_ws('.', nullif(error_schema, ''), nullif(error_table, ''))
                )
            );
    end;
    return output || jsonb_build_object('version', {version}, 'configuration', {configuration});
end
