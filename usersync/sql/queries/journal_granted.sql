-- asks: what the journal tells of rights: those that rights.grant gave, and that uninstall took some
--   back; an earlier usersync counted none
-- returns: one row a line, oldest first
select j.at, j.run_id, j.event, j.task, j.target, j.profile_table, j.tool_version, j.counts, j.user_ids
from {ours}.journal as j
where j.event = 'unit' and (
    j.counts ?| array['granted', 'rights.grant']
    or j.counts = '{{"rows": 0}}' and j.profile_table like '%(%)'
)
order by j.id;
