-- does: creates the profiles of one table
if coalesce(input ->> 'table', {default_table}) = {table_name} then
{procedure}
end if;
