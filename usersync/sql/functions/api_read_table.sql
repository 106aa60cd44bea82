-- does: answers for one profile table
if coalesce(input ->> 'table', {default_table}) = {table_name} then
    return jsonb_build_object(
        'version', {version},
        'configuration', {configuration},
        'table', {table_name},
        'as_of', pg_catalog.now(),
        'rows', (
            select coalesce(jsonb_agg(to_jsonb(answer)), '[]')
            from (
{query}
            ) as answer
        )
    );
end if;
