-- asks: what a run has changed that can be put back, and the oldest before-image there is
-- returns: one row an object, with the columns that it changed there
select
    b.object,
    false as is_parked,
    array(
        select distinct k.name
        from {ours}.before_images as i
        cross join lateral jsonb_object_keys(i.image -> 'before') as k (name)
        where i.run_id = {run_id}::uuid and i.object = b.object
        order by k.name
    ) as columns
from {ours}.before_images as b
where b.run_id = {run_id}::uuid and b.image ? 'before'
group by b.object
union all
select q.profile_table, true, '{{}}'
from {ours}.parked_profiles as q
where q.run_id = {run_id}::uuid
group by q.profile_table
order by object;
