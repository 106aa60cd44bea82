-- does: runs one check when it is wanted
if input -> 'accepted' ? {check_name} then
    begin
        answers := answers || jsonb_build_object({check_name}, jsonb_build_object('rows', (
            select coalesce(jsonb_agg(to_jsonb(answer)), '[]')
            from (
{query}
            ) as answer
        )));
    exception when others then
        answers := answers || jsonb_build_object(
            {check_name}, jsonb_build_object('sqlstate', sqlstate, 'message', sqlerrm)
        );
    end;
end if;
