-- asks: what was changed last; a journal that an earlier usersync made lacks the last two columns
-- returns: at most {limit} lines, newest first
select
    j.at, j.run_id, j.event, j.task, j.target, j.profile_table, j.actor, j.reason, j.run_url,
    j.tool_version, j.database_user, j.digest, j.counts, j.user_ids, j.exit_code,
    coalesce(to_jsonb(j) ->> 'commit_sha', '') as commit_sha,
    coalesce(to_jsonb(j) ->> 'approver', '') as approver
from {ours}.journal as j
order by j.id desc
limit {limit};
