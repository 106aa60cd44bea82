-- does: the body of a function of the API that writes one line of ours
#variable_conflict use_column
begin
    -- Not every server passes JSON on as JSON.
    if jsonb_typeof(input) = 'string' then
        input := (input #>> '{{}}')::jsonb;
    end if;
{statement}
    return jsonb_build_object('version', {version}, 'configuration', {configuration});
end
