-- does: removes the old values of rows, and parked profiles that were put back, that are older than
--   they are kept; definitions of functions stay
with images as (
    delete from {ours}.before_images as b
    where b.at < pg_catalog.now() - make_interval(days => {days}) and b.image ? 'before'
)
delete from {ours}.parked_profiles as q
where q.restored_at < pg_catalog.now() - make_interval(days => {days});
