-- does: the same for a journal that an earlier usersync made, until migration.apply completes it
insert into {ours}.journal (
    at, run_id, event, task, target, profile_table, actor, reason, run_url, tool_version, digest,
    counts, user_ids, exit_code
) values (
    {at}, {run_id}, {event}, {task}, {target}, {table}, {actor}, {reason}, {run_url},
    {tool_version}, {digest}, {counts}::jsonb, {user_ids}::uuid[], {exit_code}
);
