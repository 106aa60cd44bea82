-- does: runs the body of a procedure as an anonymous block; its input and output travel as
--   settings of this transaction, which works in every pool mode and leaves nothing in the catalog
#variable_conflict use_column
declare
    input constant jsonb := pg_catalog.current_setting('usersync.input')::jsonb;
    output jsonb;
begin
    {body}
    perform pg_catalog.set_config('usersync.output', output::text, true);
end
