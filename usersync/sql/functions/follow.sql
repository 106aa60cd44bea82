-- does: the body of the function behind the trigger that follows changes of users
#variable_conflict use_column
declare
    error_state text;
    error_constraint text;
    error_column text;
    became_permanent boolean := false;
begin
    -- The address of a soft-deleted user is a hash: never copied.
    if new.deleted_at is not null then
        return null;
    end if;
    {becoming}
    {tables}
    return null;
end
