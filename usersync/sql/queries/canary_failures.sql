-- asks: what our own trigger wrote down about the new user
-- returns: the last failure, if there is one
select f.sqlstate, f.constraint_name, f.column_name, f.trigger_name
from {ours}.failures as f
where f.user_id = {id} and f.profile_table = {table_name}
order by f.id desc
limit 1;
