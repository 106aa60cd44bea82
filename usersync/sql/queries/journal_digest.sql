-- asks: which run was started for this plan
-- returns: at most one row
select j.run_id
from {ours}.journal as j
where j.event = 'started' and j.digest = {digest}
order by j.id
limit 1;
