-- asks: why was no profile made, or kept equal, for one user
-- returns: at most three rows, one a reason, the last one first
-- cost: an index scan by the user's id
select
    left(max(f.at)::text, 19) as at,
    f.sqlstate,
    coalesce(nullif(f.constraint_name, ''), f.column_name) as subject,
    f.trigger_name as trigger
from {ours}.failures as f
where f.user_id = {user_id}::uuid and f.profile_table = {table_text}
group by f.sqlstate, f.constraint_name, f.column_name, f.trigger_name
order by 1 desc
limit 3;
