-- does: makes the functions that the API calls with the service-role key; nobody else may
-- locks: none on tables of others
-- rerun: safe
{api_functions}
