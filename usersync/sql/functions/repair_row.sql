-- does: works out what would change in one row: old and new values of the columns that differ
select {created_at} as created_at, {detail} as detail, {blocked} as blocked,
    null::bigint as source_id, cells.before, cells.after
into change
from {origin}
cross join lateral (
    select
        jsonb_object_agg(c.name, c.before) as before,
        jsonb_object_agg(c.name, c.after) as after,
        string_agg(c.name, ', ' order by c.name) as names
    from (values {cells}) as c (name, before, after, differs)
    where c.differs
) as cells
where {condition};
