-- does: the body of the function of the API that creates profiles
#variable_conflict use_column
declare
    output jsonb;
begin
    -- Not every server passes JSON on as JSON.
    if jsonb_typeof(input) = 'string' then
        input := (input #>> '{{}}')::jsonb;
    end if;
    {tables}
    if output is null then
        raise exception 'usersync: this database was set up without the profile table %',
            input ->> 'table'
            using errcode = 'P0002';
    end if;
    return output || jsonb_build_object('version', {version}, 'configuration', {configuration});
end
