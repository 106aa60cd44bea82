-- does: runs checks about one profile table
if coalesce(input ->> 'table', {default_table}) = {table_name} then
    {expressions}
    {checks}
end if;
