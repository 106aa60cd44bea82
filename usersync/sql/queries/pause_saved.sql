-- asks: what was saved of a function when it was paused, if it was never resumed since
-- returns: one row or none
select b.image ->> 'definition' as definition
from {ours}.before_images as b
join {ours}.journal as p
    on p.run_id = b.run_id and p.event = 'unit' and p.counts ? 'paused'
where b.object = {object} and p.profile_table = {function_text}
    and not exists (
        select from {ours}.journal as r
        where r.profile_table = p.profile_table and r.event = 'unit' and r.counts ? 'resumed'
            and r.id > p.id
    )
order by b.id desc
limit 1;
