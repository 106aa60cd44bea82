-- does: the body of the function of the API that runs checks; none can break another
-- input: {{"table": name, "accepted": {{"CHECK": [subject, ...], ...}}}}: a key for each that is wanted
#variable_conflict use_column
declare
    answers jsonb := '{{}}';
    broken_columns text[] := '{{}}';
    broken_reasons text[] := '{{}}';
begin
    -- Not every server passes JSON on as JSON.
    if jsonb_typeof(input) = 'string' then
        input := (input #>> '{{}}')::jsonb;
    end if;
    {tables}
    return jsonb_build_object('version', {version}, 'configuration', {configuration}, 'answers', answers);
end
