-- does: creates the missing profiles of one batch; a row that cannot be made is isolated
-- input: {{"max_failures": n}} and the page: {{"first_block", "end_block"}} or {{"user_ids": [..]}}
-- output: {{"created": n, "found": n, "already_there": n, "failures": [{{"id", "sqlstate",
--   "subject"}}]}}; already_there only of users by name: in blocks nobody knows who was meant
-- locks: FOR KEY SHARE on the users of the batch, so that a concurrent delete costs one row
-- log: exceptions are caught here, so the server log holds no value of any user
declare
    max_failures constant integer := (input ->> 'max_failures')::integer;
    first_tid constant tid := ('(' || (input ->> 'first_block') || ',0)')::tid;
    end_tid constant tid := ('(' || (input ->> 'end_block') || ',0)')::tid;
    batch_ids constant uuid[] := array(
        select jsonb_array_elements_text(input -> 'user_ids')
    )::uuid[];
    constraints_wait constant text := {constraints_wait};
    ids uuid[];
    lows integer[];
    highs integer[];
    low integer;
    high integer;
    inserted integer;
    created integer := 0;
    found_count integer := 0;
    there_count integer := 0;
    failures jsonb := '[]';
    error_state text;
    error_context text;
    error_constraint text;
    error_column text;
    error_type text;
begin
    begin
        -- The fast way has no ON CONFLICT: it costs a tenth. Any clash falls through to the
        -- careful way, which names the profile key and nothing else. Users are locked first and
        -- then written in the order of the unique indexes.
        execute constraints_wait;
        insert into {profiles} ({columns})
        select {values}
        from (
            select u.*
            from auth.users as u
            where {page} and {needs_profile} and {in_share} and {in_plan} and {is_missing}
            {locked}
        ) as u
        order by u.id;
        get diagnostics created = row_count;
        set constraints all immediate;
        found_count := created;
    exception when others then
        get stacked diagnostics
            error_state = returned_sqlstate, error_context = pg_exception_context;
        if not {is_row_error} then
            raise;
        end if;
        created := 0;
        select array_agg(u.id order by {page_order})
        into ids
        from auth.users as u
        where {page} and {needs_profile} and {in_share} and {in_plan}
            and not exists (select from {profiles} as p where p.{key} = u.id);
        found_count := coalesce(cardinality(ids), 0);
        if found_count > 0 then
            lows := array[1];
            highs := array[found_count];
        end if;
        -- Halve until the rows that cannot be made stand alone; left half first, so that of two
        -- users who want the same name the first one gets it, whatever the batch size.
        while cardinality(lows) > 0 loop
            low := lows[cardinality(lows)];
            high := highs[cardinality(highs)];
            lows := trim_array(lows, 1);
            highs := trim_array(highs, 1);
            begin
                execute constraints_wait;
                insert into {profiles} ({columns})
                select {values}
                -- Names that no `sql:` over the row u can mean.
                from unnest(ids[low:high]) with ordinality as planned (planned_id, planned_position)
                join auth.users as u on u.id = planned.planned_id
                where {needs_profile}
                order by planned.planned_position
                for key share of u
                on conflict ({key}) do nothing;
                get diagnostics inserted = row_count;
                set constraints all immediate;
                created := created + inserted;
            exception when others then
                get stacked diagnostics
                    error_state = returned_sqlstate, error_context = pg_exception_context,
                    error_constraint = constraint_name, error_column = column_name,
                    error_type = pg_datatype_name;
                if not {is_row_error} then
                    raise;
                end if;
                if low < high then
                    lows := lows || array[(low + high) / 2 + 1, low];
                    highs := highs || array[high, (low + high) / 2];
                else
                    failures := failures || jsonb_build_object(
                        'id', ids[low],
                        'sqlstate', error_state,
                        'subject', coalesce(
                            nullif(error_constraint, ''), nullif(error_column, ''),
                            substring(error_context from '^PL/pgSQL function (\S+\(.*?\)) line'),
                            nullif(error_type, ''), ''
                        )
                    );
                    exit when jsonb_array_length(failures) > max_failures;
                end if;
            end;
        end loop;
    end;
    if created + jsonb_array_length(failures) < cardinality(batch_ids) then
        select count(*)
        into there_count
        from unnest(batch_ids) as planned (planned_id)
        join {profiles} as p on p.{key} = planned.planned_id;
        there_count := there_count - created;
    end if;
    output := jsonb_build_object(
        'created', created, 'found', found_count, 'already_there', there_count, 'failures', failures
    );
end;
