-- does: keeps one profile whole, reads it back, and takes it out of its table
insert into {ours}.parked_profiles (run_id, profile_table, key, profile)
values ((input ->> 'run_id')::uuid, {table_name}, usersync_repaired_id, change.before)
returning parked_profiles.id into kept_id;
if not exists (
    select from {ours}.parked_profiles as q where q.id = kept_id and q.profile = change.before
) then
    raise exception 'the profile was not kept' using constraint = 'parked_profiles';
end if;
delete from {profiles} as p where p.{key} = usersync_repaired_id;
get diagnostics changed_rows = row_count;
if changed_rows <> 1 then
    raise exception 'the row did not go' using constraint = 'a trigger of the table';
end if;
