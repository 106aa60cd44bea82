-- does: removes what is kept of one user: the old values of its rows, and its parked profiles
with images as (
    delete from {ours}.before_images as b
    where b.key = {user_id} and b.image ? 'before'
    returning b.id
), parked as (
    delete from {ours}.parked_profiles as q where q.key = {user_id}::uuid returning q.id
)
select (select count(*) from images) + (select count(*) from parked) as removed;
