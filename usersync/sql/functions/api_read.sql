-- does: the body of a function of the API that answers the rows of one query
#variable_conflict use_column
begin
    -- Not every server passes JSON on as JSON.
    if jsonb_typeof(input) = 'string' then
        input := (input #>> '{{}}')::jsonb;
    end if;
    {tables}
    raise exception 'usersync: this database was set up without the profile table %', input ->> 'table'
        using errcode = 'P0002';
end
