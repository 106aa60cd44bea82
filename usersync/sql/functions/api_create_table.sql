-- does: creates profiles of one table; in a rehearsal everything is taken back, and told exactly
if coalesce(input ->> 'table', {default_table}) = {table_name} then
    begin
{procedure}
        if input ->> 'event' is not null then
{journal}
        end if;
        if (input ->> 'rehearse')::boolean then
            output := output || jsonb_build_object('rows_written', (
{rows_written}
            ));
            raise exception 'rehearsed' using errcode = 'US001';
        end if;
    exception when sqlstate 'US001' then
        null;
    end;
end if;
