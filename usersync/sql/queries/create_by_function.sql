-- does: lets the app's own sign-up function make the missing profiles of one batch, through a
--   temporary table shaped like auth.users; a user it makes none for is isolated and undone
-- input: {{"max_failures": n}} and the page: {{"first_block", "end_block"}} or {{"user_ids": [..]}}
-- output: as queries/create_batch.sql
-- locks: {lock_mode} on the users of the batch: whoever makes such a profile meanwhile waits, so
--   that a function that overwrites meets none; in a rehearsal, which keeps nothing, KEY SHARE
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
    made integer;
    left_out integer;
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
    -- No name without a schema can mean it, since no app has one like it.
    create temporary table usersync_signing_up_7f3a (like auth.users) on commit drop;
    {attach}
    -- As the function runs at a sign-up: names found where the Auth server finds them, times told
    -- as to it, and row security in force instead of an error.
    perform pg_catalog.set_config('timezone', substring(c.setting from '=(.*)'), true)
    from pg_catalog.pg_db_role_setting as s
    cross join unnest(s.setconfig) as c (setting)
    where lower(c.setting) like 'timezone=%'
        and s.setdatabase in (
            0, (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
        )
        and s.setrole in (0, to_regrole('supabase_auth_admin')::oid)
    order by s.setrole = 0 desc, s.setdatabase = 0 desc;
    perform pg_catalog.set_config('search_path', 'auth', true);
    perform pg_catalog.set_config('row_security', 'on', true);
    perform u.id
    from auth.users as u
    where {page} and {needs_profile} and {in_share} and {in_plan} and {is_missing}
    {locked};
    -- Looked up again: somebody may have made a profile before the lock was ours.
    select array_agg(u.id order by u.created_at nulls first, u.id)
    into ids
    from auth.users as u
    where {page} and {needs_profile} and {in_share} and {in_plan}
        and not exists (select from {profiles} as p where p.{key} = u.id);
    found_count := coalesce(cardinality(ids), 0);
    if found_count > 0 then
        lows := array[1];
        highs := array[found_count];
    end if;
    -- All at once; then halves until the users that cannot be served stand alone, older ones first.
    while cardinality(lows) > 0 loop
        low := lows[cardinality(lows)];
        high := highs[cardinality(highs)];
        lows := trim_array(lows, 1);
        highs := trim_array(highs, 1);
        begin
            execute constraints_wait;
            insert into pg_temp.usersync_signing_up_7f3a
            select u.*
            from unnest(ids[low:high]) with ordinality as planned (planned_id, planned_position)
            join auth.users as u on u.id = planned.planned_id
            where {needs_profile}
                and not exists (select from {profiles} as p where p.{key} = u.id)
            order by planned.planned_position;
            set constraints all immediate;
            select
                count(*) filter (where p.{key} is not null),
                count(*) filter (where p.{key} is null)
            into made, left_out
            from unnest(ids[low:high]) as planned (planned_id)
            join auth.users as u on u.id = planned.planned_id
            left join {profiles} as p on p.{key} = u.id
            where {needs_profile};
            if left_out > 0 then
                raise exception 'made no profile'
                    using errcode = 'no_data_found', constraint = {made_no_profile};
            end if;
            -- What it does to the new row of a user is kept at a sign-up, and not here.
            if {may_change} and exists (
                select from pg_temp.usersync_signing_up_7f3a as s
                join auth.users as u on u.id = s.id
                where s.id = any (ids[low:high]) and to_jsonb(s) is distinct from to_jsonb(u)
            ) then
                raise exception 'changes the user'
                    using errcode = 'triggered_data_change_violation', constraint = {changes_user};
            end if;
            created := created + made;
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
            elsif not exists (select from {profiles} as p where p.{key} = ids[low]) then
                failures := failures || jsonb_build_object(
                    'id', ids[low],
                    'sqlstate', error_state,
                    'subject', coalesce(
                        nullif(error_constraint, ''), nullif(error_column, ''),
                        substring(error_context from '^PL/pgSQL function (\S+\(.*?\)) line'),
                        nullif(error_type, ''), ''
                    ),
                    'place',
                    substring(error_context from '(?n)^PL/pgSQL function ([^\n]*\) line \d+)')
                );
                exit when jsonb_array_length(failures) > max_failures;
            end if;
        end;
    end loop;
    drop table pg_temp.usersync_signing_up_7f3a;
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
