-- does: takes the functions of the API out
-- locks: none on tables of others
-- rerun: safe
-- loses: nothing
{drop_api_functions}
