-- does: removes what is older than it is kept: the old values of rows, parked profiles that were put
--   back, and, where somebody said how long, those that nobody put back; definitions of functions stay
-- returns: one row: how many rows that were no last copy, and how many that were
with images as (
    delete from {ours}.before_images as b
    where b.at < pg_catalog.now() - make_interval(days => {days}) and b.image ? 'before'
    returning b.id
), restored as (
    delete from {ours}.parked_profiles as q
    where q.restored_at < pg_catalog.now() - make_interval(days => {days})
    returning q.id
), parked as (
    delete from {ours}.parked_profiles as q
    where q.restored_at is null
        and q.at < pg_catalog.now() - make_interval(days => {parked_days}::integer)
    returning q.id
)
select (select count(*) from images) + (select count(*) from restored) as old_values,
    (select count(*) from parked) as parked;
