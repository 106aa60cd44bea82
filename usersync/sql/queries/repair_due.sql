-- asks: what repair_prune would remove now, and when the next parked profile is old enough
-- returns: one row
select
    (
        select count(*) from {ours}.before_images as b
        where b.at < pg_catalog.now() - make_interval(days => {days}) and b.image ? 'before'
    ) + (
        select count(*) from {ours}.parked_profiles as q
        where q.restored_at < pg_catalog.now() - make_interval(days => {days})
    ) as old_values,
    count(*) filter (where kept.until < pg_catalog.now()) as parked,
    min(kept.until) filter (where kept.until >= pg_catalog.now()) as next_at
from {ours}.parked_profiles as q
cross join lateral (select q.at + make_interval(days => {parked_days}::integer)) as kept (until)
where q.restored_at is null;
