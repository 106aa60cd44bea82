-- asks: how many users of the plan have no profile still, and how many came after it
-- returns: one row
-- cost: one anti-join; ACCESS SHARE locks only
select
    count(*) filter (where {in_plan}) as remaining,
    count(*) filter (where not {in_plan}) as newer
from auth.users as u
where {needs_profile} and {in_share}
    and not exists (select from {profiles} as p where p.{key} = u.id);
