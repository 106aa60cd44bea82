-- does: the body of the function behind the sign-up trigger
#variable_conflict use_column
declare
    error_state text;
    error_constraint text;
    error_column text;
begin
    {tables}
    return null;
end
