-- asks: which runs, of those whose id begins so, have changed something that can be put back
-- returns: at most three ids, so that a beginning that several have is seen
select r.run_id::text as run_id
from (
    select b.run_id from {ours}.before_images as b where b.image ? 'before'
    union
    select q.run_id from {ours}.parked_profiles as q
) as r
where starts_with(r.run_id::text, {beginning})
order by r.run_id
limit 3;
