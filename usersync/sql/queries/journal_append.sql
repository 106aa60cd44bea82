-- does: appends one line to the journal, in the transaction of the change it tells of
insert into {ours}.journal (
    at, run_id, event, task, target, profile_table, actor, reason, run_url, tool_version, digest,
    counts, user_ids, exit_code, commit_sha, approver
) values (
    {at}, {run_id}, {event}, {task}, {target}, {table}, {actor}, {reason}, {run_url},
    {tool_version}, {digest}, {counts}::jsonb, {user_ids}::uuid[], {exit_code}, {commit_sha},
    {approver}
);
