-- does: the body of the function of the API that takes, keeps and lets go of the lease
#variable_conflict use_column
declare
    output jsonb;
begin
    -- Not every server passes JSON on as JSON.
    if jsonb_typeof(input) = 'string' then
        input := (input #>> '{{}}')::jsonb;
    end if;
{procedure}
    return output || jsonb_build_object('version', {version}, 'configuration', {configuration});
end
