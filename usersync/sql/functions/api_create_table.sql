-- does: creates profiles of one table; in a rehearsal everything is taken back, and told exactly
if coalesce(input ->> 'table', {default_table}) = {table_name} then
    if input ->> 'lease' is not null then
        -- Held until the batch is committed, so that nobody takes it in between.
        perform 1 from {ours}.lease as l
        where l.holder = (input ->> 'lease')::uuid and l.until > clock_timestamp()
        for share;
        if not found then
            return jsonb_build_object(
                'version', {version}, 'configuration', {configuration}, 'turn_lost', true
            );
        end if;
    end if;
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
